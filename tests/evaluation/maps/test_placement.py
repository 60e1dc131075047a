from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.evaluation.maps.placement import _weighted_median, place
from astrojepa.evaluation.maps.projection import project
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]


def part_of(data: Embeddings, rows: slice) -> Embeddings:
    return Embeddings(data.vectors[rows], data.labels[rows], data.ids[rows], data.classes)


@pytest.mark.parametrize("count", [3, 80])
def test_pca_places_galaxies_by_the_very_map_of_the_known_ones(
    make_blobs: Make, count: int
) -> None:
    data = make_blobs(count=count + 20)
    known, new = part_of(data, slice(count)), part_of(data, slice(count, None))
    xy = project(known, "pca")
    np.testing.assert_allclose(place(known, known, xy, "pca"), xy, atol=1e-5)
    features = np.column_stack([known.vectors, np.ones(count)])
    linear = np.linalg.lstsq(features, xy, rcond=None)[0]
    if count > features.shape[1]:
        np.testing.assert_allclose(
            place(new, known, xy, "pca"),
            np.column_stack([new.vectors, np.ones(20)]) @ linear,
            atol=1e-3,
        )


@pytest.mark.parametrize("width", [8, 60])
def test_a_galaxy_on_the_map_lands_on_its_own_place(make_blobs: Make, width: int) -> None:
    data = make_blobs(count=60, width=width)
    xy = project(data, "tsne")
    np.testing.assert_allclose(
        place(part_of(data, slice(9)), data, xy, "tsne"), xy[:9], atol=1e-4 * np.ptp(xy)
    )


def test_new_galaxies_land_among_those_of_their_class(make_blobs: Make) -> None:
    data = make_blobs(count=140)
    known, new = part_of(data, slice(100)), part_of(data, slice(100, None))
    xy = project(known, "tsne")
    placed = place(new, known, xy, "tsne")
    assert placed.dtype == np.float32
    nearest = np.linalg.norm(placed[:, None] - xy[None], axis=2).argmin(axis=1)
    assert (known.labels[nearest] == new.labels).all()


def test_a_galaxy_does_not_depend_on_those_placed_with_it(make_blobs: Make) -> None:
    data = make_blobs(count=90)
    known = part_of(data, slice(60))
    xy = known.vectors[:, :2]
    together = place(part_of(data, slice(60, None)), known, xy)
    np.testing.assert_allclose(
        place(part_of(data, slice(60, 61)), known, xy), together[:1], rtol=1e-5, atol=1e-6
    )


def test_the_median_of_points_equals_a_slow_search_and_ignores_one_far_away() -> None:
    points = np.random.default_rng(0).normal(size=(1, 7, 2))
    points[0, 6] = [300, 300]
    weights = np.random.default_rng(1).random((1, 7)) + 0.5
    found = _weighted_median(points, weights)[0]

    def cost(place: np.ndarray) -> float:
        return float((weights[0] * np.linalg.norm(points[0] - place, axis=1)).sum())

    best = min(
        cost(found + 0.01 * np.array([x, y])) for x in range(-40, 41) for y in range(-40, 41)
    )
    assert cost(found) <= best + 1e-3
    assert np.linalg.norm(found) < 2


@pytest.mark.parametrize("equal", [1, 5, 30])
def test_a_duplicate_of_several_galaxies_lands_between_them(
    make_embeddings: Make, equal: int
) -> None:
    generator = np.random.default_rng(0)
    vectors = np.vstack([np.full((equal, 3), 7.0), generator.normal(size=(20, 3))])
    xy = np.vstack([np.full((equal, 2), 4.0), generator.normal(size=(20, 2))])
    found = place(make_embeddings(vectors[:1]), make_embeddings(vectors), xy, "umap")
    np.testing.assert_allclose(found, [[4, 4]], atol=1e-4)


def test_wrong_maps_and_galaxies_are_refused(make_embeddings: Make) -> None:
    data = make_embeddings(np.random.default_rng(0).normal(size=(20, 4)))
    with pytest.raises(ValueError, match="not the PCA map of the known galaxies"):
        place(data, data, np.zeros((20, 2)), "pca")
    with pytest.raises(ValueError, match="for 20 galaxies, found"):
        place(data, data, np.zeros((19, 2)))
    with pytest.raises(ValueError, match="4 and 3 features"):
        place(make_embeddings(np.eye(3)), data, np.zeros((20, 2)))
    with pytest.raises(ValueError, match="no projection 'mds'"):
        place(data, data, np.zeros((20, 2)), "mds")
    with pytest.raises(ValueError, match="galaxy g0 is not finite"):
        place(make_embeddings([[np.nan] * 4]), data, np.zeros((20, 2)))
