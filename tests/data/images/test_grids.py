"""Bands of different pixels: every band lies where astropy's own WCS says, with its flux."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_pixel

import astrojepa as aj
from astrojepa.data import DataError, PictureError
from astrojepa.data.frames import flux_frames
from astrojepa.data.images.fits import read_fits, read_flux, read_plane, read_sky
from astrojepa.data.images.grids import (
    MAX_ON_GRID,
    PER_SKY,
    Plane,
    _places,
    grid_of,
    on_one_grid,
    one_unit,
)

STAR = SkyCoord(150.1003, 2.2004, unit="deg")
BANDS = ("VIS", "NIR_H")
SIP = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 3e-4, "A_1_1": -4e-4, "B_0_2": 2e-4, "B_1_1": 1e-4}
BENT = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"} | SIP


def header(side: int, arcsec: float, turned: float = 0.0, **cards: Any) -> fits.Header:
    """A header of `side` x `side` pixels around one position, turned by some degrees."""
    step, angle = arcsec / 3600, np.deg2rad(turned)
    return fits.Header(
        {
            **{"NAXIS": 2, "NAXIS1": side, "NAXIS2": side},
            **{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.1, "CRVAL2": 2.2},
            **{"CRPIX1": side / 2 + 1.3, "CRPIX2": side / 2 - 2.1},
            **{"CD1_1": -step * np.cos(angle), "CD1_2": step * np.sin(angle)},
            **{"CD2_1": step * np.sin(angle), "CD2_2": step * np.cos(angle)},
        }
        | cards
    )


def distances(head: fits.Header) -> np.ndarray:
    """Arcseconds from the star to every pixel, by astropy."""
    y, x = np.mgrid[: head["NAXIS2"], : head["NAXIS1"]]
    return WCS(head).pixel_to_world(x, y).separation(STAR).arcsec


def star(head: fits.Header, arcsec: float = 0.6) -> np.ndarray:
    """A round source of one Jansky at the star's place: flux per pixel."""
    area = abs(np.linalg.det(WCS(head).pixel_scale_matrix)) * 3600**2
    light = np.exp(-0.5 * (distances(head) / arcsec) ** 2) / (2 * np.pi * arcsec**2)
    return light * area


def as_extensions(path: Path, **images: tuple[np.ndarray, fits.Header]) -> Path:
    parts = [fits.ImageHDU(values, head, name=band) for band, (values, head) in images.items()]
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(path / "galaxy.fits")
    return path / "galaxy.fits"


def as_files(path: Path, **images: tuple[np.ndarray, fits.Header]) -> Path:
    for band, (values, head) in images.items():
        fits.writeto(path / f"galaxy-{band}.fits", values, head)
    return path


def centroid(plane: np.ndarray) -> tuple[float, float]:
    """Return x, y as FITS counts rows, from 0."""
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    light = plane[::-1] / plane.sum()
    return float((light * x).sum()), float((light * y).sum())


def both(coarse: fits.Header, fine: fits.Header | None = None) -> dict[str, Any]:
    fine = fine or header(120, 0.1)
    return {"NIR_H": (2 * star(coarse), coarse), "VIS": (star(fine), fine)}


@pytest.mark.parametrize("write", [as_extensions, as_files])
@pytest.mark.parametrize(
    "coarse",
    [
        header(50, 0.3),
        header(52, 0.3, 33.0),
        header(52, 0.3, 180.0),
        header(52, 0.3, ROWORDER="TOP-DOWN"),
        header(52, 0.3, 20.0, **BENT),
        header(64, 0.27, RADESYS="FK5", EQUINOX=2000.0),
    ],
    ids=["aligned", "turned", "upside down", "top down", "SIP", "FK5"],
)
def test_a_source_lands_where_astropy_says_with_its_flux(
    write: Callable[..., Path], coarse: fits.Header, tmp_path: Path
) -> None:
    write(tmp_path, **both(coarse))
    data = aj.open_dataset(tmp_path, bands=BANDS)
    flux = data.flux(0)
    assert flux.shape == (120, 120, 2)
    expected = WCS(header(120, 0.1)).world_to_pixel(STAR)
    for band, total in enumerate((1.0, 2.0)):
        found = flux[..., band]
        assert centroid(found) == pytest.approx([float(x) for x in expected], abs=0.1)
        assert found.sum() == pytest.approx(total, rel=0.02)


