"""Flux in several bands: the numbers of the file reach the network, whatever the layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from astropy.io import fits

import astrojepa as aj
from astrojepa.config import ImageConfig, replace
from astrojepa.data import DataError
from astrojepa.data.crops import resize_flux
from astrojepa.data.frames import flux_frames, frames, frames_for
from astrojepa.data.simulate.camera import colour_picture, through_jpeg
from astrojepa.data.stretch import fit_stretch, in_softenings, stretched
from astrojepa.data.transforms import channel_statistics, to_flux

GRIZ = ("g", "r", "i", "z")


def cubes(count: int = 3, bands: int = 4, side: int = 24) -> np.ndarray:
    """Flux (n, C, H, W) in nanomaggies: another level in every band, noise, a bright middle."""
    random = np.random.default_rng(0)
    flux = random.normal(0, 0.01, (count, bands, side, side))
    flux[:, :, 8:16, 8:16] += np.arange(1, bands + 1)[:, None, None]
    flux[:, :, 10, 3] += 0.5  # off the middle, so that a turned image is another one
    return flux.astype(np.float32)


def as_cubes(folder: Path, flux: np.ndarray) -> None:
    for number, cube in enumerate(flux):
        header = fits.Header({"BANDS": "griz"})
        fits.writeto(folder / f"{number}.fits", cube, header)


def as_unnamed_cubes(folder: Path, flux: np.ndarray) -> None:
    for number, cube in enumerate(flux):
        fits.writeto(folder / f"{number}.fits", np.moveaxis(cube, 0, -1))  # (H, W, C), no names


def as_extensions(folder: Path, flux: np.ndarray) -> None:
    for number, cube in enumerate(flux):
        parts = [fits.ImageHDU(cube[k], name=f"SDSS-{band}") for k, band in enumerate(GRIZ)]
        weight = fits.ImageHDU(np.ones_like(cube[0]), name="WEIGHT")
        fits.HDUList([fits.PrimaryHDU(), weight, *reversed(parts)]).writeto(
            folder / f"{number}.fits"
        )


def as_files(folder: Path, flux: np.ndarray) -> None:
    for number, cube in enumerate(flux):
        for band, plane in zip(GRIZ, cube, strict=True):
            fits.writeto(folder / f"{number}-{band}.fits", plane)


@pytest.mark.parametrize("write", [as_cubes, as_unnamed_cubes, as_extensions, as_files])
def test_every_layout_of_fits_gives_the_flux_that_was_written_upside_down(
    write: Callable[[Path, np.ndarray], None], tmp_path: Path
) -> None:
    flux = cubes()
    write(tmp_path, flux)
    data = aj.open_dataset(tmp_path, bands=GRIZ)
    assert (len(data), data.bands) == (3, GRIZ)
    for row in range(3):
        expected = np.moveaxis(flux[row, :, ::-1], 0, -1)  # FITS counts from the bottom
        np.testing.assert_array_equal(data.flux(row), expected)
    assert data[0].image.shape == (24, 24, 3)
    assert not any("{" in name for name in data.ids)


def test_bands_are_found_by_name_in_any_order_and_number(tmp_path: Path) -> None:
    flux = cubes(1)
    as_cubes(tmp_path, flux)
    chosen = aj.open_dataset(tmp_path, bands=("z", "r")).flux(0)
    np.testing.assert_array_equal(chosen, np.moveaxis(flux[0, [3, 1], ::-1], 0, -1))


def test_a_table_names_a_galaxy_once_or_each_of_its_files(tmp_path: Path) -> None:
    as_files(tmp_path, cubes(2))
    rows = "".join(f"{n}-{band}.fits,{n},{'ab'[n]}\n" for n in range(2) for band in GRIZ)
    for text in (rows, "0-{band}.fits,0,a\n1-{band}.fits,1,b\n"):
        (tmp_path / "labels.csv").write_text("file,id,label\n" + text)
        data = aj.open_dataset(tmp_path, bands=GRIZ)
        assert (data.ids.tolist(), data.labels.tolist()) == (["0", "1"], [0, 1])


def test_undefined_pixels_take_the_median_of_their_band(tmp_path: Path) -> None:
    flux = cubes(1)
    flux[0, 1, 0, 0] = np.nan
    as_cubes(tmp_path, flux)
    found = aj.open_dataset(tmp_path, bands=GRIZ).flux(0)
    assert found[-1, 0, 1] == np.float32(np.nanmedian(flux[0, 1].astype(float)))


@pytest.mark.parametrize("named", [True, False])
def test_hdf5_gives_the_flux_that_was_written(named: bool, tmp_path: Path) -> None:
    flux = cubes(5)
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        images = file.create_dataset("images", data=flux, compression="gzip")
        if named:
            images.attrs["bands"] = np.array(["z", "i", "r", "g"], "S8")
        file["ra"], file["dec"] = np.arange(1.0, 6), np.arange(1.0, 6)
    data = aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ)
    expected = flux[4, ::-1] if named else flux[4]
    np.testing.assert_array_equal(data.flux(4), np.moveaxis(expected, 0, -1))
    assert (data.ra.tolist(), data.classes) == ([1, 2, 3, 4, 5], ())


def test_hdf5_without_images_says_what_it_holds(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        file["image_array"], file["data/images"] = cubes(1), cubes(1)
    with pytest.raises(DataError, match=r"no dataset 'images' \(found: data, image_array\)"):
        aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ)


@pytest.mark.parametrize("at_once", [1, 2 * 24 * 24, 2**20])
def test_hdf5_is_refused_only_where_no_galaxy_has_a_pixel_in_a_band(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrojepa.data.readers.flux_hdf5.AT_ONCE", at_once)
    flux = cubes(5)
    expected = np.moveaxis(flux[3], 0, -1).copy()
    flux[[0, 1, 2, 4], 1] = 99
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file.create_dataset("images", data=flux).attrs["valid_max"] = 50.0
    data = aj.open_dataset(tmp_path / "some.h5", bands=GRIZ)
    np.testing.assert_array_equal(data.flux(3), expected)
    with pytest.raises(DataError, match=r"Row 0 of some.h5 has no defined pixel in r"):
        data.flux(0)
    flux[3, 1] = 99
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        file.create_dataset("images", data=flux).attrs["valid_max"] = 50.0
    with pytest.raises(DataError, match="'images' has no defined pixel in r; look"):
        aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ)
    monkeypatch.setattr("astrojepa.data.readers.flux_hdf5.LOOKED_AT", 4 * flux[:, 0].size - 1)
    if at_once > flux[:, 0].size:  # all images are read together, and refused as before
        with pytest.raises(DataError, match="'images' has no defined pixel in r; look"):
            aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ)
        return
    order, said = aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ).notes
    assert "names no bands; its planes are taken as g, r, i, z in their order" in order
    # the rows 0, 2 and 4, or 0 and 1 together and 4
    assert "No pixel is defined in r in any of the 3 of 5 images" in said


def test_flux_that_netcdf_packed_is_unpacked(tmp_path: Path) -> None:
    packed = np.random.default_rng(0).integers(-900, 900, (2, 2, 8, 8), np.int16)
    packed[0, 0, 0, 0] = -32768
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        images = file.create_dataset("images", data=packed)
        images.attrs.update(
            {"scale_factor": 0.5, "add_offset": 3.0, "_FillValue": packed[0, 0, 0, 0]}
        )
    found = aj.open_dataset(tmp_path / "flux.h5", bands=("g", "r")).flux(0)
    expected = np.moveaxis(packed[0] * 0.5 + 3, 0, -1)
    expected[0, 0, 0] = np.median(expected[..., 0].ravel()[1:])
    np.testing.assert_array_equal(found, expected)


def test_flux_of_packed_bytes_without_sign_and_out_of_range(tmp_path: Path) -> None:
    packed = np.array([[[[1, 100], [-56, -1]]]], np.int8)  # 1, 100, 200 and 255
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        file.create_dataset("images", data=packed)
    plain = aj.open_dataset(tmp_path / "flux.h5", bands=("g",))
    with h5py.File(tmp_path / "flux.h5", "r+") as file:
        attributes = {"_Unsigned": np.bytes_("true"), "valid_range": np.array([0, -56], np.int8)}
        file["images"].attrs.update(attributes)
    data = aj.open_dataset(tmp_path / "flux.h5", bands=("g",))
    assert data.flux(0).ravel().tolist() == [1, 100, 200, 100]  # the last: the median
    assert data.source_hash != plain.source_hash


def test_magnitudes_of_hdf5_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        file.create_dataset("images", data=cubes(2)).attrs["units"] = np.bytes_("mag/arcsec2")
    with pytest.raises(aj.DataError, match=r"are magnitudes \(unit mag/arcsec2\), expected fl"):
        aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ)
    with h5py.File(tmp_path / "flux.h5", "r+") as file:
        file["images"].attrs["units"] = "mag"  # of variable length
    *_, note = aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ).notes
    assert note.endswith("is text of variable length, which is not read; they are taken as flux.")


def test_names_of_bands_in_text_of_variable_length_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "flux.h5", "w") as file:
        file.create_dataset("images", data=cubes(2)).attrs["bands"] = list(GRIZ)
    with pytest.raises(aj.DataError, match=r"expected 4 texts of fixed length, as numpy.array"):
        aj.open_dataset(tmp_path / "flux.h5", bands=GRIZ)


def test_simulated_flux_is_what_the_simulated_image_was_made_from() -> None:
    data = aj.open_dataset("simulated:60", bands=("g", "r", "z"))
    for row in (0, 7):
        picture = colour_picture(np.moveaxis(data.flux(row), -1, 0))
        versions = (through_jpeg(picture, quality) for quality in range(88, 96))
        assert any(np.array_equal(version, data[row].image) for version in versions)


def test_simulated_i_and_y_follow_the_spectrum_and_add_no_noise_to_the_other_bands() -> None:
    five = aj.open_dataset("simulated:60", bands=("g", "r", "i", "z", "y"))
    three = aj.open_dataset("simulated:60", bands=("g", "r", "z"))
    flux = five.flux(7)
    np.testing.assert_array_equal(flux[..., [0, 1, 3]], three.flux(7))
    g, r, i, z, y = (flux[56:72, 56:72, band].mean() for band in range(5))
    colour = np.log(z / r) / np.log(900 / 630)  # power law through r and z
    np.testing.assert_allclose(i, r * (775 / 630) ** colour, rtol=0.03)
    np.testing.assert_allclose(y, z * (1000 / 900) ** (colour / 2), rtol=0.05)
    assert g < r


def test_frames_of_flux_keep_its_mean_to_half_a_percent() -> None:
    flux = np.moveaxis(cubes(1, side=48)[0], 0, -1)
    small = resize_flux(flux, 16)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small.mean(axis=(0, 1)), flux.mean(axis=(0, 1)), rtol=5e-3)


def test_the_stretch_is_asinh_with_black_one_softening_below_the_sky() -> None:
    image = ImageConfig(bands=("g", "r"), softening=(0.1, 2.0), white=(1.0, 50.0))
    levels = torch.tensor([-0.1, 0.0, 0.1, 1.0, 9.0])
    found = to_flux(levels.view(5, 1, 1, 1) * torch.tensor([1.0, 20.0]), image)[:, :, 0, 0].T
    zero, one = np.arcsinh(0 / 0.1) + np.arcsinh(1), np.arcsinh(0.1 / 0.1) + np.arcsinh(1)
    white = np.arcsinh(1.0 / 0.1) + np.arcsinh(1)
    expected = [0, zero / white, one / white, 1, 1]
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    assert found.shape == (2, 5)


def test_the_fitted_stretch_follows_the_unit_of_the_flux(tmp_path: Path) -> None:
    fitted = []
    for unit in (1.0, 1e-17):
        folder = tmp_path / f"{unit:g}"
        folder.mkdir()
        as_cubes(folder, (cubes(3) * unit).astype(np.float32))
        fitted.append(np.array(fit_stretch(aj.open_dataset(folder, bands=GRIZ))))
    np.testing.assert_allclose(fitted[1], fitted[0] * 1e-17, rtol=1e-4)
    # three times the noise that was put in, and 15 % for the galaxy's ninth of the pixels
    np.testing.assert_allclose(fitted[0][0], 0.0345, rtol=0.15)
    np.testing.assert_allclose(fitted[0][1], [1, 2, 3, 4], rtol=0.05)


def test_statistics_of_flux_are_those_of_the_stretched_pixels() -> None:
    image = ImageConfig(bands=GRIZ, softening=(0.03,) * 4, white=(1.0, 2.0, 3.0, 4.0))
    flux = np.moveaxis(cubes(), 1, -1)
    mean, std = channel_statistics(flux, image)
    pixels = stretched(in_softenings(torch.from_numpy(flux), image), image).double()
    np.testing.assert_allclose(mean, pixels.mean(dim=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std, pixels.std(dim=(0, 2, 3), correction=0), rtol=1e-6)


def test_the_cache_keeps_bands_apart(tmp_path: Path) -> None:
    as_cubes(tmp_path, cubes())
    one, other = (aj.open_dataset(tmp_path, bands=bands) for bands in (("g", "r"), ("r", "g")))
    np.testing.assert_array_equal(flux_frames(one, 16), flux_frames(other, 16)[..., ::-1])
    assert frames(one, 16).dtype == np.uint8


def test_flux_with_its_sky_still_in_it_is_refused(tmp_path: Path) -> None:
    as_cubes(tmp_path, cubes() + 100)
    with pytest.raises(ValueError, match=r"Band g of .* has a sky of 100; subtract the sky first"):
        fit_stretch(aj.open_dataset(tmp_path, bands=GRIZ))


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (("g", "u"), r"has g, r, i, z; expected the bands g, u"),
        (("g", "g"), "each once, e.g. g r z; found g, g"),
        (tuple("abcdefghijklmnopqr"), "up to 16 names"),
    ],
)
def test_bands_that_are_not_there_are_refused(
    bands: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    as_cubes(tmp_path, cubes(1))
    with pytest.raises(aj.DataError, match=message):
        aj.open_dataset(tmp_path, bands=bands).flux(0)


def test_what_holds_no_flux_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(aj.DataError, match="draws the bands g, r, i, z, y, not u"):
        aj.open_dataset("simulated:60", bands=("u",))
    with pytest.raises(aj.DataError, match="was opened as RGB images; name the bands"):
        aj.open_dataset("simulated:60").flux(0)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(aj.DataError, match=r"bands are read from FITS images, and a.png is none"):
        aj.open_dataset(tmp_path, bands=("g",))


@pytest.mark.slow
def test_a_model_refuses_galaxies_in_other_bands_than_its_own() -> None:
    data, model = aj.open_dataset("simulated:60", bands=("g", "r")), aj.load_model("random")
    with pytest.raises(aj.DataError, match=r"takes RGB images, and .* was opened as flux in g, r"):
        aj.embed(model, data)
    flux = replace(model.config, bands=("z",), softening=(1.0,), white=(9.0,)).image
    with pytest.raises(aj.DataError, match=r"takes flux in z, .* as flux in g, r; open it with"):
        frames_for(data, flux)
    with pytest.raises(ValueError, match="must be uint8, in RGB; found float32 with 2 channels"):
        model.encode(flux_frames(data, model.config.image.frame_size))
