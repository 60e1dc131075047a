"""Every public name has an example in its docstring, and every example runs."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import astrojepa as aj


def modules() -> list[tuple[str, str]]:
    """Every module of the package with its text."""
    root = Path(aj.__file__).parent
    return [
        (".".join(file.relative_to(root.parent).with_suffix("").parts), file.read_text())
        for file in sorted(root.rglob("*.py"))
    ]


def check(tests: list[doctest.DocTest]) -> None:
    """Run examples."""
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    for test in tests:
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all examples: they open the same galaxies."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def computed(cache: Path) -> dict[str, Any]:
    """Vectors that examples begin with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(cache))
        data = aj.open_dataset("simulated:60")
        train, _, test = aj.split(data, "grouped", seed=42)
        known, new = aj.pixel_pca(train, test, components=8)
        embeddings = aj.embed(aj.load_model("small.lejepa"), data, passes=1)
    return {"embeddings": embeddings, "known": known, "new": new}


@pytest.fixture
def names(
    cache: Path, computed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, Any]:
    """What an example may use without saying where it comes from."""
    monkeypatch.setenv("ASTROJEPA_CACHE", str(cache))
    modules = {"aj": aj, "np": np, "dataclasses": dataclasses, "torch": torch}
    return {**modules, **computed, "folder": tmp_path / "run"}


@pytest.mark.slow
@pytest.mark.parametrize("name", aj.__all__)
def test_the_example_of_a_public_name_runs(name, names):
    tests = [
        test
        for test in doctest.DocTestFinder(recurse=False).find(getattr(aj, name), name, globs=names)
        if test.examples
    ]
    assert tests, f"{name} has no example"
    check(tests)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, text in modules() if ">>> " in text])
def test_every_other_example_of_a_docstring_runs(name, names):
    module = importlib.import_module(name)
    public = {id(getattr(aj, name)) for name in aj.__all__}
    found = doctest.DocTestFinder().find(module, extraglobs=names)
    named = [(test, getattr(module, test.name.removeprefix(f"{name}."), None)) for test in found]
    check([test for test, told in named if id(told) not in public])
