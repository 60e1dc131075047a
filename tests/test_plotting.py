from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from app.components.latent_map.colouring import UNKNOWN, by_number
from astrojepa import plotting
from astrojepa.data.histograms import histogram
from astrojepa.data.values import Numbers


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)


def test_unknown_patches_show_the_bare_picture(picture: np.ndarray) -> None:
    values = np.full((4, 4), np.nan)
    values[1, 2] = 1.0
    drawn = plotting.heatmap_overlay(picture, values, 0, 1)
    assert (drawn.shape, drawn.dtype) == ((48, 48, 3), np.uint8)
    patch = np.zeros((48, 48), dtype=bool)
    patch[12:24, 24:36] = True
    np.testing.assert_array_equal(drawn[~patch], picture[~patch])
    assert not np.array_equal(drawn[patch], picture[patch])


@pytest.mark.parametrize(
    ("colours", "dark", "light"), [("magma", "000004", "fcfdbf"), ("viridis", "440154", "fde725")]
)
def test_full_opacity_shows_the_ends_of_the_colour_map(
    picture: np.ndarray, colours: str, dark: str, light: str
) -> None:
    drawn = plotting.heatmap_overlay(
        picture, np.array([[-5.0, 0.0], [1.0, 9.0]]), 0, 1, opacity=1, colours=colours
    )
    for row, colour in ((0, dark), (-1, light)):
        np.testing.assert_array_equal(drawn[row, 0], list(bytes.fromhex(colour)))
        np.testing.assert_array_equal(drawn[row, -1], list(bytes.fromhex(colour)))


def test_no_opacity_shows_the_picture(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(
        plotting.heatmap_overlay(picture, np.ones((3, 3)), 0, 1, opacity=0), picture
    )


def test_half_opacity_is_the_mean_of_picture_and_colour(picture: np.ndarray) -> None:
    drawn = plotting.heatmap_overlay(picture, np.ones((3, 3)), 0, 1, opacity=0.5)
    np.testing.assert_allclose(drawn, (picture + np.array([252, 253, 191.0])) / 2, atol=0.51)


def test_a_grid_that_does_not_divide_the_picture_covers_all_of_it(picture: np.ndarray) -> None:
    drawn = plotting.heatmap_overlay(picture, np.ones((7, 7)), 0, 1, opacity=1)
    assert (drawn == drawn[0, 0]).all()


def test_wrong_overlays_are_refused(picture: np.ndarray) -> None:
    for arguments, message in (
        ((picture, np.ones((3, 3)), 1, 1), "low must be less"),
        ((picture, np.ones((3, 3)), np.nan, 1), "low must be less"),
        ((picture, np.ones((3, 4)), 0, 1), "one value per patch"),
        ((picture[:40], np.ones((3, 3)), 0, 1), "square image"),
        ((picture / 255, np.ones((3, 3)), 0, 1), "square image"),
        ((picture, np.ones((3, 3)), 0, 1, 2.0), "opacity is 2"),
        ((picture, np.ones((3, 3)), 0, 1, 0.5, "jet"), "no colour map 'jet'"),
    ):
        with pytest.raises(ValueError, match=message):
            plotting.heatmap_overlay(*arguments)


def test_the_colour_scale_ignores_outliers_and_unknown_values() -> None:
    values = np.append(np.linspace(0, 1, 1001), [1e9, np.nan])
    low, high = plotting.colour_scale(values)
    assert (low, high) == (pytest.approx(0.02, abs=0.005), pytest.approx(0.98, abs=0.005))


@pytest.mark.parametrize("value", [0.0, -3.0, 1e6])
def test_the_colour_scale_of_equal_values_is_not_empty(value: float) -> None:
    low, high = plotting.colour_scale(np.full((4, 4), value))
    assert low < high


def test_the_colour_scale_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="No value is finite"):
        plotting.colour_scale(np.full((4, 4), np.nan))


def test_thumbnail_i_lies_at_its_row_and_column() -> None:
    images = np.random.default_rng(0).integers(1, 256, (7, 5, 5, 3), dtype=np.uint8)
    sheet = plotting.sprite_sheet(images, columns=3)
    assert sheet.shape == (15, 15, 3)
    for number, image in enumerate(images):
        row, column = divmod(number, 3)
        np.testing.assert_array_equal(
            sheet[5 * row : 5 * row + 5, 5 * column : 5 * column + 5], image
        )
    assert not sheet[10:, 5:].any()


