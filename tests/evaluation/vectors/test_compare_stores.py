"""Two stores of the same galaxies, in other orders: compared as small sets are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from astrojepa.evaluation.vectors import compare_stores as module
from astrojepa.evaluation.vectors.compare import compare_embeddings
from astrojepa.evaluation.vectors.compare_stores import (
    compare_stores,
    neighbours_by_both,
    same_galaxies,
)
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.evaluation.vectors.store_index import open_index
from astrojepa.types import Embeddings

pytestmark = pytest.mark.skipif(
    not is_available(), reason="faiss is not installed: pip install faiss-cpu"
)
COUNT = 1500


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "cache"))


def written(folder: Path, ids: np.ndarray, vectors: np.ndarray) -> Store:
    folder.mkdir()
    order = np.random.default_rng(len(ids) + vectors.shape[1]).permutation(len(ids))
    frame = pd.DataFrame({"object_id": ids[order], "vector": list(vectors[order])})
    frame.to_parquet(folder / "a.parquet")
    return open_store(folder)


def pair(folder: Path, lacking: int = 0) -> tuple[Store, Store, list[Embeddings]]:
    """Two stores, the second of wider vectors and without some of the galaxies, and what is in both
    as small sets in the order of the first.
    """
    generator = np.random.default_rng(0)
    ids = np.array([f"galaxy {number}" for number in range(COUNT)])
    vectors = generator.normal(size=(COUNT, 6)).astype(np.float16)
    more = generator.normal(size=(COUNT, 7))
    more[:, :6] += 3 * vectors
    more = more.astype(np.float16)
    first = written(folder / "first", ids, vectors)
    second = written(folder / "second", ids[lacking:], more[lacking:])
    known = first.known("id")
    assert known is not None
    places = pd.Series(np.arange(COUNT), ids)[known].to_numpy()
    places = places[places >= lacking]
    small = [
        Embeddings(part[places].astype(np.float32), np.full(len(places), -1), ids[places], ())
        for part in (vectors, more)
    ]
    return first, second, small


def test_all_galaxies_of_two_stores_compare_as_the_same_vectors_in_memory(tmp_path: Path) -> None:
    first, second, small = pair(tmp_path)
    partners = same_galaxies(first, second)
    ids = [store.known("id") for store in (first, second)]
    assert ids[1] is not None
    assert ids[0] is not None
    assert ids[1][partners.seconds].tolist() == ids[0].tolist()
    assert partners.seconds[partners.firsts].tolist() == list(range(COUNT))
    indices = open_index(first), open_index(second)
    whole = compare_stores(indices, partners, sample=COUNT)
    expected = compare_embeddings(*small)
    assert 0.1 < expected.mean_overlap < 0.9
    differ = whole.found.overlap != expected.overlap  # where float16 makes distances equal
    assert differ.mean() < 0.02
    close = np.isclose(whole.found.stretch, expected.stretch, rtol=1e-3)
    assert close.mean() > 0.97
    assert len(set(whole.found.moved[:20]) & set(expected.moved[:20])) >= 18
    for name in ("chance", "cka", "cka_unbiased", "k"):
        assert getattr(whole.found, name) == pytest.approx(getattr(expected, name), rel=1e-3)
    part = compare_stores(indices, partners, sample=400)
    assert len(part.rows) == 400
    np.testing.assert_array_equal(part.found.overlap, whole.found.overlap[part.rows])
    assert part.found.chance == whole.found.chance
    overlap = expected.overlap[part.rows]
    assert part.error == pytest.approx(overlap.std(ddof=1) / 20, rel=0.02)
    assert abs(part.found.mean_overlap - expected.mean_overlap) < 4 * part.error


def test_neighbours_that_one_store_lacks_do_not_count(tmp_path: Path) -> None:
    first, second, small = pair(tmp_path, lacking=300)
    for one, other, sets in ((first, second, small), (second, first, None)):
        partners = same_galaxies(one, other)
        indices = open_index(one), open_index(other)
        found = compare_stores(indices, partners, sample=COUNT)
        assert len(found.rows) == COUNT - 300
        assert found.found.chance == pytest.approx(10 / (COUNT - 301))
        if sets is not None:  # but for the galaxies that features are standardised by
            expected = compare_embeddings(*sets)
            assert np.abs(found.found.overlap - expected.overlap).mean() < 0.01
            np.testing.assert_allclose(found.vectors[0], sets[0].vectors, atol=5e-3)


@pytest.mark.parametrize("count", [3, 10])
def test_stores_of_fewer_galaxies_than_neighbours_compare_as_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setitem(globals(), "COUNT", count)
    first, second, small = pair(tmp_path)
    indices, partners = (open_index(first), open_index(second)), same_galaxies(first, second)
    found, expected = compare_stores(indices, partners).found, compare_embeddings(*small)
    assert (found.k, found.chance) == (count - 1, 1)
    np.testing.assert_array_equal(found.overlap, expected.overlap)
    assert found.cka == pytest.approx(expected.cka, rel=1e-3)
    near, whole = neighbours_by_both(indices, partners, np.array([0]))
    assert np.sort(near).tolist() == [[list(range(1, count))]] * 2
    assert whole.all()


def test_stores_of_other_galaxies_are_refused(tmp_path: Path) -> None:
    first, second, _ = pair(tmp_path, lacking=800)
    with pytest.raises(ValueError, match="1,500 galaxies and second 700, and 700 ids are in both"):
        same_galaxies(first, second)


def test_galaxies_with_few_neighbours_in_both_stores_are_searched_wider_or_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = pair(tmp_path, lacking=700)
    indices, partners = (open_index(first), open_index(second)), same_galaxies(first, second)
    expected = compare_stores(indices, partners, sample=200)
    assert expected.asked == len(expected.rows) == 200
    monkeypatch.setattr(module, "SEARCHED", 15)  # of which 8 are in both, on average
    found = compare_stores(indices, partners, sample=200)
    assert found.rows.tolist() == expected.rows.tolist()
    np.testing.assert_array_equal(found.found.overlap, expected.found.overlap)
    monkeypatch.setattr(module, "WIDER", 15)
    found = compare_stores(indices, partners, sample=200)
    assert found.asked == 200
    assert 2 < len(found.rows) < 100
    for name in ("SEARCHED", "WIDER"):
        monkeypatch.setattr(module, name, 10)
    with pytest.raises(ValueError, match="the same galaxies"):
        compare_stores(indices, partners, sample=20)