def test_positions_are_those_of_the_finest_band(tmp_path: Path) -> None:
    coarse, fine = header(50, 0.3, CRPIX1=31.0), header(120, 0.1)
    centre = WCS(fine).pixel_to_world(59.5, 59.5)
    for name, write in (("one", as_extensions), ("each", as_files)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, **both(coarse))
        data = aj.open_dataset(tmp_path / name, bands=("NIR_H", "VIS"))
        assert SkyCoord(data.ra[0], data.dec[0], unit="deg").separation(centre).arcsec < 0.01


@pytest.mark.parametrize(
    "unit", ["uJy", "", "nanomaggies", "ADU", "electron/s", "ADU/deg", "erg/s"]
)
def test_values_of_these_units_are_flux_in_a_pixel(unit: str) -> None:
    assert not PER_SKY.search(unit)


@pytest.mark.parametrize(
    "unit",
    [
        *("MJy/sr", "MJy sr-1", "MJysr-1", "Jy_per_sr", "MJy/ster", "W/m2/steradian", "Jy/beam"),
        *("1/arcsec2", "maggies/sqarcsec", "mag", "MAG/arcsec^2", "K", "mK", "Jy/deg2", "dex"),
    ],
)
def test_values_of_these_units_do_not_grow_with_the_pixel(unit: str) -> None:
    assert PER_SKY.search(unit)


def test_the_unit_of_the_whole_file_counts_where_an_image_has_none(tmp_path: Path) -> None:
    sky = {
        "VIS": (np.ones((90, 90)), header(90, 0.1)),
        "NIR_H": (np.ones((60, 60)), header(60, 0.3)),
    }
    path = as_extensions(tmp_path, **sky)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["BUNIT"] = "MJy/sr"
    np.testing.assert_allclose(read_flux(path, BANDS), 1, rtol=1e-4)


def test_axes_that_depend_on_each_other_are_no_place_but_no_damage_either(tmp_path: Path) -> None:
    odd = {"WCSAXES": 3, "CTYPE3": "FREQ", "PC1_3": 0.1}
    head = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"} | odd)
    planes = {band: (np.full((50, 50), place), head) for place, band in enumerate(BANDS, 1)}
    as_files(tmp_path, **planes)
    assert aj.open_dataset(tmp_path, bands=BANDS).flux(0)[0, 0].tolist() == [1, 2]


def test_a_stamp_in_a_finer_filter_does_not_stand_for_the_image(tmp_path: Path) -> None:
    wide, stamp = header(200, 0.26), header(20, 0.03)
    images = {band: (np.full((200, 200), 9.0), wide) for band in "grz"}
    path = as_extensions(tmp_path, **images, i=(np.full((20, 20), 9.0), stamp))
    image, sky = read_fits(path)
    assert (image.shape, sky.resampled, sky.left_out) == ((200, 200, 3), False, True)


@pytest.mark.parametrize(("unit", "level"), [("uJy", 1.0), ("", 1.0), ("MJy/sr", 9.0)])
def test_a_constant_sky_stays_constant_at_its_surface_brightness(
    unit: str, level: float, tmp_path: Path
) -> None:
    coarse, fine = header(60, 0.3, 40.0, BUNIT=unit), header(120, 0.1, BUNIT=unit)
    sky = {"VIS": (np.ones((120, 120)), fine), "NIR_H": (np.full((60, 60), 9.0), coarse)}
    flux = read_flux(as_extensions(tmp_path, **sky), BANDS)
    np.testing.assert_allclose(flux[..., 1], level, rtol=1e-4)
    np.testing.assert_array_equal(flux[..., 0], 1)