def test_a_sheet_too_large_for_a_texture_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 2048 a side"):
        plotting.sprite_sheet(np.zeros((33, 64, 64, 3), np.uint8), columns=33)
    assert plotting.sprite_sheet(np.zeros((1024, 64, 64, 3), np.uint8), columns=32).shape == (
        2048,
        2048,
        3,
    )
    with pytest.raises(ValueError, match="columns >= 1"):
        plotting.sprite_sheet(np.zeros((3, 8, 8, 3), np.uint8), columns=0)


@pytest.mark.parametrize(("format", "name"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_encoded_pictures_can_be_read_back(picture: np.ndarray, format: str, name: str) -> None:
    with Image.open(io.BytesIO(plotting.encode_image(picture, format, quality=90))) as read:
        assert (read.format, read.size) == (name, (48, 48))
        if format == "png":
            np.testing.assert_array_equal(np.array(read), picture)


def test_wrong_encodings_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no image format 'gif'"):
        plotting.encode_image(picture, "gif")
    with pytest.raises(ValueError, match="quality is 0"):
        plotting.encode_image(picture, quality=0)
    with pytest.raises(ValueError, match="type uint8"):
        plotting.encode_image(picture.astype(float))


def test_a_confusion_matrix_colours_shares_and_writes_counts() -> None:
    (heat,) = plotting.confusion_figure(np.array([[3, 1], [0, 0]]), ["a", "b"]).data
    np.testing.assert_allclose(heat.z, [[0.75, 0.25], [0, 0]])
    np.testing.assert_array_equal(heat.text, [[3, 1], [0, 0]])
    with pytest.raises(ValueError, match="3 classes"):
        plotting.confusion_figure(np.eye(2), ["a", "b", "c"])


def test_a_histogram_counts_finite_values_and_marks_one() -> None:
    figure = plotting.histogram_figure(
        np.append(np.linspace(0, 1, 100), np.nan), marked=0.4, label="score"
    )
    assert sum(figure.data[0].y) == 100
    assert figure.layout.shapes[0].x0 == 0.4
    assert figure.layout.xaxis.title.text == "score"
    assert not plotting.histogram_figure(np.arange(5), marked=np.nan).layout.shapes
    assert sum(plotting.histogram_figure(np.array([np.nan])).data[0].y) == 0


@pytest.mark.parametrize("count", [1, 2, 12, 100, 1000])
def test_a_histogram_of_few_values_has_few_bins_by_the_rules_of_numpy(count: int) -> None:
    values = np.random.default_rng(3).lognormal(size=count)
    counts, edges = plotting.histogram(values)
    by_spread, by_count = (
        len(np.histogram_bin_edges(values, rule)) - 1 for rule in ("fd", "sturges")
    )
    expected = max(min(by_spread, math.ceil(2 * math.sqrt(count))), by_count)
    assert len(counts) == min(expected, 60)
    assert counts.sum() == count
    if count > 1:
        assert (edges[0], edges[-1]) == (values.min(), values.max())


@pytest.mark.parametrize("highest", [1, 5, 9, 10, 59])
@pytest.mark.parametrize("times", [1, 3, 50])
def test_a_histogram_of_whole_numbers_has_a_bin_for_each(highest: int, times: int) -> None:
    counts, edges = plotting.histogram(np.tile(np.arange(highest + 1.0), times))
    assert counts.tolist() == [times] * (highest + 1)
    assert (edges[:-1] + 0.5).tolist() == list(range(highest + 1))


@pytest.mark.parametrize("highest", [60, 99, 1234])
def test_bins_hold_equally_many_of_many_whole_numbers(highest: int) -> None:
    counts, edges = plotting.histogram(np.tile(np.arange(highest + 1.0), 20))
    assert len(counts) <= 60
    assert set(counts[:-1]) == {20 * (edges[1] - edges[0])}, "the last may reach beyond"
    assert counts.sum() == 20 * (highest + 1)


def test_a_histogram_has_60_bins_at_most() -> None:
    many = np.random.default_rng(3).lognormal(size=100_000)
    few_far = np.append(np.random.default_rng(3).normal(size=100) * 1e-9, 1e300)
    for values in (many, few_far):
        counts, edges = plotting.histogram(values)
        assert len(counts) <= 60
        assert (counts.sum(), edges[-1]) == (len(values), values.max())
    assert len(plotting.histogram(many)[0]) == 60


@pytest.mark.parametrize("value", [0.262, -7e-17, 1e20])
def test_values_that_differ_by_rounding_alone_lie_in_one_bin_of_a_histogram(value: float) -> None:
    counts, edges = plotting.histogram(np.array([value, np.nextafter(value, np.inf)]))
    assert counts.max() == 2
    assert edges[0] < value < edges[-1]


HUGE = np.finfo(np.float64).max


@pytest.mark.parametrize(
    "values",
    [
        [-1.7e308, 0, 3, 1.7e308],
        [HUGE, HUGE],
        [np.nan, -HUGE, np.inf, -np.inf],
        [0, 5e-324],
        [-1e-310, 1e-310, np.nan],
        [np.nan, np.inf],
        [],
    ],
    ids=str,
)
def test_a_histogram_and_colours_can_be_drawn_of_any_numbers(values: list[float]) -> None:
    numbers = np.array(values, np.float64)
    known = np.isfinite(numbers)
    for marked in (None, *numbers):
        figure = plotting.histogram_figure(numbers, marked)
        assert sum(figure.data[0].y) == known.sum()
        for drawn in (figure.data[0].x, figure.data[0].width):
            assert np.isfinite(drawn).all()
    found = histogram(Numbers(np.where(known, numbers, np.nan)))
    assert found.counts.tolist()[-1] == (~known).sum()
    assert found.counts.sum() == len(numbers)
    assert np.isfinite(found.edges).all()
    coloured = by_number(numbers, "x")
    assert np.array_equal(coloured.codes == UNKNOWN, ~known)
    assert np.isfinite([coloured.legend["low"], coloured.legend["high"]]).all()


def test_curves_have_names_and_a_legend_only_when_there_are_several() -> None:
    one = plotting.curves_figure({"loss": ([0, 1], [2.0, 1.0])}, ("step", "loss"))
    two = plotting.curves_figure({"a": ([0, 1], [2.0, 1.0]), "b": ([0, 1], [1.0, 3.0])})
    assert (one.layout.showlegend, two.layout.showlegend) == (False, True)
    assert [line.name for line in two.data] == ["a", "b"]
    assert two.data[0].line.color != two.data[1].line.color


def test_bars_stand_in_the_order_given_and_shares_end_at_one() -> None:
    figure = plotting.bars_figure(["a", "b"], [0.2, 0.9], "recall")
    assert list(figure.data[0].y) == ["a", "b"]
    assert figure.layout.xaxis.range == (0, 1)
    assert plotting.bars_figure(["a"], [7.0]).layout.xaxis.range is None
    with pytest.raises(ValueError, match="1 classes and 2 values"):
        plotting.bars_figure(["a"], [1, 2])


def test_figures_wear_the_explorers_colours_and_serialise() -> None:
    for figure in (
        plotting.confusion_figure(np.eye(2, dtype=int), ["a", "b"]),
        plotting.histogram_figure(np.arange(9)),
        plotting.curves_figure({"a": ([0], [1])}),
        plotting.bars_figure(["a"], [0.5]),
    ):
        assert (figure.layout.paper_bgcolor, figure.layout.plot_bgcolor) == (
            "rgba(0, 0, 0, 0)",
        ) * 2
        assert len(figure.to_json()) < 20_000


def test_reliability_puts_a_calibrated_probe_on_the_diagonal() -> None:
    sure = np.repeat([0.25, 0.75], 400)
    right = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 != 0])
    figure = plotting.reliability_figure(sure, right, bins=4)
    np.testing.assert_allclose(figure.data[1].x, [0.25, 0.75])
    np.testing.assert_allclose(figure.data[1].y, [0.25, 0.75])
    assert list(figure.data[1].customdata) == [400, 400]
    assert all(0.03 < half < 0.06 for half in figure.data[1].error_y.array)


def test_reliability_joins_no_bins_of_a_few_galaxies() -> None:
    sure = np.array([0.05, 0.15, *[0.55] * 5, *[0.95] * 40])
    right = np.array([True, False, *[True] * 5, *[True] * 40])
    _, dots, joined = plotting.reliability_figure(sure, right).data
    assert (dots.mode, joined.mode) == ("markers", "lines")
    assert list(dots.customdata) == [1, 1, 5, 40]
    np.testing.assert_allclose(joined.x, [0.55, 0.95])


def test_reliability_leaves_empty_bins_out_and_stays_between_none_and_all() -> None:
    dots = plotting.reliability_figure(np.array([1.0, 0.95]), np.array([True, True])).data[1]
    assert list(dots.y) == [1.0]
    assert dots.error_y.array[0] == pytest.approx(0, abs=1e-9)
    assert len(plotting.reliability_figure(np.array([]), np.array([])).data[1].x) == 0
    with pytest.raises(ValueError, match="one of each per galaxy"):
        plotting.reliability_figure(np.array([0.5]), np.array([True, False]))
