from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.maps.layouts import neighbour_graph, principal_components
from astrojepa.evaluation.maps.projection import METHODS, cached_projection, map_recipe, project
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
    vectors = np.hstack(
        [along + 0.1 * generator.normal(size=(200, 3)), generator.normal(size=(200, 1))]
    )
    xy = project(make_embeddings(vectors), "pca")
    assert xy.dtype == np.float32
    assert abs(np.corrcoef(xy[:, 0], along[:, 0])[0, 1]) > 0.99
    assert abs(np.corrcoef(xy[:, 1], vectors[:, 3])[0, 1]) > 0.99


def test_pca_signs_do_not_depend_on_the_order_of_galaxies(make_embeddings: Make) -> None:
    vectors = (
        np.random.default_rng(0).normal(size=(100, 6))
        * np.arange(1, 7)
        @ np.random.default_rng(1).normal(size=(6, 6))
    )
    order = np.random.default_rng(2).permutation(100)
    xy, turned = (
        project(make_embeddings(vectors), "pca"),
        project(make_embeddings(vectors[order]), "pca"),
    )
    np.testing.assert_allclose(turned, xy[order], atol=1e-3)


def test_principal_components_of_few_galaxies_are_filled_with_zeros() -> None:
    (found,) = principal_components(np.array([[0.0, 1, 2], [1, 1, 0]], np.float32), 4)
    assert found.shape == (2, 4)
    np.testing.assert_allclose(np.linalg.norm(found[0] - found[1]), np.sqrt(5), rtol=1e-5)
    assert not found[:, 2:].any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_fewer_than_five_galaxies_are_placed_by_pca(
    make_embeddings: Make, method: str, count: int
) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(count, 7)))
    xy = project(data, method)
    assert xy.shape == (count, 2)
    np.testing.assert_array_equal(xy, project(data, "pca"))


@pytest.mark.parametrize("method", METHODS)
def test_equal_galaxies_are_placed_on_one_point(make_embeddings: Make, method: str) -> None:
    assert not project(make_embeddings(np.full((30, 4), 0.3)), method).any()


@pytest.mark.parametrize("count", [5, 6, 20])
def test_tsne_of_fewer_galaxies_than_its_perplexity_is_finite(
    make_embeddings: Make, count: int
) -> None:
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
    assert len({done for done, _, _ in reports}) > 3, "epochs are reported"
    np.testing.assert_array_equal(xy, project(data, "umap", seed=1, cache=False))
    assert not np.array_equal(xy, project(data, "umap", seed=2, cache=False))


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 14, 16])
def test_umap_of_few_galaxies_and_of_duplicates_is_finite(
    make_embeddings: Make, count: int
) -> None:
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
    monkeypatch.setattr(
        "astrojepa.evaluation.maps.projection.tsne_layout", lambda *_: pytest.fail("computed again")
    )
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


def test_others_go_through_the_same_linear_map() -> None:
    generator = np.random.default_rng(0)
    features, others = (generator.normal(size=(count, 5)).astype(np.float32) for count in (40, 7))
    plane, placed = principal_components(features, 2, others)
    shift = np.linalg.lstsq(np.column_stack([features, np.ones(40)]), plane, rcond=None)[0]
    np.testing.assert_allclose(placed, np.column_stack([others, np.ones(7)]) @ shift, atol=1e-5)


def test_both_maps_share_one_graph_of_exact_neighbours(
    make_blobs: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_blobs(count=60, width=60)
    seen = []
    monkeypatch.setattr(
        "astrojepa.evaluation.maps.projection.umap_layout",
        lambda features, graph, seed, report, **_: seen.append(graph) or features[:, :2],
    )
    project(data, "umap")
    monkeypatch.setattr(
        "astrojepa.evaluation.maps.projection.neighbour_graph",
        lambda _: pytest.fail("searched again"),
    )
    monkeypatch.setattr(
        "astrojepa.evaluation.maps.projection.tsne_layout",
        lambda features, graph, seed, report: seen.append(graph) or features[:, :2],
    )
    project(data, "tsne")
    np.testing.assert_array_equal(seen[0].indices, seen[1].indices)
    np.testing.assert_array_equal(seen[0].distances, seen[1].distances)


def test_the_graph_equals_a_slow_search() -> None:
    features = np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)
    graph = neighbour_graph(features)
    gaps = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert graph.indices.shape == (150, 90)
    np.testing.assert_array_equal(graph.indices, np.argsort(gaps, axis=1)[:, :90])
    np.testing.assert_allclose(graph.distances, np.sort(gaps, axis=1)[:, :90], rtol=1e-5)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_set_of_duplicates_of_few_galaxies_has_a_finite_map(
    make_embeddings: Make, method: str
) -> None:
    vectors = np.repeat(np.random.default_rng(0).normal(size=(3, 6)), 20, axis=0)
    assert np.isfinite(project(make_embeddings(vectors), method)).all()


def test_a_recipe_says_what_was_done(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(31, 6)))
    assert map_recipe(data, "tsne", seed=3)["perplexity"] == 10
    assert map_recipe(data, "tsne", seed=3)["seed"] == 3
    assert map_recipe(data, "umap")["neighbours"] == 15
    assert map_recipe(make_embeddings(np.eye(4)), "umap") == {"method": "pca"}


@pytest.mark.parametrize("method", ["pca", pytest.param("umap", marks=pytest.mark.slow)])
def test_a_map_can_have_three_dimensions_and_is_kept_beside_the_flat_one(
    make_embeddings: Make, method: str
) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(60, 8)))
    flat, space = project(data, method), project(data, method, dimensions=3)
    assert (flat.shape, space.shape) == ((60, 2), (60, 3))
    assert np.isfinite(space).all()
    np.testing.assert_array_equal(space, cached_projection(data, method, dimensions=3))
    np.testing.assert_array_equal(flat, cached_projection(data, method))
    if method == "pca":
        np.testing.assert_allclose(space[:, :2], flat, atol=1e-4)


def test_maps_of_four_dimensions_and_tsne_in_three_are_refused(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(20, 8)))
    with pytest.raises(ValueError, match="2 or 3 dimensions, not 4"):
        project(data, dimensions=4)
    with pytest.raises(ValueError, match="t-SNE is drawn in 2 dimensions only"):
        project(data, "tsne", dimensions=3)
