"""The simulated galaxies as astronomy: profiles, arms, colours, dust, seeing, noise, artefacts."""

from __future__ import annotations

import numpy as np
import pytest

from astrojepa.data.simulate import camera, encounter, galaxy, light
from astrojepa.data.simulate.census import KINDS
from astrojepa.data.simulate.stamp import draw_kind, draw_stamp

SIZE = 96


def sketches(kind: str, number: int = 6) -> list[galaxy.Sketch]:
    return [draw_kind(np.random.default_rng((11, seed)), kind, SIZE) for seed in range(number)]


def second_moments(picture: np.ndarray) -> tuple[float, float]:
    """Return the axis ratio of a light distribution, and the distance of its centroid from the
    middle in pixels.
    """
    x, y = light.pixel_grid(len(picture))
    weights = picture.astype(np.float64) / picture.sum(dtype=np.float64)
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    dx, dy = x - mean_x, y - mean_y
    tensor = [
        [(weights * dx * dx).sum(), (weights * dx * dy).sum()],
        [(weights * dx * dy).sum(), (weights * dy * dy).sum()],
    ]
    small, large = np.linalg.eigvalsh(tensor)
    return float(np.sqrt(small / large)), float(np.hypot(mean_x, mean_y))


@pytest.mark.parametrize(("kind", "low", "high"), [
    ("round smooth", 0.85, 1.0),
    ("in-between round smooth", 0.45, 0.82),
    ("cigar shaped smooth", 0.15, 0.40),
    ("edge-on without bulge", 0.02, 0.30),
    ("edge-on with bulge", 0.02, 0.6),
])  # fmt: skip
def test_second_moments_tell_round_from_elongated(kind: str, low: float, high: float) -> None:
    for sketch in sketches(kind):
        assert low < second_moments(sketch.bands[1])[0] < high


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_finite_positive_centred_and_fills_a_third_to_two_thirds(kind: str) -> None:
    for sketch in sketches(kind):
        red = sketch.bands[1]
        assert np.isfinite(sketch.bands).all()
        assert sketch.bands.min() >= 0
        assert second_moments(red)[1] < 0.12 * SIZE
        x, y = light.pixel_grid(SIZE)
        radius, growth = (
            np.sort(np.hypot(x, y), axis=None),
            red.ravel()[np.argsort(np.hypot(x, y), axis=None)].cumsum(),
        )
        most = radius[np.searchsorted(growth, 0.9 * growth[-1])]
        assert 0.10 < most / SIZE < 0.42, "radius of 90 % of the light, in frame widths"


def test_half_of_an_exponential_disc_lies_within_1678_scale_lengths() -> None:
    x, y = light.pixel_grid(256)
    disc = np.exp(-np.hypot(x, y) / 12)
    assert light.half_light_radius(disc) == pytest.approx(1.678 * 12, rel=0.01)


@pytest.mark.parametrize("index", [1.0, 2.0, 4.0])
def test_half_of_a_sersic_profile_lies_within_its_half_light_radius(index: float) -> None:
    radius = np.linspace(0.001, 4000, 2_000_000, dtype=np.float32)
    growth = np.cumsum(light.sersic(radius, 10.0, index).astype(np.float64) * radius)
    assert np.interp(growth[-1] / 2, growth, radius) == pytest.approx(10.0, rel=0.01)


def test_arms_peak_on_the_logarithmic_spiral_of_their_pitch() -> None:
    angle = np.linspace(-3, 3, 50, dtype=np.float32)
    radius = 10 * np.exp(angle * np.float32(np.tan(np.radians(25))))
    phase = light.winding_phase(radius, angle, 25, 10)
    np.testing.assert_allclose(light.spiral_arms(phase, 2, 3.0), 1.0, atol=1e-4)
    between = light.spiral_arms(phase + np.float32(np.pi / 2), 2, 3.0)
    np.testing.assert_allclose(between, np.exp(-6.0), rtol=1e-3)


