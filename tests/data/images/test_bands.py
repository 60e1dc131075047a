"""Filters and colours: the order of wavelengths, against a table of central wavelengths."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astrojepa.data.images.bands import plane_bands, wavelength
from astrojepa.data.images.fits import read_fits, read_sky

# SVO Filter Profile Service, central wavelength in nm: GALEX, SDSS, PS1, DECam, Bessell, 2MASS,
# WISE, HST ACS and WFC3, JWST NIRCam and MIRI, Euclid, Spitzer
SVO = {
    **{"FUV": 154.6, "NUV": 234.5, "SDSS_u": 360.8, "sdss g'": 471.8, "SDSS-r": 618.5},
    **{"i_sdss": 749.9, "z.SDSS": 896.1, "g.00000.PS1": 484.9, "PS1_y": 962.0, "DECam g": 484.2},
    **{"z DECam SDSS c0004 9260.0 1520.0": 915.8, "Y DECam c0005 10095.0 1130.0": 989.6},
    **{"HSC-G": 481.2, "HSC-R2": 623.0, "HSC-I2": 767.8, "r.MP9602": 640.8, "u.MP9302": 355.0},
    **{"Bessell U": 366.0, "b_HIGH": 437.0, "V_BESS": 551.0, "R_SPECIAL": 651.0, "I_BESS": 790.0},
    **{"2MASS_J": 1239.3, "VISTA H": 1645.0, "2MASS-Ks": 2165.7, "W1": 3368.0, "W4": 22194.0},
    **{"F275W": 271.0, "F435W": 433.0, "F606W": 595.8, "F814W": 807.4, "F105W": 1055.0},
    **{"F160W": 1537.0, "F277W": 2778.0, "NIRCam F444W": 4422.0, "F770W": 7665.0, "VIS": 715.0},
    **{"NISP-Y": 1081.0, "NIR_H": 1772.0, "IRAC1": 3550.0, "ch4": 7886.0, "W-C-RC": 652.0},
    # S-PLUS, J-PLUS, J-PAS, Roman, NICMOS, NIRCam, MIRI, UVIT, WFPC2, Subaru, VISTA, UKIRT, Herschel
    **{"F378": 377.1, "F515": 513.2, "F861": 860.7, "J0395": 395.0, "J0660": 660.0, "J1007": 1007},
    **{"uJAVA": 352.3, "gSDSS": 474.5, "ps1g": 484.9, "BOKr": 640.0, "WFCSloanR": 624.0},
    **{
        "F062": 628.0,
        "Z087": 869.0,
        "F106": 1059.0,
        "H158": 1577.0,
        "F184": 1840.0,
        "F213": 2125.0,
    },
    **{"F205W": 2074.0, "F207M": 2082.0, "F222M": 2218.0, "F150W2": 1670.0, "F322W2": 3247.0},
    **{"F1065C": 10560.0, "F1550C": 15520.0, "F148W": 148.1, "F172M": 171.7, "N245M": 244.7},
    **{
        "F122M": 126.0,
        "F170W": 183.0,
        "NB0921": 920.5,
        "NB816": 818.0,
        "IB427": 426.5,
        "NB118": 1191,
    },
    **{"H2": 2122.0, "Kshort": 2150.0, "zs": 870.0, "Ha 3nm": 656.3, "[OIII]": 500.7, "SII": 672.0},
    **{"PSW": 250000.0, "PLW": 500000.0, "3.6um": 3600.0, "MIPS 24 um": 24000.0, "FQ508N": 509.0},
    **{"H-alpha": 656.3, "Halpha 6563": 656.3, "h_beta": 486.1, "F150LP": 160.6, "F850LP": 918.0},
}


def test_filters_are_ordered_by_wavelength_however_they_are_spelled() -> None:
    for (one, first), (other, second) in itertools.combinations(SVO.items(), 2):
        if abs(first - second) > 0.12 * max(first, second):
            found = (wavelength(one) or 0) - (wavelength(other) or 0)
            assert found * (first - second) > 0, (one, other)
    assert all(0.8 < (wavelength(name) or 0) / true < 1.25 for name, true in SVO.items())


@pytest.mark.parametrize(
    ("bands", "order"),
    [
        ("F410M F555W F814W", "F814W F555W F410M"),  # of WFC3
        ("F090W F200W F410M", "F410M F200W F090W"),  # of NIRCam
        ("F606W F814W F115W F200W F410M F444W", "F444W F115W F606W"),  # of ACS and NIRCam
        ("F606W F814W F115W F200W F410M", "F410M F115W F606W"),
        ("L R G B", "R G B"),  # as amateurs take images: the luminance has no colour
        ("u v g r i z", "z g u"),  # SkyMapper's v is at 384 nm
        ("u g V", "V g u"),
        ("L K J", "L K J"),
        ("J H2 Ks", "Ks H2 J"),  # the line of hydrogen
        ("J2 J3 H1 H2 Ks", "Ks H1 J2"),  # of NEWFIRM and FourStar
        ("F110W F160W F205W", "F205W F160W F110W"),
    ],
)
def test_a_name_of_two_filters_is_told_by_those_beside_it(
    write_fits: Callable[..., Path], tmp_path: Path, bands: str, order: str
) -> None:
    names, planes = bands.split(), np.zeros((len(bands.split()), 40, 40))
    for place, plane in enumerate(planes):  # a spot of its own for each band
        plane[4:36, 5 * place + 3 : 5 * place + 6] = 1
    cards = {f"BAND{place}": name for place, name in enumerate(names)}
    parts = [fits.ImageHDU(plane) for plane in planes]
    for part, name in zip(parts, names, strict=True):
        part.header["FILTER"] = name
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "parts.fits")
    for path in (write_fits(planes, "cube.fits", **cards), tmp_path / "parts.fits"):
        image = read_fits(path)[0]
        shown = [int(image[20, :, colour].argmax()) // 5 for colour in range(3)]
        assert [names[place] for place in shown] == order.split()


def test_images_whose_colours_were_others_are_read_anew(write_fits: Callable[..., Path]) -> None:
    def anew(*names: str) -> bool:
        cards = {f"BAND{place}": name for place, name in enumerate(names)}
        return read_sky(write_fits(cube("grz"), f"{names[0]}.fits", **cards)).anew

    assert not any((anew("g", "r", "z"), anew("F555W", "F606W", "F814W"), anew("J", "H", "Ks")))
    assert all((anew("F410M", "F555W", "F814W"), anew("gp", "rp", "zs"), anew("F062", "g", "r")))


def test_long_pass_filters_of_jwst_are_infrared_and_those_of_hubble_ultraviolet() -> None:
    assert [wavelength(f"F{n}LP") for n in ("070", "100", "170", "290")] == [700, 1000, 1700, 2900]
    assert [wavelength(f"F{n}LP") for n in (115, 125, 140, 150, 165)] == [115, 125, 140, 150, 165]


@pytest.mark.parametrize(
    "name",
    ["", "weight", "1", "PRIMARY", "SCI", "galaxy", "None", "F12", "DESI", "ND4", "3nm", "n891"],
)
def test_what_is_no_filter_has_no_wavelength(name: str) -> None:
    assert wavelength(name) is None


def cube(bands: str | list[str]) -> np.ndarray:
    """Spots that are brightest in the band of longest wavelength."""
    light = np.exp(-((np.mgrid[:40, :40] - 20.0) ** 2).sum(axis=0) / 20)
    sky = np.random.default_rng(0).normal(0, 0.01, (len(bands), 40, 40))
    order = np.argsort(np.argsort([wavelength(band) for band in bands]))
    return sky + light * (1 + order)[:, None, None]


def is_red(path: Path) -> bool:
    image = read_fits(path)[0][16, 20].astype(int)
    return bool(image[0] > image[2] and image[0] >= image[1] >= image[2])


@pytest.mark.parametrize(
    ("text", "bands"),
    [
        *((bands, list(bands)) for bands in ("grz", "gri", "riz", "izy", "zrg", "ugr", "BVR")),
        *((sign.join("grz"), list("grz")) for sign in (",", ", ", " ", ";", "/", "|")),
        ("['g', 'r', 'z']", list("grz")),
        ("SDSS-z,SDSS-r,SDSS-g", list("zrg")),
        ("JHKs", ["J", "H", "Ks"]),
        ("F606W,F814W,F160W", ["F606W", "F814W", "F160W"]),
        ("ugriz", list("ugriz")),
        ("g,r", list("gr")),
    ],
)
def test_the_longest_wavelength_is_red(
    write_fits: Callable[..., Path], text: str, bands: list[str]
) -> None:
    for key in ("BANDS", "FILTERS", "FILTER"):
        path = write_fits(cube(bands), f"{key}.fits", **{key: text})
        assert is_red(path)
        assert not read_sky(path).unnamed_bands
    last = write_fits(np.moveaxis(cube(bands), 0, -1), "last.fits", BANDS=text)
    assert is_red(last) or len(bands) > 3


@pytest.mark.parametrize("key", ["BAND", "FILTER", "FILT"])
@pytest.mark.parametrize("first", [0, 1])
def test_bands_may_be_named_one_by_one(
    write_fits: Callable[..., Path], key: str, first: int
) -> None:
    cards = {f"{key}{k + first}": f"DES {band}" for k, band in enumerate("grz")}
    assert is_red(write_fits(cube("grz"), **cards))


@pytest.mark.parametrize("key", ["EXTNAME", "FILTER", "BAND"])
@pytest.mark.parametrize("names", ["grz", "zrg", "ugriz", ["VIS", "NIR_Y", "NIR_H"], ["g", "i"]])
def test_bands_may_be_extensions(tmp_path: Path, key: str, names: str | list[str]) -> None:
    parts = []
    for name, plane in zip(names, cube(names), strict=True):
        parts += [fits.ImageHDU(plane), fits.ImageHDU(np.ones((40, 40)), name=f"{name}_WHT")]
        parts[-2].header[key] = name
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "x.fits")
    assert is_red(tmp_path / "x.fits")
    assert not read_sky(tmp_path / "x.fits").unnamed_bands


@pytest.mark.parametrize("text", ["", "abc", "g,r", "grr", "r,R,g"])
def test_unknown_bands_keep_the_order_of_the_file_and_are_reported(
    write_fits: Callable[..., Path], text: str
) -> None:
    planes = cube("zrg")
    path = write_fits(planes, BANDS=text)
    assert is_red(path)
    assert not is_red(write_fits(planes[::-1], "other.fits", BANDS=text))
    assert read_sky(path).unnamed_bands
    assert plane_bands({"BANDS": "g,r"}, 3) is None
