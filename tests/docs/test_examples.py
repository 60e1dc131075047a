"""Every public name has an example in its docstring, and it runs."""

from __future__ import annotations

import dataclasses
import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import astrojepa as aj


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
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    for test in tests:
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
