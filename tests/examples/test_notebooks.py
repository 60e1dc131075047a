"""The tutorials run from the first cell to the last, and are stored with what they showed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
FEWER = 120  # simulated galaxies, in place of the 300 that a reader draws
LARGEST = 1_000_000  # bytes: they are tracked, pictures included


def printed(cell: nbformat.NotebookNode) -> str:
    """What a cell wrote to its standard output."""
    return "".join(
        output["text"] for output in cell.get("outputs", []) if output.get("name") == "stdout"
    )


def test_there_are_three_tutorials():
    assert [path.stem for path in NOTEBOOKS] == ["folder_to_map", "map_in_a_notebook", "own_probe"]


@pytest.mark.slow(15)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_tutorial_runs_and_prints_as_many_lines_as_it_shows(path):
    stored = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    for cell in fresh.cells:
        cell.source = cell.source.replace("simulated:300", f"simulated:{FEWER}")
    client = NotebookClient(
        fresh, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        assert len(printed(before).splitlines()) == len(printed(after).splitlines()), after.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_tutorial_is_stored_executed_without_errors_and_small(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds & {"image/jpeg", "image/png"}
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert path.stat().st_size < LARGEST