def test_the_colour_of_a_resolved_galaxy_is_the_same_at_every_radius(tmp_path: Path) -> None:
    coarse, fine = header(60, 0.3, 25.0), header(150, 0.1)
    disc = {
        band: (ratio * area * np.exp(-distances(head) / 2.0), head)
        for band, head, area, ratio in (("VIS", fine, 0.01, 1.0), ("NIR_H", coarse, 0.09, 2.5))
    }
    flux = read_flux(as_extensions(tmp_path, **disc), BANDS)[::-1]
    away = distances(fine)
    for inner in np.arange(0.0, 5.0, 0.5):
        ring = (away >= inner) & (away < inner + 0.5)
        light = flux[ring].sum(axis=0)
        assert light[1] / light[0] == pytest.approx(2.5, rel=0.03)


def test_pixels_outside_a_band_are_missing_and_counted(tmp_path: Path) -> None:
    coarse, fine = header(20, 0.3), header(120, 0.1)
    images = {"VIS": (np.ones((120, 120)), fine), "NIR_H": (np.full((20, 20), 9.0), coarse)}
    as_files(tmp_path, **images)
    planes = [read_plane(tmp_path / f"galaxy-{band}.fits", band, band) for band in BANDS]
    missing = np.isnan(on_one_grid(planes, "galaxy"))
    y, x = np.mgrid[:120, :120]
    there = np.array(pixel_to_pixel(WCS(fine), WCS(coarse), x, y))
    outside = ((there < -0.5) | (there > 19.5)).any(axis=0)
    assert not missing[0].any()
    np.testing.assert_array_equal(missing[1], outside[::-1])

    data = aj.open_dataset(tmp_path, bands=BANDS)
    share = f"{outside.mean():.0%}"
    assert any("1 of 1 galaxies have bands whose pixels differ in" in n for n in data.notes)
    assert any("In 1 of them a band does not cover" in n and share in n for n in data.notes)
    np.testing.assert_allclose(data.flux(0)[..., 1], 1, rtol=1e-4)  # the band's median, not 0


def test_an_undefined_pixel_takes_only_its_own_area(tmp_path: Path) -> None:
    coarse, fine = (
        header(60, 0.3, CRPIX1=30.5, CRPIX2=30.5),
        header(90, 0.1, CRPIX1=45.5, CRPIX2=45.5),
    )
    values = np.full((60, 60), 9.0)
    values[29, 31] = np.nan
    planes = [
        Plane(np.ones((90, 90)), grid_of(fine, [], (90, 90))),
        Plane(values[::-1], grid_of(coarse, [], (60, 60))),
    ]
    found = on_one_grid(planes, "galaxy")[1][::-1]
    assert np.argwhere(np.isnan(found)).tolist() == [
        [y, x] for y in range(42, 45) for x in range(48, 51)
    ]
    np.testing.assert_allclose(found[np.isfinite(found)], 1, rtol=1e-6)


@pytest.mark.parametrize("fine", [BENT, {}], ids=["bent", "plain"])
@pytest.mark.parametrize(
    "coarse",
    [BENT, {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 2.2, "CRVAL2": 150.1}],
    ids=["bent", "declination first"],
)
def test_places_between_knots_are_astropy_s(fine: dict[str, Any], coarse: dict[str, Any]) -> None:
    heads = header(400, 0.1, 15.0, **fine), header(200, 0.3, **coarse)
    sides = 400, 200
    grids = [grid_of(head, [], (side, side)) for head, side in zip(heads, sides, strict=True)]
    rows, columns = _places(*grids)
    y, x = np.mgrid[:400, :400]
    expected = pixel_to_pixel(*map(WCS, heads), x, y)
    np.testing.assert_allclose(columns[::-1], expected[0], atol=1e-3)
    np.testing.assert_allclose(199 - rows[::-1], expected[1], atol=1e-3)


