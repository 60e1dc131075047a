"""Where FITS images lie: within an arcsecond of what astropy's own WCS says of the whole file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from astrojepa.data.images.fits import read_sky
from astrojepa.data.splits import same_object_groups

PLAIN = {
    **{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.1, "CRVAL2": 2.2},
    **{"CRPIX1": -1500.0, "CRPIX2": 2600.0},
    **{"CD1_1": -7e-5, "CD1_2": 1e-6, "CD2_1": 2e-6, "CD2_2": 7.3e-5},
}
CDELT = {k: v for k, v in PLAIN.items() if not k.startswith("CD")} | {
    **{"CDELT1": -7e-5, "CDELT2": 7e-5}
}
SIP = {"A_ORDER": 2, "B_ORDER": 3, "A_2_0": 3e-6, "A_1_1": -4e-6, "B_0_2": 2e-6, "B_1_2": 1e-9}
TPV = {"PV1_0": 1e-3, "PV1_1": 1.02, "PV1_4": 0.05, "PV2_0": -2e-3, "PV2_1": 0.98, "PV2_7": 0.4}
SKY = {
    "linear": PLAIN,
    "SIP": PLAIN | SIP | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"},
    "SIP without its suffix": PLAIN | SIP,
    "TPV": PLAIN | TPV | {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV"},
    "TAN with PV, as SCAMP wrote it": PLAIN | TPV,
    "ZPN": PLAIN
    | {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 42.0, "CRPIX1": -900.0},
    "FK4": PLAIN | {"RADESYS": "FK4", "EQUINOX": 1950.0},
    "FK4 by its equinox": PLAIN | {"EQUINOX": 1950.0},
    "FK4 without E terms": PLAIN | {"RADESYS": "FK4-NO-E", "EQUINOX": 1950.0},
    "FK5 of another equinox": PLAIN | {"RADESYS": "FK5", "EQUINOX": 1975.0},
    "RADECSYS": PLAIN | {"RADECSYS": "FK5", "EQUINOX": 1990.0},
    "EPOCH": PLAIN | {"EPOCH": 1950.0},
    "Galactic": PLAIN | {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL2": 0.0},
    "all-sky Mollweide": PLAIN
    | {"CTYPE1": "RA---MOL", "CTYPE2": "DEC--MOL", "CD1_1": -0.01, "CD2_2": 0.01, "CRVAL2": 0.0},
    "declination first": PLAIN
    | {"CTYPE2": "RA---TAN", "CTYPE1": "DEC--TAN", "CRVAL2": 150.1, "CRVAL1": 2.2},
    "CROTA2": CDELT | {"CROTA2": 33.0},
    "CROTA1": CDELT | {"CROTA1": 33.0, "CROTA2": 33.0},
    "PC": CDELT | {"PC1_1": 0.8, "PC1_2": 0.6, "PC2_1": -0.6, "PC2_2": 0.8},
    "CD001001": CDELT | {"CD001001": -7e-5, "CD001002": 3e-5, "CD002001": 2e-5, "CD002002": 7e-5},
    "PC001001": CDELT | {"PC001001": 0.8, "PC001002": 0.6, "PC002001": -0.6, "PC002002": 0.8},
    "arcsec": {
        **PLAIN,
        **{"CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 540360.0, "CRVAL2": 7920.0},
        **{"CD1_1": -0.25, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.26},
    },
    "LONPOLE": PLAIN | {"LONPOLE": 150.0, "LATPOLE": 80.0},
    "at the pole": PLAIN | {"CRVAL2": 89.99},
    "without a projection": PLAIN | {"CTYPE1": "RA", "CTYPE2": "DEC", "CRVAL2": 40.0},
}


def astropys(path: Path, part: int = 0, sky: tuple[int, int] = (0, 1)) -> SkyCoord:
    """The centre as astropy computes it, of an image whose axes of the sky are these."""
    with fits.open(path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(hdus[part].header, hdus, naxis=[axis + 1 for axis in sky])
        shape = hdus[part].shape[::-1]
        return wcs.pixel_to_world(*((shape[axis] - 1) / 2 for axis in sky)).icrs


def arcsec(path: Path, place: SkyCoord) -> float:
    found = read_sky(path)
    assert found.ra is not None
    return float(SkyCoord(found.ra, found.dec, unit="deg").separation(place).arcsec)


@pytest.mark.parametrize("kind", SKY)
def test_a_header_gives_the_position_that_astropy_gives(
    write_fits: Callable[..., Path], kind: str
) -> None:
    path = write_fits(np.zeros((64, 48)), **SKY[kind])
    assert arcsec(path, astropys(path)) < 0.01
    if kind == "linear":
        return
    plain = write_fits(np.zeros((64, 48)), "plain.fits", **PLAIN)
    apart = arcsec(path, astropys(plain))
    # so that a reader which drops what is special would be noticed
    assert apart > 1 or kind in ("CD001001", "CROTA1", "LONPOLE", "arcsec", "RADECSYS")


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ({"EQUINOX": "1950.0"}, FK4(equinox="B1950")),
        ({"EQUINOX": "J1975.0", "RADESYS": "FK5"}, FK5(equinox="J1975")),
        ({"EPOCH": "1950"}, FK4(equinox="B1950")),
    ],
)
def test_an_equinox_that_is_text_counts(
    write_fits: Callable[..., Path], cards: dict[str, str], frame: Any
) -> None:
    path = write_fits(np.zeros((9, 9)), **PLAIN, **cards)
    plain = astropys(write_fits(np.zeros((9, 9)), "plain.fits", **PLAIN))
    expected = SkyCoord(plain.ra, plain.dec, frame=frame).icrs
    assert arcsec(path, expected) < 0.01
    assert arcsec(path, plain) > 100


@pytest.mark.parametrize(
    "cards",
    [
        *(PLAIN | {"RADESYS": "ICRS"} | odd for odd in ({"EQUINOX": 0.0}, {"EPOCH": 57000.5})),
        PLAIN | {"EQUINOX": 2000.0, "EPOCH": 57000.5},
        SKY["Galactic"] | {"EQUINOX": 0.0},
    ],
)
def test_an_impossible_equinox_that_says_nothing_of_the_frame_does_not_matter(
    write_fits: Callable[..., Path], cards: dict[str, Any]
) -> None:
    path = write_fits(np.zeros((9, 9)), **cards)
    plain = {k: v for k, v in cards.items() if k != "EPOCH" and (k, v) != ("EQUINOX", 0.0)}
    assert arcsec(path, astropys(write_fits(np.zeros((9, 9)), "plain.fits", **plain))) < 0.01


def test_numbers_that_are_text_are_numbers(write_fits: Callable[..., Path]) -> None:
    path = write_fits(np.zeros((9, 9)), **(PLAIN | {"CRVAL1": " 150.1 ", "CD2_2": "7.3e-5"}))
    assert arcsec(path, astropys(write_fits(np.zeros((9, 9)), "plain.fits", **PLAIN))) < 0.01


@pytest.mark.parametrize("degree", ["DEG", "Degrees", "degree  "])
def test_degrees_are_degrees_however_spelled(write_fits: Callable[..., Path], degree: str) -> None:
    path = write_fits(np.zeros((9, 9)), **PLAIN, CUNIT1=degree, CUNIT2=degree)
    assert arcsec(path, astropys(write_fits(np.zeros((9, 9)), "plain.fits", **PLAIN))) < 0.01


def test_the_sky_may_be_on_other_axes(write_fits: Callable[..., Path]) -> None:
    moved = {
        key.translate({49: "2", 50: "3"}) if key[0] == "C" else key: value
        for key, value in PLAIN.items()
    }
    colours_first = moved | {"CTYPE1": "BAND", "CRVAL1": 1.0, "CD1_1": 1.0}
    path = write_fits(np.zeros((64, 48, 3)), **colours_first)
    assert arcsec(path, astropys(path, sky=(1, 2))) < 0.01
    flat = write_fits(np.zeros((64, 48)), "flat.fits", **PLAIN)
    assert arcsec(path, astropys(flat)) < 0.01
    for shape in ((3, 64, 48), (1, 64, 48), (1, 1, 64, 48)):
        path = write_fits(np.zeros(shape), f"{len(shape)}{shape[0]}.fits", **SKY["SIP"])
        assert arcsec(path, astropys(path)) < 0.01


def test_positions_are_inherited_from_the_first_header(tmp_path: Path) -> None:
    first = fits.PrimaryHDU()
    first.header.update(SKY["SIP"])
    for inherit in (True, None):
        image = fits.ImageHDU(np.zeros((64, 48)))
        if inherit:
            image.header["INHERIT"] = True
        fits.HDUList([first, image]).writeto(tmp_path / "x.fits", overwrite=True)
        plain = tmp_path / "plain.fits"
        fits.PrimaryHDU(np.zeros((64, 48)), fits.Header(SKY["SIP"])).writeto(plain, overwrite=True)
        assert arcsec(tmp_path / "x.fits", astropys(plain)) < 0.01


def test_lookup_tables_of_distortion_are_used(tmp_path: Path) -> None:
    image = fits.PrimaryHDU(np.zeros((64, 48)), fits.Header(PLAIN))
    for axis in (1, 2):
        image.header[f"CPDIS{axis}"] = "LOOKUP"
        image.header[f"HIERARCH DP{axis}.EXTVER"] = float(axis)
        image.header[f"HIERARCH DP{axis}.AXIS.1"] = 1.0
        image.header[f"HIERARCH DP{axis}.AXIS.2"] = 2.0
    tables = [
        fits.ImageHDU(np.full((8, 8), 200.0 * ver, np.float32), name="WCSDVARR", ver=ver)
        for ver in (1, 2)
    ]
    for table in tables:
        table.header.update({"CDELT1": 10.0, "CDELT2": 10.0, "CRPIX1": 1.0, "CRPIX2": 1.0})
    path, plain = tmp_path / "x.fits", tmp_path / "plain.fits"
    fits.HDUList([image, *tables]).writeto(path)
    fits.PrimaryHDU(np.zeros((64, 48)), fits.Header(PLAIN)).writeto(plain)
    assert arcsec(path, astropys(path)) < 0.01
    assert arcsec(path, astropys(plain)) > 10


@pytest.mark.parametrize(
    "cards",
    [
        PLAIN | {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
        PLAIN | {"CTYPE2": "RA---TAN"},
        PLAIN | {"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN"},
        PLAIN | {"CTYPE1": "TLON-TAN", "CTYPE2": "TLAT-TAN"},
        PLAIN | {"RADESYS": "GAPPT"},
        PLAIN | {"CUNIT1": "parsec"},
        PLAIN | {"CRVAL1": "north"},
        PLAIN | {"A_ORDER": 100_000, "B_ORDER": 100_000},
        PLAIN | {"WCSAXES": 100_000},
        PLAIN | {"CD1_1": 0.0, "CD1_2": 0.0},
        PLAIN | {"EQUINOX": 0.0},  # unknown: astropy's own position is 25 degrees off
        PLAIN | {"EQUINOX": 0.0, "RADESYS": "FK5"},
        PLAIN | {"EPOCH": 57000.5},
        {},
    ],
)
def test_what_astropy_computes_no_position_of_has_none(
    write_fits: Callable[..., Path], cards: dict[str, Any]
) -> None:
    found = read_sky(write_fits(np.zeros((64, 48)), **cards))
    assert (found.ra, found.dec) == (None, None)


@pytest.mark.parametrize("card", ["CRVAL1", "CRVAL2"])
def test_without_a_reference_value_there_is_no_position(
    write_fits: Callable[..., Path], card: str
) -> None:
    cards = {key: value for key, value in PLAIN.items() if key != card}
    assert read_sky(write_fits(np.zeros((64, 48)), **cards)).ra is None


def test_cutouts_of_one_exposure_stay_different_galaxies(
    write_fits: Callable[..., Path], make_data: Callable[..., Any]
) -> None:
    cutouts = [
        SKY["TPV"] | {"CRPIX1": -1500.0 + 900 * k, "CRPIX2": 2600.0 - 700 * k} for k in range(6)
    ]
    places = [
        read_sky(write_fits(np.zeros((9, 9)), f"{k}.fits", **cards))
        for k, cards in enumerate(cutouts)
    ]
    ra, dec = np.array([(place.ra, place.dec) for place in places]).T
    assert len(set(same_object_groups(make_data(6, ra=ra, dec=dec)).tolist())) == 6
