from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as slow_trustworthiness

from astrojepa.evaluation.layouts import principal_components
from astrojepa.evaluation.projection import METHODS, cached_projection, neighbour_preservation, project, trustworthiness
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def separation(xy: np.ndarray, labels: np.ndarray) -> float:
    """Share of galaxies whose nearest neighbour on the map has their class."""
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    return float((labels[gaps.argmin(axis=1)] == labels).mean())


def test_pca_keeps_the_directions_of_largest_variance(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    along = generator.normal(size=(200, 1))
    vectors = np.hstack([along + 0.1 * generator.normal(size=(200, 3)), generator.normal(size=(200, 1))])
    xy = project(make_embeddings(vectors), "pca")
    assert xy.dtype == np.float32
    assert abs(np.corrcoef(xy[:, 0], along[:, 0])[0, 1]) > 0.99
    assert abs(np.corrcoef(xy[:, 1], vectors[:, 3])[0, 1]) > 0.99


def test_pca_signs_do_not_depend_on_the_order_of_galaxies(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 6)) * np.arange(1, 7) @ np.random.default_rng(1).normal(size=(6, 6))
    order = np.random.default_rng(2).permutation(100)
    xy, turned = project(make_embeddings(vectors), "pca"), project(make_embeddings(vectors[order]), "pca")
    np.testing.assert_allclose(turned, xy[order], atol=1e-3)


def test_principal_components_of_few_galaxies_are_filled_with_zeros() -> None:
    found = principal_components(np.array([[0.0, 1, 2], [1, 1, 0]], np.float32), 4)
    assert found.shape == (2, 4)
    np.testing.assert_allclose(np.linalg.norm(found[0] - found[1]), np.sqrt(5), rtol=1e-5)
    assert not found[:, 2:].any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_fewer_than_five_galaxies_are_placed_by_pca(make_embeddings: Make, method: str, count: int) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(count, 7)))
    xy = project(data, method)
    assert xy.shape == (count, 2)
    np.testing.assert_array_equal(xy, project(data, "pca"))


@pytest.mark.parametrize("method", METHODS)
def test_equal_galaxies_are_placed_on_one_point(make_embeddings: Make, method: str) -> None:
    assert not project(make_embeddings(np.full((30, 4), 0.3)), method).any()


@pytest.mark.parametrize("count", [5, 6, 20])
def test_tsne_of_fewer_galaxies_than_its_perplexity_is_finite(make_embeddings: Make, count: int) -> None:
    xy = project(make_embeddings(np.random.default_rng(0).normal(size=(count, 7))), "tsne")
    assert xy.shape == (count, 2)
    assert np.isfinite(xy).all()
    assert len(np.unique(xy, axis=0)) == count


def test_tsne_separates_blobs_and_repeats_itself(make_blobs: Make) -> None:
    data = make_blobs(count=80, width=60)
    xy = project(data, "tsne", seed=1, cache=False)
    assert separation(xy, data.labels) > 0.95
    np.testing.assert_array_equal(xy, project(data, "tsne", seed=1, cache=False))
    assert not np.array_equal(xy, project(data, "tsne", seed=2, cache=False))


@pytest.mark.slow
def test_umap_separates_blobs_and_repeats_itself(make_blobs: Make) -> None:
    data = make_blobs(count=150, width=60)
    reports: list[tuple[int, int, str]] = []
    xy = project(data, "umap", seed=1, cache=False, progress=lambda *report: reports.append(report))
    assert xy.dtype == np.float32
    assert separation(xy, data.labels) > 0.95
    assert reports[0] == (0, 100, "UMAP")
    assert reports[-1] == (100, 100, "UMAP")
    np.testing.assert_array_equal(xy, project(data, "umap", seed=1, cache=False))
    assert not np.array_equal(xy, project(data, "umap", seed=2, cache=False))


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 14, 16])
def test_umap_of_few_galaxies_and_of_duplicates_is_finite(make_embeddings: Make, count: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(count, 7))
    vectors[1] = vectors[0]
    assert np.isfinite(project(make_embeddings(vectors), "umap")).all()