def test_the_finest_band_gives_the_grid_however_few_its_pixels(tmp_path: Path) -> None:
    fine = header(60, 0.1)
    flux = read_flux(as_extensions(tmp_path, **both(header(80, 0.3, 20.0), fine)), BANDS)
    assert flux.shape == (60, 60, 2)
    expected = [float(x) for x in WCS(fine).world_to_pixel(STAR)]
    assert centroid(flux[..., 1]) == pytest.approx(expected, abs=0.1)


def test_of_bands_of_one_pixel_size_the_largest_gives_the_grid(tmp_path: Path) -> None:
    for number, sides in enumerate(((120, 80), (80, 120))):
        (folder := tmp_path / str(number)).mkdir()
        fine, other = (header(side, 0.1) for side in sides)
        as_files(folder, VIS=(star(fine), fine), NIR_H=(star(other), other))
        flux = aj.open_dataset(folder, bands=BANDS).flux(0)
        assert flux.shape == (120, 120, 2)


def test_an_rgb_image_has_the_colours_of_all_bands(tmp_path: Path) -> None:
    coarse, fine = header(50, 0.3), header(120, 0.1)
    red = {"NIR_H": (40 * star(coarse, 1.0), coarse), "NIR_Y": (9 * star(coarse, 1.0), coarse)}
    path = as_extensions(tmp_path, VIS=(star(fine, 1.0), fine), **red)
    image, sky = read_fits(path)
    assert (image.shape, sky.resampled, sky.uncovered) == ((120, 120, 3), True, 0.0)
    assert not sky.left_out
    x, y = (round(float(place)) for place in WCS(fine).world_to_pixel(STAR))
    assert image[119 - y - 8, x, 0] > 2 * image[119 - y - 8, x, 2]
    assert any("1 of 1 galaxies have bands" in note for note in aj.open_dataset(tmp_path).notes)


def test_where_nothing_says_how_bands_lie_they_are_refused(tmp_path: Path) -> None:
    planes = {"VIS": np.ones((120, 120)), "NIR_H": np.ones((40, 40))}
    images = {band: (values, fits.Header()) for band, values in planes.items()}
    path, told = as_extensions(tmp_path, **images), r"120 x 120, 40 x 40 pixels, and no WCS"
    with pytest.raises(DataError, match=told):
        read_flux(path, BANDS)
    assert read_fits(path)[0].shape == (120, 120, 3)
    notes = aj.open_dataset(tmp_path).notes
    assert notes[0] == (
        "galaxy.fits: images in other filters are not shown beside the largest; they need a "
        "known filter, its unit, and its size or a WCS that meets its own."
    )
    path.unlink()
    as_files(tmp_path, **images)
    with pytest.raises(DataError, match=told):
        aj.open_dataset(tmp_path, bands=BANDS).flux(0)


def test_bands_that_do_not_meet_are_refused_and_not_shown(tmp_path: Path) -> None:
    path = as_extensions(tmp_path, **both(header(50, 0.3, CRVAL2=-60.0)))
    with pytest.raises(DataError, match="no defined pixel in NIR_H"):
        read_flux(path, BANDS)
    image, sky = read_fits(path)
    assert (image.shape, sky.resampled, sky.left_out) == ((120, 120, 3), False, True)
    assert (image[..., 0] == image[..., 2]).all()


def test_bands_of_more_pixels_than_are_read_are_refused(tmp_path: Path) -> None:
    large = header(3000, 0.1)
    images = both(header(50, 0.3)) | {"VIS": (np.zeros((3000, 3000), np.uint8), large)}
    path = as_extensions(tmp_path, **images)
    told = r"3000 x 3000, 50 x 50 pixels.*Cut out the galaxy"
    with pytest.raises(DataError, match=told):
        read_flux(path, BANDS)
    grids = [
        grid_of(head, [], (side, side)) for head, side in ((large, 3000), (header(50, 0.3), 50))
    ]
    assert MAX_ON_GRID < 2 * 3000**2
    with pytest.raises(DataError, match=told):
        on_one_grid([Plane(np.zeros(grid.shape), grid) for grid in grids if grid], "galaxy")


