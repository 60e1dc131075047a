"""The sky below the map, and searches around a position."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from page_runner import QUIET, run_page, settled, words
from PIL import Image

import astrojepa as aj
from app.pages.map import search, sky
from astrojepa import plotting
from astrojepa.data.coordinates import parse_coordinates
from astrojepa.data.sky import mollweide

pytestmark = QUIET


@pytest.fixture
def galaxies(tmp_path: Path) -> Path:
    """Forty galaxies, 0.1 degrees apart at declination 0.3 from 358 degrees; two unplaced."""
    data, folder = aj.open_dataset("simulated:40"), tmp_path / "sky"
    folder.mkdir()
    lines = ["file,id,ra,dec,label"]
    for row in range(40):
        Image.fromarray(data[row].image).save(folder / f"{row:02}.png")
        ra, dec = (f"{(358 + row / 10) % 360:.1f}", "0.3") if row < 38 else ("", "")
        lines.append(f"{row:02}.png,G{row:02},{ra},{dec},{data.classes[data.labels[row]]}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("184.95 -0.57 within 30'", "cone(184.95, -0.57, 0.5)"),
        ("184.95 -0.57 within 30 arcmin", "cone(184.95, -0.57, 0.5)"),
        ("12:20:00 +10:00:00 radius 2", "cone(185, 10, 2)"),
        ("184.95, -0.57, r=90″", "cone(184.95, -0.57, 0.025)"),
        ("10 20 within 1.5 deg", "cone(10, 20, 1.5)"),
        ("184.95 -0.57", ""),
        ("merger within 3", ""),
        ("within 3", ""),
    ],
)
def test_a_position_with_a_radius_is_a_cone(text: str, expression: str) -> None:
    assert search.cone(text, parse_coordinates) == expression


@pytest.mark.slow
def test_a_cone_chooses_across_zero_hours_and_the_panel_says_what_has_no_place(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, galaxies: Path
) -> None:
    query = {"map": "pca", "filter": "cone(0, 0.3, 0.55)"}
    test = run_page(monkeypatch, pages_cache, "map", data=str(galaxies), query=query)
    assert "11 of 40 galaxies match." in words(test), "359.5 to 0.5 degrees"
    assert "tangent plane" not in words(test), "closed at first"
    test.session_state["sky_open"] = True
    test.session_state["filter"] = ""
    drawn: list[Any] = []
    show = sky.figures.chart
    monkeypatch.setattr(
        sky.figures, "chart", lambda figure, *given: (drawn.append(figure), show(figure, *given))
    )
    settled(test.run())
    assert "Equatorial coordinates, tangent plane around 359.8500° +0.3" in words(test)
    assert "2 of 40 have no position." in words(test)
    test.session_state["filter"] = "cone(0, 0.3, 0.55)"
    settled(test.run())
    before, after = drawn[0].layout, drawn[-1].layout
    assert before.uirevision == after.uirevision, "the zoom stays"
    assert before.legend.uirevision != after.legend.uirevision, "and no group stays hidden"


def test_simulated_galaxies_have_no_sky(monkeypatch: pytest.MonkeyPatch, pages_cache: Path) -> None:
    test = run_page(monkeypatch, pages_cache, "map", query={"map": "pca"})
    assert "Sky" not in [expander.label for expander in test.expander]


def test_the_figure_holds_every_galaxy_at_its_place() -> None:
    ra, dec, ids = np.array([0.5, 180, 300]), np.array([0.0, 45, -80]), np.array(["a", "b", "c"])
    chosen = np.array([False, True, True])
    figure = plotting.sky_figure(ra, dec, chosen, np.array([4, 7, 9]), ids)
    _, others, selected = figure.data
    assert list(selected.customdata) == [7, 9]
    assert list(others.customdata) == [4]
    np.testing.assert_allclose(
        np.stack([selected.x, selected.y], axis=1), mollweide(ra[1:], dec[1:])
    )
    assert others.x[0] > 1.9, "0 h stands at the edges, what is just after it at the right"
    assert selected.text[0] == "b · 180.0000° +45.0000°"


def test_positions_in_one_field_are_drawn_there_and_others_on_the_whole_sky() -> None:
    ra, dec = np.array([358.0, 0.5, np.nan, 2.0]), np.array([9.0, 10.0, 0.0, 11.0])
    about: Any = SimpleNamespace(count=4, positions=lambda: (ra, dec))
    found = sky.sky_of(about, np.array([0, 2]))
    assert found.field is not None
    assert "tangent plane around 0.1" in found.said
    assert "Mollweide" not in found.said
    figure = plotting.sky_figure(
        found.ra, found.dec, found.inside, found.rows, found.rows, None, found.field
    )
    others, selected = figure.data
    assert (list(selected.customdata), list(others.customdata)) == ([0], [1, 3])
    edge, end = figure.layout.xaxis.range
    assert edge > others.x[1] > others.x[0] > selected.x[0] > end, "east to the left"
    ra[0] = 200
    assert sky.sky_of(about, None).field is None, "190 degrees apart"
    alone: Any = SimpleNamespace(count=1, positions=lambda: (ra[:1], dec[:1]))
    found = sky.sky_of(alone, None)
    figure = plotting.sky_figure(
        found.ra, found.dec, found.inside, found.rows, found.rows, None, found.field
    )
    assert figure.layout.xaxis.range[0] > 0, "a single position has a field as well"


@pytest.mark.parametrize("field", [None, (10.0, 20.0, 1.0)])
def test_a_ring_marks_the_selected_galaxy(field: tuple[float, float, float] | None) -> None:
    ra, dec = np.array([10.0, 10.5]), np.array([20.0, 20.5])
    ids = np.array(["a", "b"])
    ring = plotting.sky_figure(ra, dec, np.ones(2, bool), ids, ids, None, field, (10.5, 20.5)).data[
        -1
    ]
    if field is None:
        expected = mollweide(ra[1:], dec[1:])[0]
    else:
        centre = SkyCoord(10, 20, unit="deg")
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [centre.ra.deg, centre.dec.deg]
        expected = wcs.wcs_world2pix([[10.5, 20.5]], 0)[0] + 1
    np.testing.assert_allclose([ring.x[0], ring.y[0]], expected, rtol=1e-9)
    assert ring.marker.symbol == "circle-open"


@pytest.mark.parametrize("chosen", [None, 10, 60, 100])
def test_a_field_stays_one_however_many_are_in_it_and_chosen(
    monkeypatch: pytest.MonkeyPatch, chosen: int | None
) -> None:
    monkeypatch.setattr(sky, "MOST", 40)
    ra, dec = np.linspace(10, 11, 100), np.linspace(-1, 0, 100)
    about: Any = SimpleNamespace(count=100, positions=lambda: (ra, dec))
    found = sky.sky_of(about, None if chosen is None else np.arange(chosen))
    assert found.field == pytest.approx((10.5, -0.5, 0.5**0.5), rel=1e-3)
    assert not found.density
    others = 0 if chosen is None else 100 - chosen
    assert len(found.rows) == min(chosen or 100, 40) + min(others, 40)
    assert (f"40 of {others} others are drawn" in found.said) == (others > 40)
    assert (f"40 of {chosen or 100} positions are drawn" in found.said) == (chosen != 10)


def test_the_middle_of_a_field_has_its_plain_name() -> None:
    none = np.zeros(0, bool)
    for field, expected in {
        (359.99999, -5e-7, 1): "around 0.0000° +0.0000°.",
        (12.5, -3.25, 1): "around 12.5000° \N{MINUS SIGN}3.2500°.",
    }.items():
        assert expected in sky.sentence(none, none, 0, False, field)


def test_the_sky_names_its_lines_and_nobody_selected_where_nothing_is_chosen(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, galaxies: Path
) -> None:
    charts: list[Any] = []
    monkeypatch.setattr(sky.figures, "chart", lambda figure, *given: charts.append(figure))
    monkeypatch.setattr(sky, "FIELD", 1)
    query = {"map": "pca"}
    test = run_page(monkeypatch, pages_cache, "map", data=str(galaxies), query=query)
    test.session_state["sky_open"] = True
    settled(test.run())
    assert not charts[-1].layout.showlegend
    named = {note.text: (note.x, note.y) for note in charts[-1].layout.annotations}
    np.testing.assert_allclose(named["120°"], mollweide(np.array([120.0]), np.zeros(1))[0])
    x, y = named["+30°"]
    np.testing.assert_allclose(
        [[x, y]], mollweide(np.array([359.9]), np.array([30.0])), err_msg="at the left edge"
    )
    test.session_state["filter"] = "cone(0, 0.3, 0.55)"
    settled(test.run())
    assert charts[-1].layout.showlegend


def test_many_galaxies_are_thinned_evenly_and_it_says_so() -> None:
    mask = np.zeros(1000, bool)
    mask[::2] = True
    rows = sky.spread(mask, 50)
    assert len(rows) == 50
    assert mask[rows].all()
    assert (rows[0], rows[-1]) == (0, 998)
    assert "50 of 500 positions are drawn" in sky.sentence(mask, mask, 50, False)
    assert "drawn" not in sky.sentence(mask, mask, 500, False)


def test_of_more_than_are_drawn_one_by_one_the_others_are_a_density_that_says_its_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sky, "MOST", 30)
    ra, dec = np.linspace(1, 359, 100), np.linspace(-60, 60, 100)
    ra[7] = np.nan
    about: Any = SimpleNamespace(count=100, positions=lambda: (ra, dec))
    found = sky.sky_of(about, np.arange(5, 15))
    assert found.rows.tolist() == [5, 6, 8, 9, 10, 11, 12, 13, 14]
    assert found.inside.all()
    assert "1 of 10 has no position." in found.said
    assert "Grey: how many of all 99 lie in each of the cells of 0.81 square degrees" in found.said
    every = sky.sky_of(about, None)
    assert every.density
    assert "30 of 99 positions are drawn, evenly chosen." in every.said
    few = sky.sky_of(about, np.arange(75))
    assert (few.inside.sum(), (~few.inside).sum()) == (30, 25)
    counts = sky.counts_of(about)
    figure = plotting.sky_figure(found.ra, found.dec, found.inside, found.rows, found.rows, counts)
    assert figure.data[0].customdata.sum() == 99
