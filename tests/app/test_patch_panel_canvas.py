"""The patch panel in a real browser, on a page of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.components import browser as components
from app.components.patch_panel import patch_panel
from app.components.patch_panel.masks import PLAIN, write_mask
from astrojepa import plotting

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
HIDDEN = np.zeros((4, 4), bool)


def message(subject: str) -> dict[str, Any]:
    panel = patch_panel.Panel(
        grid=4,
        subject=subject,
        values=[0.5] * 16,
        spread=[None] * 16,
        times=[1] * 16,
        roles=PLAIN * 16,
        mask=write_mask(HIDDEN),
        low=0.0,
        high=1.0,
        stops=("#000000", "#FFFFFF"),
        opacity=0.5,
        layout="over",
        unit="error",
        name="error",
        sentence="",
        label=f"the image of {subject}",
    )
    image = np.full((64, 64, 3), 100, np.uint8)
    return patch_panel.message(panel, plotting.encode_image(image, "png"), 64)


def content(parts: Any) -> str:
    return f"<style>{parts['css']}</style><div id=host>{parts['html']}</div>"


def test_heatmaps_of_images_of_64_and_of_128_pixels_are_of_one_size(browser: Any) -> None:
    parts = components.parts("patch_panel", "drawing", "patch_panel")
    context = browser.new_context(viewport={"width": 2560, "height": 1440})
    page, widths = context.new_page(), []
    page.set_content(content(parts))
    for side in (64, 128):
        page.evaluate(
            """widest => {
                const panel = document.querySelector(".panel");
                panel.dataset.layout = "over";
                panel.style.setProperty("--widest", `${widest}px`);
            }""",
            patch_panel.ENLARGED * side,
        )
        widths.append(page.locator(".board").first.bounding_box()["width"])
    assert widths[0] == widths[1]
    context.close()


def test_a_call_that_the_next_one_overtakes_takes_nothing_from_it(browser: Any) -> None:
    """While the script loads, Streamlit may call twice and then end the first call."""
    parts = components.parts("patch_panel", "drawing", "patch_panel")
    context = browser.new_context(viewport={"width": 600, "height": 700})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_content(content(parts))
    page.evaluate(
        """async ([script, first, second]) => {
            const place = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
            const { default: panel } = await import(place);
            const parentElement = document.getElementById("host");
            window.sent = [];
            const setTriggerValue = (name, value) => sent.push([name, value]);
            const call = (data) => panel({ parentElement, data, setTriggerValue });
            const overtaken = call(first);
            window.leave = call(second);
            overtaken();
        }""",
        [parts["js"], message("one galaxy"), message("another")],
    )
    page.wait_for_timeout(50)
    assert page.evaluate("() => Boolean(host.patchPanel)"), "the panel that is shown"
    canvas = page.get_by_role("application", name="the image of another")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 8, box["y"] + box["height"] / 8)
    page.wait_for_function("() => sent.length")
    drawn = HIDDEN.copy()
    drawn[0, 0] = True
    assert page.evaluate("sent") == [["mask", {"mask": write_mask(drawn)}]]
    page.evaluate("leave()")
    page.wait_for_function("() => !host.patchPanel")
    assert complaints == []
    context.close()