@pytest.mark.parametrize("write", [as_extensions, as_files])
@pytest.mark.parametrize(
    "other",
    [header(120, 0.1, CRPIX1=56.3), header(120, 0.1, 180.0), header(120, 0.1, 5.0)],
    ids=["shifted by 5 pixels", "upside down", "turned"],
)
def test_bands_of_one_size_that_lie_elsewhere_come_onto_one_grid(
    write: Callable[..., Path], other: fits.Header, tmp_path: Path
) -> None:
    write(tmp_path, **both(other))
    flux = aj.open_dataset(tmp_path, bands=BANDS).flux(0)
    expected = [float(x) for x in WCS(header(120, 0.1)).world_to_pixel(STAR)]
    for band in range(2):
        assert centroid(flux[..., band]) == pytest.approx(expected, abs=0.1)


def test_bands_whose_pixels_lie_on_each_other_are_left_as_they_are(tmp_path: Path) -> None:
    random, near = np.random.default_rng(0), header(40, 0.3, CRVAL2=2.2 + 0.2 / 3600)
    planes = random.normal(0, 1, (2, 40, 40)).astype(np.float32)
    images = {"NIR_Y": (planes[0], header(40, 0.3)), "NIR_H": (planes[1], near)}
    path = as_extensions(tmp_path, VIS=(star(header(120, 0.1)), header(120, 0.1)), **images)
    found = read_flux(path, ("NIR_Y", "NIR_H"))
    np.testing.assert_array_equal(found, np.moveaxis(planes[:, ::-1], 0, -1))
    np.testing.assert_array_equal(read_flux(path, ("NIR_H",)), found[..., 1:])


def test_one_number_of_pixels_of_different_size_is_no_one_grid(tmp_path: Path) -> None:
    as_extensions(tmp_path, **both(header(120, 0.3)))
    flux = aj.open_dataset(tmp_path, bands=BANDS).flux(0)
    expected = WCS(header(120, 0.1)).world_to_pixel(STAR)
    assert centroid(flux[..., 1]) == pytest.approx([float(x) for x in expected], abs=0.1)


def test_a_data_set_of_bands_on_several_grids_is_framed(tmp_path: Path) -> None:
    as_files(tmp_path, **both(header(50, 0.3)))
    data = aj.open_dataset(tmp_path, bands=BANDS)
    kept = flux_frames(data, 60)
    assert kept.shape == (1, 60, 60, 2)
    assert kept[0, ..., 1].sum() / kept[0, ..., 0].sum() == pytest.approx(2, rel=0.02)


def in_units(folder: Path, *units: str) -> Path:
    flat = {"VIS": 1.0, "NIR_H": 2.0, "NIR_Y": 3.0}
    images = {
        band: (np.full((40, 40), level), header(40, 0.1, BUNIT=unit))
        for (band, level), unit in zip(flat.items(), units, strict=False)
    }
    as_files(folder, **images)
    return as_extensions(folder, **images)


@pytest.mark.parametrize("unit", ["uJy", "MJy/sr", "mag"])
def test_bands_in_several_units_are_refused(unit: str, tmp_path: Path) -> None:
    path = in_units(tmp_path, "nJy", unit)
    sentence = "galaxy.* has bands in .*BUNIT.*; expected one unit" if unit != "mag" else "magnitud"
    with pytest.raises(PictureError, match=sentence):
        read_flux(path, BANDS, "galaxy")
    path.unlink()
    with pytest.raises(PictureError, match=sentence):
        aj.open_dataset(tmp_path, bands=BANDS).flux(0)