@pytest.mark.parametrize("style", ["unbarred tight spiral", "unbarred loose spiral"])
def test_pitch_is_recovered_from_the_picture_by_a_logarithmic_fourier_transform(style: str) -> None:
    x, y = light.pixel_grid(128)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    ring = (radius > 7) & (radius < 40)
    errors = []
    for seed in range(5):
        drawn = galaxy.spiral_galaxy(
            np.random.default_rng(seed), x, y, 40.0, galaxy.STYLES[style], min_ratio=0.99
        )
        arms = int(drawn.truth["num_arms"])
        trend = np.interp(radius, *_profile(drawn.bands[0], radius))
        contrast = (drawn.bands[0] / trend - 1)[ring]
        pitches = np.concatenate([np.linspace(5, 45, 81), -np.linspace(5, 45, 81)])
        waves = [abs(np.sum(contrast * np.exp(1j * arms * (angle[ring] - np.log(radius[ring]) / np.tan(np.radians(p))))))
                 for p in pitches]  # fmt: skip
        errors.append(abs(pitches[int(np.argmax(waves))]) - drawn.truth["pitch_deg"])
    assert np.median(np.abs(errors)) < (1.0 if "tight" in style else 4.0)


def _profile(picture: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean brightness in rings two pixels wide."""
    ring = (radius / 2).astype(int).ravel()
    return np.arange(ring.max() + 1) * 2.0 + 1, np.bincount(ring, picture.ravel()) / np.maximum(
        np.bincount(ring), 1
    )


def _unevenness(picture: np.ndarray, reach: float) -> float:
    """Return the scatter of brightness along a circle, relative to its mean."""
    x, y = light.pixel_grid(len(picture))
    circle = picture[np.abs(np.hypot(x, y) - reach) < 1.0]
    return float(circle.std() / circle.mean())


def test_spirals_are_uneven_along_a_circle_and_round_smooth_galaxies_are_not() -> None:
    rough = [_unevenness(sketch.bands[0], 10) for sketch in sketches("unbarred loose spiral")]
    even = [_unevenness(sketch.bands[0], 10) for sketch in sketches("round smooth")]
    assert min(rough) > 1.2 * max(even)


def test_a_bar_makes_the_middle_of_a_face_on_disc_elongated() -> None:
    x, y = light.pixel_grid(SIZE)
    inside = np.hypot(x, y) < 12
    ratios = {}
    for style in ("barred spiral", "unbarred tight spiral"):
        drawn = [
            galaxy.spiral_galaxy(
                np.random.default_rng(seed), x, y, 28.0, galaxy.STYLES[style], 0.98
            )
            for seed in range(6)
        ]
        ratios[style] = np.mean([second_moments(sketch.bands[2] * inside)[0] for sketch in drawn])
    assert ratios["barred spiral"] < ratios["unbarred tight spiral"] - 0.1


def test_bulges_are_redder_than_discs_and_ellipticals_redder_than_spirals() -> None:
    x, y = light.pixel_grid(SIZE)
    radius = np.hypot(x, y)
    colours = []
    for sketch in sketches("unbarred tight spiral"):
        g, _, z = sketch.bands
        outside = (radius > 10) & (radius < 20)
        inner, outer = (float(z[part].sum() / g[part].sum()) for part in (radius < 3, outside))
        assert inner > 1.15 * outer
        colours.append(float(z.sum() / g.sum()))
    assert all(
        float(s.bands[2].sum() / s.bands[0].sum()) > max(colours) * 0.95
        for s in sketches("round smooth")
    )


def test_dust_dims_g_more_than_r_and_r_more_than_z() -> None:
    dimmed = light.attenuate(
        np.ones((3, 4, 4), dtype=np.float32), np.full((4, 4), 0.8, dtype=np.float32)
    )
    assert dimmed[0, 0, 0] == pytest.approx(np.exp(-0.8))
    assert dimmed[0].max() < dimmed[1].min()
    assert dimmed[1].max() < dimmed[2].min() < 1
    untouched = light.attenuate(dimmed, np.zeros((4, 4), dtype=np.float32))
    np.testing.assert_array_equal(untouched, dimmed)


def test_paint_gives_the_flux_and_the_colours_asked_for() -> None:
    g, r, z = light.paint(
        np.random.default_rng(0).random((9, 9)).astype(np.float32), 5.0, 0.8, 0.6
    ).sum(axis=(1, 2))
    assert r == pytest.approx(5.0, rel=1e-5)
    assert -2.5 * np.log10(g / r) == pytest.approx(0.8, abs=1e-4)
    assert -2.5 * np.log10(r / z) == pytest.approx(0.6, abs=1e-4)


def test_points_keep_their_flux_and_place_between_pixels() -> None:
    picture = light.deposit(21, np.array([3.3, 50.0]), np.array([-2.8, 0.0]), np.array([7.0, 1.0]))
    x, y = light.pixel_grid(21)
    assert picture.sum() == pytest.approx(7.0, rel=1e-6), "what lies outside the frame is lost"
    assert (picture * x).sum() / 7 == pytest.approx(3.3, abs=1e-5)
    assert (picture * y).sum() / 7 == pytest.approx(-2.8, abs=1e-5)


def test_streaks_have_mean_one_and_close_round_the_circle() -> None:
    phase = np.linspace(-np.pi, np.pi, 400, dtype=np.float32)[None, :].repeat(50, 0)
    radius = np.linspace(0.2, 3, 50, dtype=np.float32)[:, None].repeat(400, 1)
    texture = light.streaks(np.random.default_rng(1), phase, radius, 0.5)
    assert texture.mean() == pytest.approx(1.0, abs=0.1)
    assert texture.min() > 0
    np.testing.assert_allclose(texture[:, 0], texture[:, -1], atol=1e-3)


def test_a_ring_is_a_local_maximum_of_the_brightness_profile() -> None:
    x, y = light.pixel_grid(SIZE)
    for seed in range(4):
        sketch = encounter.ring_galaxy(np.random.default_rng(seed), x, y, 30.0)
        radius, mean = _profile(sketch.bands[0], np.hypot(x, y))
        place = 3 + int(np.argmax(mean[4:20] * radius[4:20]))
        assert 10 < radius[place] < 27


def test_lens_arcs_are_bluer_than_the_galaxy_that_lenses() -> None:
    x, y = light.pixel_grid(SIZE)
    for seed in range(4):
        sketch = encounter.lens_galaxy(np.random.default_rng(seed), x, y, 30.0)
        ratio = sketch.bands[0] / sketch.bands[2]
        assert (
            ratio[(np.hypot(x, y) > 10) & (np.hypot(x, y) < 30)].max()
            > 1.3 * ratio[np.hypot(x, y) < 3].mean()
        )


def test_a_moffat_has_unit_sum_and_half_its_peak_at_half_its_width() -> None:
    spread = camera.moffat(64, 8.0)
    assert spread.sum() == pytest.approx(1.0, rel=1e-5)
    assert spread[0, 4] / spread[0, 0] == pytest.approx(0.5, rel=1e-4)
    assert spread[0, 4] == spread[0, -4] == spread[4, 0]


def test_seeing_keeps_the_flux_of_a_star_and_its_place() -> None:
    bands = np.zeros((3, 64, 64), dtype=np.float32)
    bands[:, 30, 25] = 10.0
    blurred = camera.blur(bands, np.array([3.0, 2.5, 2.0]))
    np.testing.assert_allclose(blurred.sum(axis=(1, 2)), 10.0, rtol=0.01)
    assert np.unravel_index(blurred[0].argmax(), (64, 64)) == (30, 25)
    assert blurred[0].max() < blurred[1].max() < blurred[2].max()


@pytest.mark.parametrize("arcsec_per_pixel", [0.2, 0.262, 0.524])
def test_noise_has_the_variance_of_sky_and_photons_averaged_over_native_pixels(
    arcsec_per_pixel: float,
) -> None:
    flat = np.full((3, 200, 200), 0.5, dtype=np.float32)
    sky = np.array([0.01, 0.02, 0.03])
    noisy = camera.add_noise(np.random.default_rng(0), flat, sky, arcsec_per_pixel)
    averaged = min(1.0, 0.262 / arcsec_per_pixel)
    expected = averaged * np.sqrt(sky**2 + 0.5 / camera.ELECTRONS_PER_NANOMAGGY)
    np.testing.assert_allclose(noisy.std(axis=(1, 2)), expected, rtol=0.02)


def test_the_colour_picture_is_grey_for_an_empty_sky_and_red_means_z() -> None:
    empty = camera.colour_picture(np.zeros((3, 4, 4), dtype=np.float32))
    assert (empty == round(255 * np.arcsinh(20 * 0.03) / np.sqrt(20))).all()
    bands = np.zeros((3, 4, 4), dtype=np.float32)
    bands[2] = 0.1
    red, green, blue = camera.colour_picture(bands)[0, 0]
    assert red > green == blue


def test_the_sky_is_nearly_black_and_noisy() -> None:
    corners = [
        draw_stamp(5, seed, "round smooth", "none", 64)[0][:8, :8].astype(float)
        for seed in range(10)
    ]
    assert 8 < np.median(corners) < 40
    assert 2 < np.median([corner.std() for corner in corners]) < 30


def test_the_two_surveys_differ_in_seeing() -> None:
    truths = np.stack([draw_stamp(6, seed, "round smooth", "none", 32)[1] for seed in range(40)])
    south, north = truths[truths[:, 0] == 0], truths[truths[:, 0] == 1]
    assert min(len(south), len(north)) > 5
    assert north[:, 6].mean() > south[:, 6].mean() + 0.15


def flat_sky() -> np.ndarray:
    return np.full((3, 64, 64), 0.05, dtype=np.float32)


def test_an_artefact_named_none_changes_nothing() -> None:
    np.testing.assert_array_equal(
        camera.spoil(np.random.default_rng(0), flat_sky(), "none"), flat_sky()
    )


def test_a_missing_band_is_empty_in_one_band_only() -> None:
    for seed in range(5):
        spoilt = camera.spoil(np.random.default_rng(seed), flat_sky(), "missing band")
        assert sorted(spoilt.max(axis=(1, 2)).tolist()) == pytest.approx([0, 0.05, 0.05])


def test_a_dead_column_is_black_from_top_to_bottom_and_nothing_else_is() -> None:
    for seed in range(5):
        picture = camera.colour_picture(
            camera.spoil(np.random.default_rng(seed), flat_sky(), "dead column")
        )
        black = (picture == 0).all(axis=2)
        assert 1 <= black.all(axis=0).sum() <= 3
        assert black.any(axis=0).sum() == black.all(axis=0).sum()


def test_a_satellite_trail_is_a_straight_bright_line_in_one_band() -> None:
    for seed in range(5):
        added = (
            camera.spoil(np.random.default_rng(seed), flat_sky(), "satellite trail") - flat_sky()
        )
        assert sorted((added.max(axis=(1, 2)) > 0.1).tolist()) == [False, False, True]
        line = added.max(axis=0)
        assert second_moments(line)[0] < 0.1
        assert (line > 0.1).any(axis=0).sum() > 12 or (line > 0.1).any(axis=1).sum() > 12


def test_an_unknown_artefact_or_kind_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="Expected an artefact of the simulator, found 'ghost'"):
        camera.spoil(np.random.default_rng(0), flat_sky(), "ghost")
    with pytest.raises(
        ValueError, match="Expected a kind of galaxy of the simulator, found 'teapot'"
    ):
        draw_kind(np.random.default_rng(0), "teapot", 64)


def test_a_stamp_looks_alike_at_any_size() -> None:
    small, large = (
        draw_stamp(1, 0, "round smooth", "none", size)[0].astype(float) for size in (64, 128)
    )
    shrunk = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.9
