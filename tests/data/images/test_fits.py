"""FITS pictures: planes, stretch, position, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from astrojepa.data import DataError, PictureError, open_dataset
from astrojepa.data.images.fits import read_fits, read_flux, read_sky, stretch

Write = Callable[..., Path]


def spot(height: int = 40, width: int = 40, sky: float = 100.0, seed: int = 0) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    light = 500 * np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / 20)
    return light + np.random.default_rng(seed).normal(sky, 2, (height, width))


def write_hdus(path: Path, parts: list[Any]) -> Path:
    """Write images as extensions without names, packed ones as they are."""
    hdus = [part if hasattr(part, "header") else fits.ImageHDU(part) for part in parts]
    fits.HDUList([fits.PrimaryHDU(), *(hdu.copy() for hdu in hdus)]).writeto(path, overwrite=True)
    return path


def test_a_plane_becomes_grey_with_a_dark_sky_and_a_bright_centre(write_fits: Write) -> None:
    picture, sky = read_fits(write_fits(spot()))
    assert picture.dtype == np.uint8
    assert picture.shape == (40, 40, 3)
    assert (picture[..., 0] == picture[..., 2]).all()
    assert picture[20, 20, 0] > 240
    assert 0 < np.median(picture) < 50
    assert (sky.ra, sky.dec) == (None, None)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.uint16, np.int32])
def test_every_number_format_gives_the_same_picture(write_fits: Write, kind: type) -> None:
    whole = spot().round()
    expected = read_fits(write_fits(whole, "double.fits"))[0].astype(int)
    assert np.abs(read_fits(write_fits(whole.astype(kind)))[0] - expected).max() <= 1


def test_cubes_are_red_green_blue_whichever_axis_comes_first(write_fits: Write) -> None:
    red = np.stack([spot() * 3, spot(), spot()])
    first = read_fits(write_fits(red, "first.fits"))[0]
    last = read_fits(write_fits(np.moveaxis(red, 0, -1), "last.fits"))[0]
    assert np.array_equal(first, last)
    assert first[16, 20, 0] > first[16, 20, 2]


def test_bands_written_blue_first_are_reversed(write_fits: Write) -> None:
    blue_first = np.stack([spot(), spot(), spot() * 3])
    picture = read_fits(write_fits(blue_first, BANDS="grz"))[0]
    assert picture[16, 20, 0] > picture[16, 20, 2]


def test_the_first_row_of_the_file_is_the_bottom_of_the_picture(write_fits: Write) -> None:
    data = spot(30, 30)
    data[2, :] = 5000
    assert read_fits(write_fits(data))[0][27].min() > 200


def test_undefined_pixels_look_like_sky(write_fits: Write) -> None:
    data = spot()
    data[:5] = np.nan
    data[5:8] = np.inf
    picture = read_fits(write_fits(data))[0]
    assert abs(int(picture[-1, 0, 0]) - int(np.median(picture))) < 12


def test_one_undefined_plane_leaves_the_others(write_fits: Write) -> None:
    cube = np.stack([spot(), np.full((40, 40), np.nan), spot()])
    assert read_fits(write_fits(cube))[0][20, 20].tolist()[1] == 0


@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 0), (1e6, 0), (1, -300), (1, 1e5)])
def test_the_picture_does_not_depend_on_unit_and_sky_level(scale: float, offset: float) -> None:
    plane = spot()[None]
    assert np.abs(stretch(plane).astype(int) - stretch(plane * scale + offset)).max() <= 1


def test_the_stretch_keeps_the_ratio_of_colours() -> None:
    light = np.exp(-((np.mgrid[:41, :41][0] - 20.0) ** 2) / 30) * 100
    picture = stretch(np.stack([light, light / 2, light / 4])).astype(float)
    assert picture[14, 20, 1] / picture[14, 20, 0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
def test_a_constant_plane_is_black(value: float) -> None:
    assert stretch(np.full((1, 8, 8), value)).max() == 0


def test_a_mostly_constant_plane_still_shows_its_source() -> None:
    plane = np.zeros((1, 20, 20))
    plane[0, 10, 10] = 5
    picture = stretch(plane)
    assert picture[10, 10, 0] == 255
    assert picture[0, 0, 0] == 0


def test_the_wcs_gives_the_position_of_the_centre(write_fits: Write) -> None:
    path = write_fits(spot(40, 60), wcs=(359.9999, -0.5))
    _, sky = read_fits(path)
    assert sky.ra == pytest.approx(359.9999, abs=1e-6)
    assert sky.dec == pytest.approx(-0.5, abs=1e-6)
    assert read_sky(path) == sky


def test_galactic_coordinates_become_equatorial(write_fits: Write) -> None:
    path = write_fits(spot(), wcs=(0.0, 0.0), CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN")
    sky = read_sky(path)
    assert (sky.ra, sky.dec) == pytest.approx((266.405, -28.936), abs=1e-2)


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
        {"CDELT1": 0.0},
        {"CTYPE2": "RA---TAN"},
        {"CUNIT1": "parsec"},
        {"CRVAL1": "north"},
    ],
)
def test_a_nonsensical_wcs_is_no_position(write_fits: Write, cards: dict[str, object]) -> None:
    picture, sky = read_fits(write_fits(spot(), wcs=(10.0, 10.0), **cards))
    assert (sky.ra, sky.dec) == (None, None)
    assert picture.shape == (40, 40, 3)


def test_the_image_may_stand_in_an_extension(tmp_path: Path) -> None:
    path = tmp_path / "extension.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(), table, fits.ImageHDU(spot())]).writeto(path)
    assert read_fits(path)[0].shape == (40, 40, 3)


def test_bytes_and_file_give_the_same_picture(write_fits: Write) -> None:
    path = write_fits(spot())
    assert np.array_equal(read_fits(path.read_bytes())[0], read_fits(path)[0])


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_an_error(write_fits: Write, part: float) -> None:
    path = write_fits(spot(100, 100))
    os.truncate(path, int(path.stat().st_size * part))
    with pytest.raises(DataError, match=r"galaxy\.fits is cut short"):
        read_fits(path)


def test_a_file_cut_within_its_header_is_an_error(write_fits: Write) -> None:
    path = write_fits(spot())
    os.truncate(path, 500)
    with pytest.raises(DataError, match="damaged or cut short"):
        read_fits(path)


def test_a_size_that_is_a_text_is_refused_before_it_is_multiplied(tmp_path: Path) -> None:
    cards = [
        "XTENSION= 'IMAGE   '",
        "BITPIX  =                  -32",
        "NAXIS   =                    2",
    ]
    cards += [
        "NAXIS1  =           2147483647",
        "NAXIS2  = 'x       '",
        "PCOUNT  =                    0",
    ]
    first = fits.PrimaryHDU().header.tostring().encode()
    second = "".join(card.ljust(80) for card in [*cards, "GCOUNT  = 1", "END"]).ljust(2880)
    (tmp_path / "huge.fits").write_bytes(first + second.encode() + bytes(2880))
    with pytest.raises(DataError, match=r"its header says NAXIS2 = 'x +', which is no number"):
        read_fits(tmp_path / "huge.fits")


def test_a_header_that_declares_a_huge_image_is_refused_before_reading(write_fits: Write) -> None:
    path = write_fits(spot().astype(np.uint8))
    raw = path.read_bytes()
    for axis in (b"NAXIS1", b"NAXIS2"):
        raw = raw.replace(axis + b"  =                   40", axis + b"  =                 4100")
    path.write_bytes(raw)
    with pytest.raises(DataError, match="is cut short"):
        read_fits(path)
    os.truncate(path, 4100**2 + 10_000)
    with pytest.raises(DataError, match="16,777,216 pixels are read"):
        read_fits(path)


def test_uploads_over_ten_megabytes_are_refused() -> None:
    with pytest.raises(DataError, match="at most 10 MB"):
        read_fits(b"SIMPLE  =" + bytes(11 * 1024 * 1024))


@pytest.mark.parametrize("raw", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.fits").write_bytes(raw)
    with pytest.raises(DataError, match="is not a FITS file"):
        read_fits(tmp_path / "x.fits")


@pytest.mark.parametrize(("packed", "ending"), [(gzip, "gz"), (bz2, "bz2")])
def test_files_packed_as_a_whole_are_read(
    write_fits: Write, tmp_path: Path, packed: ModuleType, ending: str
) -> None:
    plain = write_fits(spot())
    path = tmp_path / f"x.fits.{ending}"
    path.write_bytes(packed.compress(plain.read_bytes()))
    assert np.array_equal(read_fits(path)[0], read_fits(plain)[0])
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(DataError, match=r"cannot be unpacked"):
        read_fits(path)


def test_what_unpacks_to_more_than_the_limit_is_refused() -> None:
    with pytest.raises(DataError, match="at most 10 MB"):
        read_fits(gzip.compress(b"SIMPLE  =" + bytes(11 * 1024 * 1024)))


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"compression_type": "RICE_1"}, np.int16),
        ({"compression_type": "GZIP_1"}, np.uint16),
        ({"compression_type": "GZIP_2", "quantize_level": 0}, np.float32),
        ({"compression_type": "RICE_1", "quantize_level": 64, "tile_shape": (16, 40)}, np.float32),
    ],
)
def test_fpacked_images_are_read(
    write_fits: Write, tmp_path: Path, how: dict[str, Any], kind: type
) -> None:
    data, path = spot().round().astype(kind), tmp_path / "tiles.fits.fz"
    header = fits.getheader(write_fits(data, wcs=(10.0, 20.0)))
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, header, **how)]).writeto(path)
    image, sky = read_fits(path)
    expected, placed = read_fits(write_fits(data, "plain.fits", wcs=(10.0, 20.0)))
    assert np.abs(image.astype(int) - expected).max() <= 1
    assert sky == placed


@pytest.mark.parametrize("how", ["HCOMPRESS_1", "PLIO_1"])
def test_packings_whose_unpackers_trust_the_file_are_refused(tmp_path: Path, how: str) -> None:
    path, data = tmp_path / "x.fits", spot().astype(np.int16)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, compression_type=how)]).writeto(path)
    with pytest.raises(DataError, match=f"is packed with {how}; RICE_1"):
        read_fits(path)


def test_a_tile_that_unpacks_to_more_than_the_picture_is_refused(tmp_path: Path) -> None:
    data = np.zeros((40, 40), np.int16)
    tiles = fits.CompImageHDU(data, compression_type="GZIP_1", tile_shape=(40, 40))
    path = tmp_path / "bomb.fits"
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(path)
    with fits.open(path, disable_image_compression=True, mode="update") as hdus:
        hdus[1].header["ZNAXIS1"] = hdus[1].header["ZTILE1"] = 4
    with pytest.raises(DataError, match=r"hold more than \(40, 4\)"):
        read_fits(path)


@pytest.mark.parametrize("shape", [(10,), (4, 10, 10), (2, 3, 10, 10)])
def test_other_shapes_are_refused(write_fits: Write, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"expected \(H, W\), \(3, H, W\) or \(H, W, 3\)"):
        read_fits(write_fits(np.zeros(shape)))


@pytest.mark.parametrize("shape", [(1, 40, 40), (1, 1, 40, 40), (40, 40, 1), (1, 40, 40, 1)])
def test_axes_of_one_are_ignored(write_fits: Write, shape: tuple[int, ...]) -> None:
    expected = read_fits(write_fits(spot(), "plain.fits"))[0]
    assert np.array_equal(read_fits(write_fits(spot().reshape(shape)))[0], expected)
    cube = np.stack([spot() * 3, spot(), spot()])
    expected = read_fits(write_fits(cube, "cube.fits"))[0]
    assert np.array_equal(read_fits(write_fits(cube[None], "deep.fits"))[0], expected)


@pytest.mark.parametrize(
    "others",
    [
        [("MASK", np.ones((40, 40), np.uint8))],
        [("WHT", np.full((40, 40), 9.0)), ("DQ", np.zeros((40, 40), np.int16))],
        [("INVVAR", np.full((60, 60), 9.0)), ("PSF-r", spot(80, 80))],
        [("", np.ones((1, 1)))],
        [("", np.ones((40, 40), np.uint8))],
        [("SEGMENTATION_MAP", np.ones((40, 40), np.int32))],
        *(
            [(called, np.full((60, 60), 9.0))]
            for called in ("BADPIX", "BAD PIXELS", "FLAGS", "MASK1", "OBJMASK", "DATA_QUALITY")
        ),
        *(
            [(called, np.full((60, 60), 9.0))]
            for called in ("WEIGHT_MAP", "WEIGHTS", "CONFMAP", "VAR", "IVAR", "RMSMAP", "GAIN")
        ),
    ],
)
@pytest.mark.parametrize("name", ["SCI", "", "r"])
def test_the_galaxy_is_shown_and_not_its_mask_weight_or_psf(
    tmp_path: Path, write_fits: Write, others: list[tuple[str, np.ndarray]], name: str
) -> None:
    parts = [fits.ImageHDU(data, name=called) for called, data in others]
    fits.HDUList([fits.PrimaryHDU(), *parts, fits.ImageHDU(spot(), name=name)]).writeto(
        tmp_path / "x.fits"
    )
    expected = read_fits(write_fits(spot()))[0]
    assert np.array_equal(read_fits(tmp_path / "x.fits")[0], expected)


def test_an_image_that_is_called_unmasked_is_shown(tmp_path: Path) -> None:
    hdus = [fits.ImageHDU(np.ones((40, 40)), name="MASK"), fits.ImageHDU(spot(), name="UNMASKED")]
    path = write_hdus(tmp_path / "x.fits", hdus)
    expected = read_fits(write_hdus(tmp_path / "one.fits", [spot()]))[0]
    assert np.array_equal(read_fits(path)[0], expected)
    assert read_sky(path).masks == "MASK"


@pytest.mark.parametrize("bands", [(), ("g", "r")])
def test_a_mask_that_is_not_applied_is_said_once(tmp_path: Path, bands: tuple[str, ...]) -> None:
    for number, names in enumerate((["DQ", "WHT"], ["DQ", "WHT"], ["ERR"], [])):
        sci = [fits.ImageHDU(spot(), name=band) for band in ("g", "r")]
        others = [fits.ImageHDU(np.ones((40, 40), np.int16), name=name) for name in names]
        fits.HDUList([fits.PrimaryHDU(), *sci, *others]).writeto(tmp_path / f"{number}.fits")
    notes = [note for note in open_dataset(tmp_path, bands=bands).notes if "masks" in note]
    assert notes == [
        "2 of 4 FITS images have masks or weights beside them (DQ WHT), which are not applied; "
        "write NaN where a pixel is bad."
    ]


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "uint16", "int32", "PLIO", "RICE"])
@pytest.mark.parametrize("of", ["f4", "i2"])
def test_an_unnamed_mask_before_an_unnamed_image_is_not_shown_for_it(
    kind: str, of: str, tmp_path: Path
) -> None:
    science = spot().round().astype(of)
    bad = np.random.default_rng(0).choice([0, 0, 0, 1, 64, 4096], (40, 40))
    bad = (bad > 0).astype("u1") if kind in ("bool", "uint8") else bad
    mask: Any = fits.ImageHDU(
        bad.astype("i2" if kind.isupper() else "u1" if kind == "bool" else kind)
    )
    if kind.isupper():
        mask = fits.CompImageHDU(mask.data, compression_type=f"{kind}_1")
    expected = read_fits(write_hdus(tmp_path / "one.fits", [science]))[0]
    for parts in ([mask, science], [mask, mask, science], [science, mask]):
        found, sky = read_fits(write_hdus(tmp_path / "two.fits", parts))
        assert np.array_equal(found, expected)
        anew = parts[0] is mask and kind not in ("bool", "uint8")  # else as before
        assert (sky.anew, sky.masks, sky.others) == (anew, "unnamed" * anew, not anew)
        flux = read_flux(tmp_path / "two.fits", ("r",))
        assert np.array_equal(flux[::-1, :, 0], science.astype("f4"))


@pytest.mark.parametrize(("pixel", "masks"), [(0, "unnamed"), (8, "unnamed"), (-8, "")])
def test_an_unnamed_image_of_0_alone_is_a_mask_without_a_bad_pixel(
    pixel: int, masks: str, tmp_path: Path
) -> None:
    first = np.zeros((40, 40), "i2")
    first[0, 0] = pixel
    found, sky = read_fits(write_hdus(tmp_path / "two.fits", [first, spot()]))
    shown = read_fits(write_hdus(tmp_path / "one.fits", [spot() if masks else first]))[0]
    assert np.array_equal(found, shown)
    assert sky.masks == masks


def test_images_that_may_be_of_the_sky_are_no_masks_and_of_masks_alone_the_first_is_shown(
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(0)
    counts, times = draw.poisson(0.5, (40, 40)).astype("i2"), draw.uniform(90, 100, (40, 40))
    lost = np.where(np.arange(40) < 5, -99, counts).astype("i2")
    blank = fits.ImageHDU(np.where(lost < 0, -32768, counts).astype("i2"))
    blank.header["BLANK"] = -32768
    pedestal = (1000 + draw.integers(0, 7, (40, 40))).astype("i2")
    sparse, (first, second) = np.minimum(counts, 1), draw.choice([0, 8], (2, 40, 40)).astype("i4")
    gaps = draw.choice([0, 1, 2, 4], (40, 40)).astype("i2")
    sky_like = (counts, lost, blank, pedestal, sparse, gaps)
    for one, other in (*((one, times) for one in sky_like), (first, second)):
        expected = read_fits(write_hdus(tmp_path / "one.fits", [one]))[0]
        found, sky = read_fits(write_hdus(tmp_path / "two.fits", [one, other]))
        assert np.array_equal(found, expected)
        assert sky.others
        assert not sky.masks


@pytest.mark.parametrize("key", ["EXTNAME", "FILTER"])
@pytest.mark.parametrize("lost", ["g", "r", "z"])
def test_a_band_that_is_blank_or_has_few_counts_stays_a_band(
    key: str, lost: str, tmp_path: Path
) -> None:
    science = spot().round().astype("i2")
    for few in (np.zeros_like(science), np.minimum(science, 1), science & 8):
        planes = [fits.ImageHDU(few if band == lost else science) for band in "grz"]
        for plane, band in zip(planes, "grz", strict=True):
            plane.header[key] = band
        path = write_hdus(tmp_path / "x.fits", planes)
        found, sky = read_flux(path, ("g", "r", "z")), read_sky(path)
        assert (sky.masks, sky.others, sky.left_out) == ("", False, False)
        for place, plane in enumerate(planes):
            assert np.array_equal(found[::-1, :, place], plane.data)


def test_pixels_are_looked_at_only_where_the_choice_of_the_image_depends_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = spot().round().astype("i2")
    packed = [
        fits.CompImageHDU(whole, fits.Header({"FILTER": band} if band else {}))
        for band in ("g", "r", "")
    ]
    headers_tell = ([packed[2]], packed[:2], packed, [spot(), packed[2], packed[2]])
    files = [
        write_hdus(tmp_path / f"{number}.fits", parts)
        for number, parts in enumerate((*headers_tell, [packed[2], packed[2]]))
    ]
    monkeypatch.setattr(fits.CompImageHDU, "data", property(lambda hdu: pytest.fail("looked at")))
    for path in files[:-1]:
        read_sky(path)
    with pytest.raises(pytest.fail.Exception, match="looked at"):
        read_sky(files[-1])


def test_a_row_of_numbers_is_not_shown_for_the_image(tmp_path: Path, write_fits: Write) -> None:
    row = fits.ImageHDU(np.ones(9999, np.float32))  # as SDSS writes the flat field of a frame
    fits.HDUList([fits.PrimaryHDU(spot()), row]).writeto(tmp_path / "x.fits")
    expected = read_fits(write_fits(spot()))[0]
    assert np.array_equal(read_fits(tmp_path / "x.fits")[0], expected)


def test_a_file_of_masks_and_tables_says_that_it_holds_no_picture(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    mask = fits.ImageHDU(np.ones((9, 9), np.uint8), name="MASK")
    fits.HDUList([fits.PrimaryHDU(), table, mask]).writeto(tmp_path / "x.fits")
    with pytest.raises(DataError, match=r"no image of the sky \(its images are called MASK\)"):
        read_fits(tmp_path / "x.fits")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "y.fits")
    with pytest.raises(DataError, match=r"no image of the sky \(tables are not read\)"):
        read_fits(tmp_path / "y.fits")


@pytest.mark.parametrize("kind", ["uint16", "int16", "uint8", "uint32", "uint64"])
def test_blank_pixels_look_like_sky_whatever_the_integers(write_fits: Write, kind: str) -> None:
    data = np.minimum(spot().round(), np.iinfo(kind).max - 5).astype(kind)
    header = fits.PrimaryHDU(data).header  # with the BZERO of unsigned integers
    blank = np.iinfo(kind).max - int(header.get("BZERO", 0)) if kind != "int16" else -32768
    data[:9] = np.iinfo(kind).min if kind == "int16" else np.iinfo(kind).max
    image = read_fits(write_fits(data, BLANK=blank))[0]
    assert np.ptp(image[-9:].astype(int)) == 0, header
    assert abs(int(image[-1, 0, 0]) - int(np.median(image[:-9]))) < 12
    assert image[20, 20, 0] > 240


@pytest.mark.parametrize("name", ["STAT", "INSTMAP", "CONF", "EXPMAP"])
def test_variances_and_maps_of_an_instrument_are_not_shown(tmp_path: Path, name: str) -> None:
    science = fits.ImageHDU(spot(), name="DATA")
    parts = [fits.PrimaryHDU(), fits.ImageHDU(np.ones((50, 50)), name=name), science]
    fits.HDUList(parts).writeto(tmp_path / "x.fits")
    assert read_fits(tmp_path / "x.fits")[0].shape == (40, 40, 3)


@pytest.mark.parametrize("axis", ["FREQ", "STOKES", "VRAD-F2W", "wave", "AWAV"])
def test_channels_of_a_cube_are_no_colours_unless_it_names_their_filters(
    write_fits: Write, axis: str
) -> None:
    planes = np.stack([spot() * k for k in (1, 2, 3)])
    for shown in (planes, np.stack([spot()] * 7)):
        with pytest.raises(DataError, match=f"planes are along {axis[:8].upper()}, and no colours"):
            read_fits(write_fits(shown, f"{axis}{len(shown)}.fits", CTYPE3=axis))
    flux = read_flux(write_fits(planes, "named.fits", CTYPE3=axis), ("g", "r", "i"))
    assert np.array_equal(flux, np.moveaxis(planes[:, ::-1], 0, -1).astype(np.float32))
    last = write_fits(np.moveaxis(planes, 0, -1), "last.fits", CTYPE3=axis)
    assert read_fits(last)[0].shape == (40, 40, 3)
    assert read_fits(write_fits(planes, CTYPE3=axis, BANDS="gri"))[0].shape == (40, 40, 3)


def test_one_plane_is_not_all_the_bands_and_the_message_says_how_to_name_files(
    write_fits: Write,
) -> None:
    with pytest.raises(
        DataError, match=r"has one plane without a name; .*\(galaxy-g.fits, galaxy-r"
    ):
        read_flux(write_fits(spot()), ("g", "r"))


def test_rows_that_are_written_from_the_top_are_not_turned(write_fits: Write) -> None:
    data = spot(30, 30)
    data[2, :] = 5000
    assert read_fits(write_fits(data, ROWORDER="TOP-DOWN"))[0][2].min() > 200
    assert read_fits(write_fits(data, "up.fits", ROWORDER="BOTTOM-UP"))[0][27].min() > 200


def test_an_image_without_a_defined_pixel_is_an_error(write_fits: Write) -> None:
    with pytest.raises(DataError, match="has no defined pixel"):
        read_fits(write_fits(np.full((5, 5), np.nan)))


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_fits(tmp_path / "none.fits")


def test_a_packed_image_that_announces_more_bytes_than_the_file_has_is_refused(
    tmp_path: Path,
) -> None:
    stream = io.BytesIO()
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.CompImageHDU(np.ones((10, 12), np.int16), compression_type="GZIP_1"),
        ]
    ).writeto(stream)
    content = stream.getvalue()
    pcount = re.search(rb"PCOUNT  = +\d+", content[2880:])
    naxis = re.search(rb"NAXIS   = +2", content[2880:])
    assert pcount
    assert naxis
    content = content.replace(pcount[0], b"PCOUNT  =           4294967295")
    place = 2880 + naxis.start()
    content = content[:place] + b"NAXIS   =                    0" + content[place + 30 :]
    (tmp_path / "a.fits").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(PictureError, match="is cut short: its part 1 ends at byte 4,294,"):
        read_fits(tmp_path / "a.fits")
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def extension(name: str, seed: int, **cards: object) -> fits.ImageHDU:
    values = np.random.default_rng(seed).normal(0, 1, (20, 24)).astype(np.float32)
    values[seed, 2 * seed] = 500
    image = fits.ImageHDU(values, name=name)
    image.header.update(cards)
    return image


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        # Euclid: several parts of one filter
        (
            [extension(f"{band}.{kind}", seed) for seed, (band, kind) in enumerate(
                itertools.product(("VIS", "NIR-Y", "NIR-H"), ("FLG", "SCI", "RMS")), 1
            )],
            [7, 4, 1],
        ),
        ([extension(f"{k}_{b}", s) for s, (k, b) in enumerate(
            itertools.product(("BKG", "SCI"), "gri"), 1)], [5, 4, 3]),
        # two exposures in g: the first counts
        ([extension("SCI", s, FILTER=b) for s, b in enumerate("ggri", 1)], [3, 2, 0]),
        ([extension("MODEL", 1), extension("RESID", 2), extension("DATA", 3)], [2, 2, 2]),
        ([extension("CRMASK", 1), extension("QUALITY", 2), extension("PRODUCT", 3)], [2, 2, 2]),
        ([extension("MODEL", 1)], [0, 0, 0]),  # where there is nothing else
    ],
)  # fmt: skip
def test_of_several_images_in_a_filter_the_galaxy_s_is_shown(
    parts: list[fits.ImageHDU], shown: list[int], tmp_path: Path
) -> None:
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "x.fits")
    picture, _ = read_fits(tmp_path / "x.fits")
    expected = [np.argmax(parts[place].data[::-1]) for place in shown]
    assert [int(picture[..., colour].argmax()) for colour in range(3)] == expected


def test_only_images_that_are_read_otherwise_than_before_are_marked(tmp_path: Path) -> None:
    def mark(*parts: fits.ImageHDU) -> bool:
        fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "x.fits", overwrite=True)
        return read_sky(tmp_path / "x.fits").anew

    assert not mark(*(extension("SCI", s, FILTER=b) for s, b in enumerate("gri", 1)))
    assert not mark(extension("DATA", 1), extension("MODEL", 2), extension("RESID", 3))
    assert not mark(*(extension("SCI", s, FILTER="r") for s in (1, 2)))
    bands = [extension("SCI", s, FILTER=b) for s, b in enumerate("gri", 1)]
    assert not mark(*bands, extension("MODEL", 4))
    assert mark(*bands, extension("MODEL", 4, FILTER="r"))
    assert mark(extension("MODEL", 1), extension("DATA", 2))
    assert mark(*(extension("SCI", s, FILTER=b) for s, b in enumerate("ggr", 1)))
    assert mark(extension("SCI", 1, BSOFTEN=1.0, BOFFSET=0.0))
    assert mark(extension("SCI", 1, FILTER="CLEAR", PUPIL="F200W"))
    assert mark(*(extension("SCI", s, FILTER=b) for s, b in enumerate(("V", "H-alpha", "I"), 1)))
    assert mark(*(extension("SCI", s, FILTER=b) for s, b in enumerate(("F150LP", "V", "I"), 1)))
    assert not mark(extension("SCI", 1, FILTER="F200W", PUPIL="CLEARP"))


def test_the_filter_of_jwst_may_stand_in_the_wheel_of_its_pupil(tmp_path: Path) -> None:
    # NIRISS: CLEAR and F200W; NIRCam: F405N in front of F444W
    parts = [
        extension("SCI", s, FILTER="CLEAR", PUPIL=b)
        for s, b in ((1, "F150W"), (2, "F200W"), (3, "F115W"))
    ]
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "x.fits")
    picture = read_fits(tmp_path / "x.fits")[0][::-1]
    assert [int(picture[s, 2 * s].argmax()) for s in (2, 1, 3)] == [0, 1, 2]
    flux = read_flux(tmp_path / "x.fits", ("F115W", "F200W"))
    assert np.array_equal(flux[::-1, :, 0], parts[2].data)
    assert np.array_equal(flux[::-1, :, 1], parts[1].data)


@pytest.mark.parametrize("inherits", [True, False])
def test_flux_is_refused_if_only_the_first_header_names_another_filter(
    inherits: bool, tmp_path: Path
) -> None:
    first = fits.PrimaryHDU()
    first.header.update({"FILTER": "F444W", "PUPIL": "F405N"})
    image = extension("SCI", 1, CRVAL1=10.0, INHERIT=inherits)
    fits.HDUList([first, image]).writeto(tmp_path / "x.fits")
    for band in ("F405N", "nircam_f405n"):
        assert np.array_equal(read_flux(tmp_path / "x.fits", (band,))[::-1, :, 0], image.data)
    with pytest.raises(PictureError, match="has F405N; expected the bands F444W"):
        read_flux(tmp_path / "x.fits", ("F444W",))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_planes_that_name_no_filters_are_said_to_be_taken_in_their_order(
    count: int, write_fits: Write, tmp_path: Path
) -> None:
    cube = np.stack([spot(seed=seed) for seed in range(count)])
    write_fits(cube, "x/a.fits")
    bands = tuple("grizy"[:count])
    data = open_dataset(tmp_path / "x", bands=bands)
    assert np.array_equal(data.flux(0), np.moveaxis(cube[:, ::-1], 0, -1).astype("f4"))
    (said,) = data.notes
    assert f"its {count} planes; they are taken as {', '.join(bands)} in the order" in said
    write_fits(cube, "y/a.fits", BANDS="".join(bands))
    assert open_dataset(tmp_path / "y", bands=bands).notes == ()


def test_flux_of_a_filter_in_two_images_is_that_of_the_first(tmp_path: Path) -> None:
    parts = [extension("SCI", s, FILTER=b) for s, b in enumerate("ggr", 1)]
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "x.fits")
    flux = read_flux(tmp_path / "x.fits", ("r", "g"))
    assert np.array_equal(flux[::-1, :, 0], parts[2].data)
    assert np.array_equal(flux[::-1, :, 1], parts[0].data)


def test_asinh_magnitudes_of_pan_starrs_become_flux(tmp_path: Path) -> None:
    flux = np.linspace(-50, 9000, 480).reshape(20, 24)
    offset, softening = 3.5, 120.0
    values = 2.5 / np.log(10) * np.arcsinh((flux - offset) / (2 * softening))
    cards = {"BSOFTEN": softening, "BOFFSET": offset, "FILTER": "r.00000"}
    fits.PrimaryHDU(values, fits.Header(cards)).writeto(tmp_path / "x.fits")
    assert np.allclose(read_flux(tmp_path / "x.fits", ("r",))[::-1, :, 0], flux, rtol=1e-5)


def test_an_image_in_an_unknown_filter_is_said_to_be_left_out(tmp_path: Path) -> None:
    parts = [extension("", s, FILTER=b) for s, b in enumerate(("g", "r", "Clear"), 1)]
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(tmp_path / "x.fits")
    assert read_sky(tmp_path / "x.fits").left_out
    fits.HDUList([fits.PrimaryHDU(), *parts[:2]]).writeto(tmp_path / "y.fits")
    assert not read_sky(tmp_path / "y.fits").left_out


@pytest.mark.parametrize("unit", ["mag", "mag/arcsec2", "ABmag", "mag(AB)", "magnitudes"])
def test_magnitudes_are_shown_as_the_flux_that_they_mean(unit: str, tmp_path: Path) -> None:
    flux = spot()
    magnitudes = (flux * u.nJy).to_value(u.ABmag)
    magnitudes[3, 3] = 99  # missing
    fits.PrimaryHDU(magnitudes, fits.Header({"BUNIT": unit, "FILTER": "r"})).writeto(
        tmp_path / "m.fits"
    )
    flux[3, 3] = np.nan
    shown = read_fits(tmp_path / "m.fits")[0].astype(int)
    assert np.abs(shown - stretch(flux[None, ::-1])).max() <= 1
    assert read_sky(tmp_path / "m.fits").anew  # was dark where it is bright
    with pytest.raises(PictureError, match=r"holds magnitudes \(BUNIT\), expected flux"):
        read_flux(tmp_path / "m.fits", ("r",))


def test_magnitudes_that_only_the_first_part_of_a_file_names_are_shown_as_flux(
    tmp_path: Path,
) -> None:
    magnitudes = (spot() * u.nJy).to_value(u.ABmag)
    parts = [fits.PrimaryHDU(header=fits.Header({"BUNIT": "mag"})), fits.ImageHDU(magnitudes)]
    fits.HDUList(parts).writeto(tmp_path / "m.fits")
    shown = read_fits(tmp_path / "m.fits")[0].astype(int)
    assert np.abs(shown - stretch(spot()[None, ::-1])).max() <= 1


@pytest.mark.parametrize("unit", ["nanomaggy", "magic", "image", "counts", "MJy/sr"])
def test_other_units_are_no_magnitudes(unit: str, tmp_path: Path) -> None:
    fits.PrimaryHDU(spot(), fits.Header({"BUNIT": unit})).writeto(tmp_path / "m.fits")
    assert np.array_equal(read_fits(tmp_path / "m.fits")[0], stretch(spot()[None, ::-1]))
    assert not read_sky(tmp_path / "m.fits").anew
