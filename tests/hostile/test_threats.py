"""The attacks of the threats table in docs/reliability.md that have no other home, and that the
table names tests which exist.
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import astrojepa
from app.server import pictures
from app.session import loaders, state
from app.session.marks import Review
from app.session.queue import Queue
from astrojepa import files
from astrojepa.progress import Progress
from tests.app.page_runner import QUIET, run_page, settled, words
from tests.hostile import examples
from tests.hostile.readers import READERS

ROOT = Path(__file__).parents[2]
MARKUP = (
    "<img src=x "
    "onerror=alert(1)>![p](https://attacker.example/p.png)[l](javascript:alert(2)):red[x]$x$"
)
SHOWN = ("caption", "markdown", "info", "warning", "error", "title", "header", "subheader", "toast")

pytestmark = QUIET


@pytest.fixture
def draw(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AppTest]:
    """Run a page until nothing is in progress any more."""
    return lambda page, **options: run_page(
        monkeypatch, tmp_path_factory.getbasetemp() / "pages-cache", page, **options
    )


@pytest.fixture
def marked_up(tmp_path: Path) -> Path:
    """Galaxies whose ids and classes are markup, and two pictures of which cannot be read once
    the folder is open.
    """
    rows = ["file,id,label"]
    for k in range(24):
        Image.fromarray(examples.picture(k, 40, 40)).save(tmp_path / f"{k}.png")
        rows.append(f'{k}.png,"{MARKUP} {k}","{MARKUP} {"AB"[k % 2]}"')
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def unescaped(test: AppTest) -> list[str]:
    """The texts on a page in which a picture, a link, a directive or HTML of the attacker's
    stands.
    """
    values = [str(element.value) for kind in SHOWN for element in test.get(kind)]
    return [value for value in values if re.search(r"(?<!\\)(\[p\]|\[l\]|<img|:red\[|\$x)", value)]


@pytest.mark.slow
@pytest.mark.parametrize("page", ["map", "galaxy", "anomalies", "probe", "compare", "models"])
def test_markup_in_ids_and_classes_is_shown_and_not_obeyed(
    page: str, draw: Callable[..., AppTest], marked_up: Path
) -> None:
    test = draw(
        page,
        data=str(marked_up),
        query={"id": f"{MARKUP} 99", "colour": MARKUP[:80], "only": MARKUP[:80]},
    )
    assert not unescaped(test)
    if page == "map":  # where nothing is waited for, what is said once is still there
        assert "is not in this data set" in words(test)


def test_a_link_can_not_put_a_picture_or_a_link_on_the_page(draw: Callable[..., AppTest]) -> None:
    for letters in (MARKUP, MARKUP[:80], MARKUP[-30:]):
        names = dict.fromkeys((about.name for about in state.PARAMETERS.values()), letters)
        test = draw("map", query=names)
        assert not unescaped(test)
    test = draw("map", query={"id": MARKUP, "colour": MARKUP[:80]})
    assert not unescaped(test)
    assert "onerror=alert" in words(test), "the link's galaxy is not named"


def test_scripts_of_components_never_make_html_of_data() -> None:
    scripts = [*(ROOT / "app").rglob("*.js")]
    assert len(scripts) > 10
    for path in scripts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
            path.read_text(),
        ), path


@pytest.mark.parametrize(
    "word", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "x\r=1+1", "x\r\n@A1"]
)
def test_no_cell_of_an_export_is_run_by_a_spreadsheet(word: str) -> None:
    rows = list(csv.reader(io.StringIO(files.csv_text([word], [[word, 1.5, -2]]), newline="")))
    assert [len(row) for row in rows] == [1, 3]
    assert rows[1][1:] == ["1.5", "-2"]
    for cell in (rows[0][0], rows[1][0]):
        assert not re.match(r"[\s]*[=+@-]", cell)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../evil.pth", "runs/evil", "file:///etc/passwd", "..", "evil.pth"]
)
def test_an_address_names_no_file(
    path: str, draw: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pth").write_bytes(examples.published_checkpoints()[0])
    opened: list[str] = []
    loaders.jobs.clear()
    for name in ("load_model", "open_dataset"):
        monkeypatch.setattr(astrojepa, name, _noting(opened, getattr(astrojepa, name)))
    draw(
        "map",
        query=dict.fromkeys(("model", "data", "with", "path", "checkpoint", "id"), path),
        hosted=True,
    )
    assert opened == ["simulated:60", "random"] or opened == ["random", "simulated:60"]


def _noting(opened: list[str], function: Callable[..., Any]) -> Callable[..., Any]:
    def noted(source: Any, *rest: Any, **options: Any) -> Any:
        opened.append(str(source))
        return function(source, *rest, **options)

    return noted


def test_an_address_of_pictures_names_open_data_only_and_never_a_file() -> None:
    from starlette.requests import Request

    def answer(key: str, side: str, rows: str) -> int:
        scope = {
            "type": "http",
            "query_string": f"rows={rows}".encode(),
            "path_params": {"key": key, "side": side},
            "headers": [],
        }
        return pictures._answer(Request(scope)).status_code

    class Data:
        fingerprint = source_hash = "0123456789abcdef"
        rows = np.arange(3)

        def __len__(self) -> int:
            return 3

        def __getitem__(self, row: int) -> Any:
            return type("Galaxy", (), {"image": examples.picture(row)})

    key = pictures.offer(Data())
    assert answer(key, "96", "0,1,2") == 200
    for wrong in ("/etc/passwd", "..", "", "0123456789abcdee"):
        assert answer(wrong, "96", "0") == 404
    for side in ("97", "9" * 5000, "-96", "96.0", "٩٦", "1e9"):
        assert answer(key, side, "0") == 404
    for rows in ("3", "-1", "9" * 5000, "0," * 64 + "0", "", "a", "٣"):
        assert answer(key, "96", rows) == 400


def test_pictures_kept_in_memory_are_bounded_however_many_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pictures, "KEEP", 50)
    monkeypatch.setitem(pictures._open, "many", _Endless())
    for row in range(300):
        pictures.tile("many", row, 48)
    assert len(pictures._tiles) <= 50


class _Endless:
    """A data set of any length."""

    def __getitem__(self, row: int) -> Any:
        return type("Galaxy", (), {"image": np.full((50, 50, 3), row % 256, np.uint8)})


def test_a_heavy_task_runs_once_however_many_ask_and_one_at_a_time() -> None:
    jobs, running, most, runs = Queue(keep=16), 0, 0, []

    def task(key: int) -> Callable[[Progress], int]:
        def work(report: Progress) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            time.sleep(0.01)
            runs.append(key)
            running -= 1
            return key

        return work

    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda k=k: found.append(jobs.start((k % 10,), task(k % 10))))
        for k in range(200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in found:
        assert job.finished.wait(10)
    assert sorted(runs) == list(range(10))
    assert most == 1
    for key in range(10, 40):
        jobs.start((key,), task(key)).finished.wait(10)
    assert len(jobs._jobs) <= 17


@pytest.mark.slow
def test_what_one_visitor_marks_gathers_and_brings_is_not_in_another_s_session(
    draw: Callable[..., AppTest],
) -> None:
    first = draw("anomalies")
    secret = "a-name-of-mine"
    first.session_state[state.COLLECTIONS] = {"everything": {secret: (1, 2)}}
    first.session_state[state.REVIEWS] = {"everything": Review(marks={3: 5})}
    first.session_state[state.UPLOADS] = {secret: object()}
    first.session_state[state.ROW] = 7
    settled(first.run())
    second = draw("anomalies")
    assert first.session_state[state.UPLOADS].keys() == {secret}
    keys = [
        value for name, value in vars(state).items() if name.isupper() and isinstance(value, str)
    ]
    held = {key: second.session_state[key] for key in keys if key in second.session_state}
    assert not {state.UPLOADS, state.COLLECTIONS} & {key for key, value in held.items() if value}
    assert not any(review.marks for review in held.get(state.REVIEWS, {}).values())
    assert secret not in repr(held) + words(second)


def test_every_threat_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    table = page.split("## Threats")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 9
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(), f"{path} has no {test}"


def test_counts_in_the_record_are_those_of_its_json() -> None:
    record = json.loads((Path(__file__).parent / "record.json").read_text())
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert [outcome["reader"] for outcome in record["readers"]] == [r.name for r in READERS]
    for outcome in record["readers"]:
        assert f"| {outcome['reader']} | {outcome['cases']:,} | {outcome['refused']:,} |" in page
        assert not outcome["failures"]
    assert sum(outcome["cases"] for outcome in record["readers"]) >= 20_000
