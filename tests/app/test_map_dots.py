"""The latent map's dots, which it blends itself, beside those that a canvas draws."""

from __future__ import annotations

from typing import Any

import pytest
from canvas_page import FOLDER

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.mark.parametrize(("ratio", "half_grey"), [(1, False), (2, True)])
def test_dots_look_as_if_the_canvas_had_drawn_each_of_them(
    browser: Any, ratio: int, half_grey: bool
) -> None:
    parts = "\n".join(
        (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        for name in ("geometry", "theme", "dots")
    )
    page = browser.new_page()
    mean, far, light = page.evaluate(
        """async ([parts, ratio, halfGrey]) => {
          const text = parts + ";export { drawDots, dotRadius, traceShape, pixelsPerUnit };";
          const map = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
          const [n, width, height] = [300, 200 * ratio, 150 * ratio];
          const make = () => Object.assign(document.createElement("canvas"), { width, height });
          const [ours, theirs] = [make(), make()];
          const view = { width: 200, height: 150, zoom: 1.3, base: 1, cx: 0, cy: 0 };
          let seed = 1;
          const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
          const xy = Float32Array.from({ length: 2 * n }, (_, k) => (random() - 0.5) * (k % 2 ? 130 : 170));
          const shapes = ["circle", "diamond", "triangle", "bar"];
          const rows = [...xy.subarray(0, n).keys()];
          const points = { n, classes: rows.map((i) => i % 4), colours: rows.map((i) => i % 3), header: { shapes } };
          const table = ["#ff8040", "#40c0ff", "#e6eaf2"];
          const theme = { background: "#0b0e14", grey: "#303846" };
          const bright = halfGrey ? rows.map((i) => i % 2) : null;
          map.drawDots(ours.getContext("2d"), { points, view, table, ratio, xy, bright, theme, canvas: ours });

          const ctx = theirs.getContext("2d");
          const [k, radius] = [map.pixelsPerUnit(view), Math.round(map.dotRadius(view, n) * 4) / 4];
          ctx.fillStyle = theme.background;
          ctx.fillRect(0, 0, width, height);
          for (const i of bright ? [...rows.filter((i) => !bright[i]), ...rows.filter((i) => bright[i])] : rows) {
            ctx.setTransform(ratio, 0, 0, ratio, (100 + xy[2 * i] * k) * ratio, (75 - xy[2 * i + 1] * k) * ratio);
            ctx.globalAlpha = bright ? (bright[i] ? 1 : 0.7) : 0.95;
            ctx.fillStyle = bright && !bright[i] ? theme.grey : table[points.colours[i]];
            map.traceShape(ctx, shapes[points.classes[i]], 0, radius);
            ctx.fill();
          }
          const [a, b] = [ours, theirs].map((canvas) => canvas.getContext("2d").getImageData(0, 0, width, height).data);
          const gaps = a.map((value, k) => Math.abs(value - b[k]));
          const sum = (data) => data.reduce((total, value) => total + value, 0);
          return [sum(gaps) / gaps.length, gaps.filter((gap) => gap > 64).length / gaps.length, sum(a) / sum(b)];
        }""",
        [parts, ratio, half_grey],
    )
    page.close()
    assert mean < 3, "off by an eighth of a pixel at most"
    assert far < 0.005, "which shows at edges alone"
    assert light == pytest.approx(1, abs=0.005)
