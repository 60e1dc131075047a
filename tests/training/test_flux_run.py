"""Training on flux in four bands, from files to patch errors."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

import astrojepa as aj
from astrojepa.config import ImageConfig, TrainConfig, ViewConfig, replace
from astrojepa.presets import preset
from astrojepa.training.trainer import train
from astrojepa.training.views import make_noise_bank, num_view_uniforms, random_views
from tests.tiny_run import TINY

GRIZ = ("g", "r", "i", "z")
VIEWS = {
    "backbone": "resnet10t",
    "readout": "rings",
    "readout_width": 4,
    "prediction_weight": 0.0,
    "invariance_weight": 1.0,
    "predictor_depth": 0,
    "local_views": 0,
    "telescope": 0.7,
}

# Views of the whole crop, without seeing, gain or noise
STILL = ViewConfig(
    global_views=2, local_views=0, global_scale=(1.0, 1.0), shift=0.0, seeing=0.0,
    brightness=0.0, noise=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 cubes of flux: what a simulated galaxy sends in g, r, z, and i between r and z."""
    made = tmp_path_factory.mktemp("griz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(tmp_path_factory.mktemp("cache")))
        data = aj.open_dataset("simulated:64", bands=("g", "r", "z"))
    for row in range(len(data)):
        g, r, z = np.moveaxis(data.flux(row)[32:96, 32:96], -1, 0)
        fits.writeto(made / f"{row:02d}.fits", np.stack([g, r, (r + z) / 2, z]))
    return made


def config(folder: Path, **changes: object) -> TrainConfig:
    settings = {**TINY, "data": str(folder), "bands": GRIZ, "batch_size": 8, "epochs": 1}
    return replace(preset("small.sigreg06"), **(settings | changes))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, VIEWS], ids=["masks", "views"])