@pytest.mark.parametrize("unit", ["nJy", "", "10-9 Jy", "nanoJansky"])
def test_bands_in_one_unit_are_read_however_it_is_written(unit: str, tmp_path: Path) -> None:
    path = in_units(tmp_path, "nJy", unit)
    assert read_flux(path, BANDS)[0, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    "same",
    [
        ("count", "counts", "ct", "cts", "COUNTS", "Counts"),
        ("adu", "ADU", "ADUs"),
        ("electron", "electrons", "e-", "ELECTRONS", "e"),
        ("electron/s", "e-/s", "ELECTRONS/S", "electrons/sec", "e- s-1", "electrons per second"),
        ("electron/s", "e-s-1", "e-.s-1", "e\N{MINUS SIGN}/s", "E-/S"),
        ("nmgy", "nanomaggy", "nanomaggies", "nMgy", "nanoMaggies", "NANOMAGGIES", "1e-9 maggies"),
        ("nmgy", "nanomaggie", "nMaggies", "nmaggy", "nanomgy", "nano-maggies"),
        ("ct/s", "cps", "CPS", "counts/sec"),
        ("nJy", "NJY", "nanoJy", "nanojanskys"),
        ("MJy/sr", "MJy/ster", "mega-Jansky per steradian", "MEGAJY/SR"),
        ("nmgy/arcsec2", "nanomaggies per arcsec^2", "nanomaggy arcsec-2"),
        ("Jy/beam", "JY/BEAM", "Jy beam-1"),
        ("uJy", "microJansky", "1e-6 Janskys", "muJy", "UJY", "micro-Jy", "microJanskies"),
        ("uJy", "\u00b5Jy", "\u03bcJy"),  # the sign of micro and the Greek letter
        ("1e-17 erg/s/cm2/Angstrom", "1e-17 erg/s/cm2/A", "1e-17 ergs/s/cm^2/Ang"),
        ("DN/s", "dn/sec", "DN s**-1"),
        ("counts/pixel", "ct/pix"),
    ],
)
def test_words_for_one_unit_are_alike(same: tuple[str, ...]) -> None:
    assert one_unit(same)


@pytest.mark.parametrize(
    "unlike",
    [
        *[("mJy", "MJy"), ("MJY/SR", "mJy/sr"), ("counts", "electrons"), ("adu", "counts")],
        *[("nmgy", "mgy"), ("counts", "counts/s"), ("1e-17 erg/s", "1e-16 erg/s")],
        *[("sky sigmas", "counts"), ("nmgy", "nmgy/arcsec2"), ("K", "kJy"), ("nJy", "uJy")],
        *[("nmgy", "nJy"), ("e-/s", "e-"), ("muJy", "MJy"), ("cps", "counts"), ("nmgy", "ngy")],
    ],
)
def test_words_for_several_units_are_not_alike(unlike: tuple[str, ...]) -> None:
    assert not one_unit(unlike)


def test_a_band_in_another_unit_spoils_no_others_and_is_not_shown(tmp_path: Path) -> None:
    for name, unit in (("other", "ADU"), ("same", "nJy")):
        (tmp_path / name).mkdir()
        path = in_units(tmp_path / name, "nJy", "nJy", unit)
        assert read_flux(path, BANDS)[0, 0].tolist() == [1, 2]
        assert read_sky(path).left_out == (name == "other")


def test_galaxies_whose_flux_is_in_several_units_are_said(tmp_path: Path) -> None:
    for name, unit in (("a", "nJy"), ("b", "nJy"), ("c", "uJy"), ("d", "")):
        head = fits.Header({"BANDS": "gr"} | ({"BUNIT": unit} if unit else {}))
        fits.writeto(tmp_path / f"{name}.fits", np.ones((2, 30, 30)), head)
    note = aj.open_dataset(tmp_path, bands=("g", "r")).notes[0]
    assert "(BUNIT: 2 in nJy, 1 in uJy), which is read as it stands" in note
    fits.setval(tmp_path / "c.fits", "BUNIT", value="x" * 9999)
    assert len(aj.open_dataset(tmp_path, bands=("g", "r")).notes[0]) < 300
    (tmp_path / "c.fits").unlink()
    assert "BUNIT" not in "".join(aj.open_dataset(tmp_path, bands=("g", "r")).notes)


