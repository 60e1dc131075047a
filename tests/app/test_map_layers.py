"""What the map draws: colours that can be told apart on both themes, units, what a probe named,
who was chosen, the Plotly figure.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.components.latent_map import colouring, palette
from app.components.latent_map.layers import Layers
from app.pages.map import figure as map_figure
from app.pages.map import view as map_view
from app.session.columns import probed_labels
from astrojepa.data.readers.galaxy10 import CLASSES as GALAXY10

PAGES = (palette.BACKGROUND, palette.LIGHT_BACKGROUND)
colours = st.binary(min_size=3, max_size=3).map(lambda parts: "#" + parts.hex().upper())


def layers(codes: np.ndarray, places: np.ndarray) -> Layers:
    legend = {"kind": "groups", "groups": []}
    return Layers("pca", "class", places, colouring.Colouring(codes.astype(np.uint8), legend), b"")


@given(colours, st.sampled_from(PAGES))
def test_any_colour_becomes_legible_and_a_legible_one_stays(colour: str, page: str) -> None:
    made = palette.legible(colour, page)
    assert palette.contrast(made, page) >= 2.6
    assert made == colour or palette.contrast(colour, page) < 2.6


@pytest.mark.parametrize("names", [GALAXY10, tuple(f"w{k}" for k in range(8))])
def test_classes_are_legible_and_different_on_both_themes(names: tuple[str, ...]) -> None:
    groups = colouring.by_class(np.arange(len(names)), names).legend["groups"]
    for page, key in zip(PAGES, ("colour", "light"), strict=True):
        assert all(palette.contrast(group[key], page) >= 2.5 for group in groups)
        assert len({group[key] for group in groups}) == len(groups)


def seen_without_green(colour: str) -> np.ndarray:
    """A deuteranope's view of a colour, linear RGB (Machado et al. 2009)."""
    rgb = (np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255) ** 2.2
    return np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]) @ rgb


def test_families_that_look_alike_to_the_colour_blind_differ_in_shape() -> None:
    styles = palette.class_styles(GALAXY10)
    for k, first in enumerate(styles):
        for second in styles[:k]:
            near = (
                np.abs(seen_without_green(first.colour) - seen_without_green(second.colour)).max()
                < 0.06
            )
            assert not (near and first.shape == second.shape), (first, second)


@pytest.mark.parametrize("stops", [palette.VIRIDIS, palette.MAGMA])
@pytest.mark.parametrize("page", PAGES)
def test_a_scale_stands_out_more_the_higher_the_number(stops: tuple[str, ...], page: str) -> None:
    contrasts = [palette.contrast(colour, page) for colour in palette.ramp(stops, page)]
    assert contrasts == sorted(contrasts)
    assert contrasts[0] >= 1.5


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("size_arcsec", ("size", "arcsec")),
        ("Stellar mass", ("Stellar mass", "")),
        ("distance_mpc", ("distance", "Mpc")),
        ("deg", ("deg", "")),
    ],
)
def test_a_column_that_ends_in_a_unit_shows_it_beside_the_numbers(
    column: str, expected: tuple[str, str]
) -> None:
    assert colouring.title_and_unit(column) == expected


def test_trust_is_shown_in_per_cent_of_the_neighbours() -> None:
    legend = colouring.by_neighbours_kept(np.linspace(0, 1, 101), 15).legend
    assert (legend["title"], legend["unit"]) == (
        "Projection reliability: share of 15 nearest kept on the map",
        "%",
    )
    assert (legend["low"], legend["high"]) == (1.0, 99.0)


def test_galaxies_that_a_probe_learned_from_get_no_prediction() -> None:
    assert probed_labels(5, np.array([1, 4]), np.array([2, 0])).tolist() == [
        -1,
        2,
        -1,
        -1,
        0,
    ]


def test_chosen_are_those_inside_of_a_group_that_the_legend_shows() -> None:
    places = np.array([[10, 10], [20, 20], [30, 30], [500, 500]], dtype=np.uint16)
    square = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)]
    shown = layers(np.array([0, 1, 1, 0]), places)
    assert map_view.chosen_rows(shown, [square], ()).tolist() == [0, 1, 2]
    assert map_view.chosen_rows(shown, [square], (1,)).tolist() == [0]
    matching = np.array([False, True, True, True])
    assert map_view.chosen_rows(shown, [square], (), matching).tolist() == [1, 2]
    assert map_view.chosen_rows(shown, [], (), matching).tolist() == [1, 2, 3]
    assert map_view.chosen_rows(shown, [], (1,), matching).tolist() == [3]


def test_the_figure_holds_every_galaxy_once_and_a_ring_around_the_selected() -> None:
    labels = np.array([0, 1, 1, -1])
    coloured = colouring.by_class(labels, ("Barred Spiral", "Merging"))
    groups = map_figure.marker_groups(coloured, ("Barred Spiral", "Merging"), light=False, off=(1,))
    places = np.arange(12, dtype=np.float32).reshape(4, 3)
    figure = map_figure.map_figure(
        places,
        groups,
        np.array(["a", "b", "b", "no label"], dtype=object),
        2,
        ("#000000", "#FFB454"),
    )
    *dots, ring = figure["data"]
    assert sorted(np.concatenate([trace["customdata"] for trace in dots]).tolist()) == [0, 1, 2, 3]
    assert [trace["visible"] for trace in dots] == [True, "legendonly", True]
    assert [ring[axis].tolist() for axis in "xyz"] == [[6.0], [7.0], [8.0]]


def test_in_the_figure_many_points_are_small_and_grey_ones_faint() -> None:
    def markers(count: int) -> list[dict[str, float]]:
        coloured = colouring.by_class(np.arange(count) % 2 - 1, ("a",))
        groups = map_figure.marker_groups(coloured, ("a",), light=False)
        names = np.full(count, "", dtype=object)
        figure = map_figure.map_figure(np.zeros((count, 3)), groups, names, None, ("", ""))
        return [trace["marker"] for trace in figure["data"]]

    (few, grey), (many, _) = markers(10), markers(20_000)
    assert many["size"] < few["size"]
    assert grey["opacity"] < few["opacity"]


def test_a_scale_in_the_figure_has_its_title_and_leaves_the_unknown_grey() -> None:
    coloured = colouring.by_number(np.array([1.0, 2.0, np.nan]), "Size", unit="arcsec")
    scale, unknown = map_figure.marker_groups(coloured, ("a",), light=True)
    assert scale["name"] == "Size, arcsec"
    assert unknown["rows"].tolist() == [2]
