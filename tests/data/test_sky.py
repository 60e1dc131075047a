"""Angles and the Mollweide map against astropy, and a cone among the filters."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord, UnitSphericalRepresentation
from astropy.wcs import WCS

from astrojepa.data.filters import clauses_of, matching
from astrojepa.data.sky import (
    CELL,
    field_of,
    mollweide,
    separation,
    sky_counts,
    tangent_plane,
)
from astrojepa.data.values import Numbers


@pytest.fixture
def positions() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    ra, dec = generator.uniform(0, 360, 2000), np.degrees(np.arcsin(generator.uniform(-1, 1, 2000)))
    ra[:6], dec[:6] = [0, 359.9999, 180, 12, 200, 90], [0, 0, -89.999, 90, -90, 89.9]
    return ra, dec


@pytest.fixture
def placed(positions: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Where astropy draws them."""
    projection = WCS(naxis=2)
    projection.wcs.ctype, projection.wcs.crval = ["RA---MOL", "DEC--MOL"], [180.0, 0.0]
    projection.wcs.crpix, projection.wcs.cdelt = [0.0, 0.0], [-1.0, 1.0]
    expected: np.ndarray = np.stack(projection.wcs_world2pix(*positions, 0), axis=-1) + 1
    half_height = np.sqrt(2) * 180 / np.pi  # of the ellipse, in its degrees
    return expected / half_height


def test_the_mollweide_map_is_that_of_astropy(
    positions: tuple[np.ndarray, np.ndarray], placed: np.ndarray
) -> None:
    np.testing.assert_allclose(mollweide(*positions), placed, atol=1e-5)


def test_the_density_of_the_sky_counts_the_positions_in_each_cell(
    positions: tuple[np.ndarray, np.ndarray], placed: np.ndarray
) -> None:
    cells = (placed + np.array([2, 1])) * 90
    clear = (np.abs(cells - np.rint(cells)) > 0.01).all(axis=1)  # of the edges of cells
    ra, dec = (np.append(np.repeat(part[clear], 40), [np.nan, 1]) for part in positions)
    ra[-1] = np.inf
    found, expected = sky_counts(ra, dec), np.zeros((180, 360), int)
    for x, y in cells[clear].astype(int):
        expected[y, x] += 40
    np.testing.assert_array_equal(found, expected)
    whole = 4 * np.pi * np.degrees(1) ** 2  # square degrees of the sky: an ellipse of 2 x 1
    assert pytest.approx(whole / (np.pi * 2 / (4 * 2)) / found.size) == CELL


def test_equal_areas_of_the_sky_are_equal_on_the_map() -> None:
    dec = np.degrees(np.arcsin(np.linspace(-1, 1, 21)))  # belts of equal area
    y = mollweide(np.full(21, 180.0), dec)[:, 1]
    angle = np.arcsin(y)
    areas = np.diff(2 * angle + np.sin(2 * angle))  # of the ellipse below y
    np.testing.assert_allclose(areas, areas.mean(), rtol=1e-5)


def test_an_unknown_position_is_nowhere_on_the_map() -> None:
    assert np.isnan(mollweide(np.array([np.nan]), np.array([1.0]))).any()


def test_separations_are_those_of_astropy(positions: tuple[np.ndarray, np.ndarray]) -> None:
    sky = SkyCoord(*positions, unit="deg")
    for ra, dec in ((10.0, 20.0), (0.0, -90.0), (359.99, 0.0)):
        expected = sky.separation(SkyCoord(ra, dec, unit="deg")).to_value(units.deg)
        np.testing.assert_allclose(separation(*positions, ra, dec), expected, atol=1e-6)


def test_a_cone_chooses_what_astropy_finds_within_it(
    positions: tuple[np.ndarray, np.ndarray],
) -> None:
    columns = {"ra": Numbers(positions[0]), "dec": Numbers(positions[1])}
    expected = SkyCoord(*positions, unit="deg").separation(SkyCoord(359, 5, unit="deg")).deg <= 12
    assert 5 < expected.sum() < 100
    np.testing.assert_array_equal(matching("cone(359, 5, 12)", columns), expected)
    np.testing.assert_array_equal(
        matching("~CONE(359, +5.0, 12) & dec > 0", columns), ~expected & (positions[1] > 0)
    )


def test_a_cone_finds_its_columns_in_any_letters() -> None:
    columns = {"RA": Numbers(np.array([10, 30.0])), "Dec": Numbers(np.array([0, 0.0]))}
    assert matching("cone(10, 0, 1)", columns).tolist() == [True, False]


def test_a_galaxy_without_a_position_is_in_no_cone() -> None:
    columns = {"ra": Numbers(np.array([10, np.nan])), "dec": Numbers(np.array([0, 0.0]))}
    assert matching("cone(10, 0, 180)", columns).tolist() == [True, False]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("cone(10, 0)", "Position 11 of the filter: a comma is expected, found \\)"),
        ("cone(400, 0, 1)", "Position 6 of the filter: a number from 0 to 360 degrees"),
        ("cone(10, 0, 1", "a closing parenthesis is expected, the filter ends"),
        ("cone(10, z, 1)", "a number from -90 to 90 degrees is expected, found z"),
        ("cone(10, 0, 1)", "cone needs the columns ra and dec"),
    ],
)
def test_what_is_no_cone_is_a_sentence_with_its_position(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        matching(expression, {"z": Numbers(np.array([1.0]))})


def test_a_column_may_be_called_cone() -> None:
    columns = {"cone": Numbers(np.array([1.0, 3.0]))}
    assert matching("cone > 2", columns).tolist() == [False, True]


def test_a_cone_is_no_clause_of_another_column() -> None:
    assert clauses_of("cone(1, 2, 3) & z < 1", "z") == ["z < 1"]


@pytest.mark.parametrize("middle", [(359.9, -70.0), (0.05, 89.5), (194.95, 27.98)])
def test_the_tangent_plane_is_that_of_astropy_across_zero_hours_and_at_the_pole(
    middle: tuple[float, float],
) -> None:
    generator = np.random.default_rng(1)
    centre = SkyCoord(*middle, unit="deg")
    angles, distances = generator.uniform(0, 360, 50), generator.uniform(0, 5, 50)
    around = centre.directional_offset_by(angles * units.deg, distances * units.deg)
    projection = WCS(naxis=2)
    projection.wcs.ctype, projection.wcs.crval = ["RA---TAN", "DEC--TAN"], list(middle)
    projection.wcs.crpix, projection.wcs.cdelt = [1.0, 1.0], [1.0, 1.0]
    expected = np.stack(projection.wcs_world2pix(around.ra.deg, around.dec.deg, 0), axis=-1)
    found = tangent_plane(around.ra.deg, around.dec.deg, *middle)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_middle_of_a_field_is_that_of_astropy() -> None:
    generator = np.random.default_rng(2)
    placed = SkyCoord(generator.uniform(-3, 4, 60) % 360, generator.uniform(10, 12, 60), unit="deg")
    mean = SkyCoord(placed.cartesian.mean().represent_as(UnitSphericalRepresentation))
    ra0, dec0, radius = field_of(placed.ra.deg, placed.dec.deg)
    np.testing.assert_allclose([ra0, dec0], [mean.ra.deg, mean.dec.deg], atol=1e-9)
    np.testing.assert_allclose(radius, placed.separation(mean).deg.max(), atol=1e-9)
    assert field_of(np.array([359.9, 0.1]), np.zeros(2))[0] < 360, "0 by its other name"