def test_progress_is_reported_up_to_100(make_blobs: Make) -> None:
    reports: list[tuple[int, int, str]] = []
    project(make_blobs(count=40), "tsne", progress=lambda *report: reports.append(report))
    done = [report[0] for report in reports]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 100)
    assert {report[1:] for report in reports} == {(100, "t-SNE")}


def test_a_map_is_computed_once(make_blobs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_blobs(count=30)
    assert cached_projection(data, "tsne") is None
    xy = project(data, "tsne")
    monkeypatch.setattr("astrojepa.evaluation.projection.tsne_layout", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(project(data, "tsne"), xy)
    found = cached_projection(data, "tsne")
    assert found is not None
    np.testing.assert_array_equal(found, xy)
    assert cached_projection(data, "tsne", seed=1) is None
    assert cached_projection(make_blobs(count=30, seed=5), "tsne") is None


def test_without_cache_nothing_is_kept(make_blobs: Make) -> None:
    project(make_blobs(), "pca", cache=False)
    assert cached_projection(make_blobs(), "pca") is None


def test_bad_requests_are_refused(make_embeddings: Make) -> None:
    data = make_embeddings(np.eye(6))
    with pytest.raises(ValueError, match="no projection 'mds'; choose one of pca, umap, tsne"):
        project(data, "mds")
    with pytest.raises(ValueError, match="seed is -1"):
        project(data, seed=-1)
    with pytest.raises(ValueError, match="galaxy g0 is not finite"):
        project(make_embeddings([[np.nan, 1], [0, 0]]))
    with pytest.raises(ValueError, match="at least one galaxy"):
        project(make_embeddings(np.zeros((0, 4))))


@pytest.mark.parametrize("k", [1, 5, 15])
def test_trustworthiness_equals_scikit_learn(make_embeddings: Make, k: int) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(120, 6)).astype(np.float32)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    xy = vectors[:, :2] + 0.3 * generator.normal(size=(120, 2))
    ours = trustworthiness(make_embeddings(vectors), xy, k)
    assert ours == pytest.approx(slow_trustworthiness(vectors, xy, n_neighbors=k), abs=1e-6)


def test_a_faithful_map_is_trusted_and_a_random_one_is_not(make_embeddings: Make) -> None:
    generator = np.random.default_rng(0)
    plane = generator.normal(size=(500, 2))
    data = make_embeddings(plane / plane.std(axis=0))
    assert trustworthiness(data, plane / plane.std(axis=0)) == 1
    assert trustworthiness(data, generator.normal(size=(500, 2))) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(neighbour_preservation(data, plane / plane.std(axis=0)), 1)
    assert neighbour_preservation(data, generator.normal(size=(500, 2))).mean() < 0.1


def test_trustworthiness_of_a_sample_is_close_to_that_of_all(make_embeddings: Make) -> None:
    vectors = np.random.default_rng(0).normal(size=(1200, 5))
    data, xy = make_embeddings(vectors), vectors[:, :2]
    assert trustworthiness(data, xy, sample=300) == pytest.approx(trustworthiness(data, xy), abs=0.02)


def test_trust_in_a_handful_of_galaxies(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(5, 3)))
    assert 0 <= trustworthiness(data, data.vectors[:, :2]) <= 1
    assert np.isnan(trustworthiness(make_embeddings(np.eye(3)), np.eye(3)[:, :2]))
    assert neighbour_preservation(data, data.vectors[:, :2], k=15).tolist() == [1] * 5


@pytest.mark.parametrize("measure", [trustworthiness, neighbour_preservation])
def test_a_map_of_other_galaxies_is_refused(make_embeddings: Make, measure: Callable[..., float]) -> None:
    with pytest.raises(ValueError, match="for 6 galaxies"):
        measure(make_embeddings(np.eye(6)), np.zeros((5, 2)))