def test_a_model_trained_on_four_bands_embeds_them_and_keeps_its_stretch(
    changes: dict[str, object], folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(config(folder, **changes), out=run, progress=False)
    model, data = aj.load_model(run), aj.open_dataset(folder, bands=GRIZ)
    image = model.config.image
    assert (image.bands, len(image.softening), len(model.mean)) == (GRIZ, 4, 4)
    assert all(0 < low < high for low, high in zip(image.softening, image.white, strict=True))
    first = next(p for p in model.network.parameters() if p.ndim == 4)
    assert first.shape[1] == 4
    vectors = aj.embed(model, data, cache=False).vectors
    assert np.isfinite(vectors).all()
    frame = data.flux(0)
    np.testing.assert_allclose(
        model.network.embed(model.prepare(frame)).detach()[0], vectors[0], atol=1e-4
    )
    with pytest.raises(aj.DataError, match=r"takes flux in g, r, i, z, and .* as RGB images"):
        aj.embed(model, aj.open_dataset("simulated:60"))


@pytest.mark.slow
def test_patch_errors_anomalies_and_random_weights_work_on_flux(
    folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(config(folder), out=run, progress=False)
    model, data = aj.load_model(run), aj.open_dataset(folder, bands=GRIZ)
    for masks in ("tiling", "random"):
        errors = aj.patch_errors(model, data.flux(3), masks=masks)
        assert np.isfinite(errors.mse).any()
    with pytest.raises(ValueError, match=r"float32 and shape \(H, W, 4\), found uint8"):
        aj.patch_errors(model, data[3].image)
    assert np.isfinite(aj.embed(model.randomised(), data, cache=False).vectors).all()


@pytest.mark.slow
def test_a_model_is_trained_on_bands_of_unequal_pixels(tmp_path: Path) -> None:
    """As VIS and NISP of Euclid: r and z of simulated galaxies, z in pixels three times as large."""
    data = aj.open_dataset("simulated:64", bands=("r", "z"))
    made, position = tmp_path / "euclid", SkyCoord(150.0, 2.0, unit="deg")
    made.mkdir()
    for row in range(len(data)):
        fine, other = np.moveaxis(data.flux(row)[16:112, 16:112], -1, 0).astype(np.float64)
        coarse = other.reshape(32, 3, 32, 3).sum(axis=(1, 3))
        parts = [fits.PrimaryHDU()]
        for band, plane, arcsec in (("VIS", fine, 0.1), ("NIR_H", coarse, 0.3)):
            header = make_wcs(plane.shape, position, arcsec).to_header()
            header["ROWORDER"] = "TOP-DOWN"
            parts.append(fits.ImageHDU(plane, header, name=band))
        fits.HDUList(parts).writeto(made / f"{row:02d}.fits")
    bands = ("VIS", "NIR_H")
    train(config(made, bands=bands), out=tmp_path / "run", progress=False)
    opened = aj.open_dataset(made, bands=bands)
    assert any("64 of 64 galaxies have bands whose pixels differ" in note for note in opened.notes)
    assert opened.flux(5)[..., 1].sum() == pytest.approx(
        data.flux(5)[16:112, 16:112, 1].sum(), rel=0.02
    )
    assert np.isfinite(aj.embed(aj.load_model(tmp_path / "run"), opened, cache=False).vectors).all()


def make_wcs(shape: tuple[int, ...], centre: SkyCoord, arcsec: float) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ("RA---TAN", "DEC--TAN"), (centre.ra.deg, centre.dec.deg)
    wcs.wcs.crpix = [(side + 1) / 2 for side in reversed(shape)]
    wcs.wcs.cdelt = -arcsec / 3600, arcsec / 3600
    return wcs


@pytest.mark.slow
def test_a_run_that_starts_from_a_model_keeps_the_stretch_of_its_flux(
    folder: Path, tmp_path: Path
) -> None:
    given = {"softening": (0.1, 0.2, 0.3, 0.4), "white": (1.0, 2.0, 3.0, 4.0)}
    train(config(folder, **VIEWS, **given), out=tmp_path / "donor", progress=False)
    start = config(folder, **VIEWS, start_from=str(tmp_path / "donor"))
    train(start, out=tmp_path / "run", progress=False)
    image = aj.load_model(tmp_path / "run").config.image
    assert (image.softening, image.white) == (given["softening"], given["white"])


@pytest.mark.slow
def test_a_stretch_that_is_given_is_kept(folder: Path, tmp_path: Path) -> None:
    given = {"softening": (0.1, 0.2, 0.3, 0.4), "white": (1.0, 2.0, 3.0, 4.0)}
    run = tmp_path / "run"
    train(config(folder, **given), out=run, progress=False)
    image = aj.load_model(run).config.image
    assert (image.softening, image.white) == (given["softening"], given["white"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bands": ("g", "g")}, "`bands` is g, g; name up to 16, each once"),
        ({"bands": ("",)}, "`bands` has a name that is empty"),
        ({"bands": ("g",), "white": (1.0,)}, "`softening` and `white` have 0 and 1 values"),
        (
            {"bands": ("g",), "softening": (2.0,), "white": (1.0,)},
            "`softening` 2 and `white` 1 are those of one band; expected 0 < softening < white",
        ),
    ],
)
def test_bands_and_stretches_that_make_no_sense_are_refused(
    changes: dict[str, tuple[object, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(preset("small.sigreg06"), **changes)


def test_without_light_effects_a_view_of_flux_is_the_stretched_frame() -> None:
    image = ImageConfig(
        image_size=32, patch_size=8, crop_fraction=1.0, bands=("g", "r"),
        softening=(0.1, 0.2), white=(5.0, 9.0),
    )  # fmt: skip
    config = STILL
    flux = torch.rand(2, 32, 32, 2) * 5
    draws = torch.zeros(2, num_view_uniforms(config, 2))
    draws[:, :2] = 0.5  # not mirrored
    (view,) = random_views(flux, image, config, draws, make_noise_bank(0, torch.device("cpu")))
    black = np.arcsinh(-1)
    for band, (low, high) in enumerate(zip(image.softening, image.white, strict=True)):
        levels = (np.arcsinh(flux[..., band].numpy() / low) - black) / (
            np.arcsinh(high / low) - black
        )
        np.testing.assert_allclose(view[0, :, band], levels.clip(0, 1), atol=2e-5)


def test_gains_of_another_telescope_multiply_linear_flux() -> None:
    image = ImageConfig(
        image_size=32, patch_size=8, crop_fraction=1.0, bands=("g", "r"),
        softening=(1.0, 1.0), white=(1e4, 1e4),
    )  # fmt: skip
    config = dataclasses.replace(STILL, telescope=1.0)
    draws = torch.full((1, num_view_uniforms(config, 2)), 0.5)
    draws[:, -2], draws[:, -1] = 0.0, 0.99  # neither another stretch nor grey
    draws[:, -6:-4] = torch.tensor([0.8413, 0.1587])  # gains of one sigma up and down
    flux = torch.full((1, 32, 32, 2), 100.0)
    (view,) = random_views(flux, image, config, draws, make_noise_bank(0, torch.device("cpu")))
    white = np.arcsinh(1e4) + np.arcsinh(1)
    seen = np.sinh(view[1, 0, :, 16, 16].numpy() * white - np.arcsinh(1))
    np.testing.assert_allclose(seen, 100 * np.exp([0.3, -0.3]), rtol=1e-3)