@pytest.mark.parametrize(
    ("unit", "cards", "differ"),
    [
        ("ADU", [{"MAGZP": 25.0}, {"MAGZP": 26.5}], "differ in .* by up to 1.5 magnitudes"),
        ("", [{"ZEROPNT": 25.0}, {"ZEROPNT": 26.5}], "by up to 1.5 magnitudes"),
        ("counts", [{"FLUXMAG0": 1e10}, {"FLUXMAG0": 1e11}], "by up to 2.5 magnitudes"),
        ("electrons/s", [{"PHOTFNU": 1e-7}, {"PHOTFNU": 1e-8}], "by up to 2.5 magnitudes"),
        ("electrons/s", [{"PHOTFLAM": 1e-19}, {"PHOTFLAM": 1e-20}], ""),
        ("electrons/s", [{"PHOTFLAM": 1e-19}, {"MAGZP": 25.9}], ""),
        ("ADU", [{"MAGZP": 25.0}, {"ZPT": 26.5}], ""),
        ("ADU", [{"MAGZP": 25.0}, {"EXPTIME": 100.0}], ""),
        ("ADU", [{"MAGZP": 25.0}, {"MAGZP": -99.0}], ""),
        ("ADU", [{"MAGZP": -99.0, "EXPTIME": 30}, {"MAGZP": 99, "EXPTIME": 300}], "to 2.5 mag"),
        ("DN/s", [{"MAGZPT": 25.0}, {"MAGZPT": 25.0}], ""),
        ("DN/s", [{"MAGZPT": 25.0}, {}], ""),
        ("DN/s", [{"MAGZPT": "25"}, {"MAGZPT": True}], ""),
        ("ADU", [{"EXPTIME": 30.0}, {"EXPTIME": 300}], "by up to 2.5 magnitudes"),
        ("ADU", [{"EXPTIME": 30, "MAGZP": 25}, {"EXPTIME": 300, "MAGZP": 25}], ""),
        ("ADU/s", [{"EXPTIME": 30.0}, {"EXPTIME": 300}], ""),
        ("", [{"EXPTIME": 30.0}, {"EXPTIME": 300}], ""),
        ("nJy", [{"MAGZP": 25.0}, {"MAGZP": 26.5}], ""),
        ("nanomaggies", [{"MAGZP": 25.0}, {"MAGZP": 26.5}], ""),
    ],
)
def test_several_zero_points_of_counts_are_said(
    unit: str, cards: list[dict[str, Any]], differ: str, tmp_path: Path
) -> None:
    def notes(name: str, *bands: str) -> list[str]:
        said = aj.open_dataset(tmp_path / name, bands=bands).notes
        return [note for note in said if "zero point" in note]

    one, other = (header(40, 0.1, BUNIT=unit, **own) for own in cards)
    planes = {"VIS": (np.ones((40, 40)), one), "NIR_H": (np.ones((40, 40)), other)}
    for write, name in ((as_extensions, "one"), (as_files, "each"), (as_files, "several")):
        (tmp_path / name).mkdir()
        write(tmp_path / name, **planes)
    # two galaxies of one band
    (tmp_path / "several" / "galaxy-NIR_H.fits").rename(tmp_path / "several" / "other-VIS.fits")
    found = [notes("one", *BANDS), notes("each", *BANDS), notes("several", "VIS")]
    assert [len(said) for said in found] == [bool(differ)] * 3
    for who, said in zip(("bands of 1 of 1", "bands of 1 of 1", "Galaxies"), found, strict=True):
        assert not differ or re.search(f"{who} .*{differ}", said[0])
