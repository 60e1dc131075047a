"""Positions as people write them, and links."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrojepa.data.coordinates import parse_coordinates, read_unit, sexagesimal, sky_links


@pytest.mark.parametrize(
    ("text", "ra", "dec"),
    [
        ("187.7 12.39", 187.7, 12.39),
        ("187.7, -12.39", 187.7, -12.39),
        ("187.7;12.39", 187.7, 12.39),
        ("187.7+12.39", 187.7, 12.39),
        ("187.7° −12.39°", 187.7, -12.39),
        ("187.7 deg -12.39 Degrees", 187.7, -12.39),
        ("  0   0 ", 0, 0),
        ("360 90", 0, 90),
        ("12:30:49 -00:30:00", 187.7041667, -0.5),
        ("12:30:49 −00:30:00", 187.7041667, -0.5),
        ("12h30m49s +12d23m28s", 187.7041667, 12.3911111),
        ("12 30 49 +12 23 28", 187.7041667, 12.3911111),
        ("12:30:49.42, +12:23:28.0", 187.7059167, 12.3911111),
        ("187d42m00s -00d30m00s", 187.7, -0.5),
        ("ra=187.7 dec=-12.39", 187.7, -12.39),
        (
            "https://www.legacysurvey.org/viewer?ra=187.7&dec=-12.39&layer=ls-dr10&zoom=16",
            187.7,
            -12.39,
        ),
        ("https://www.legacysurvey.org/viewer/?layer=ls-dr9&mark=187.7,12.39", 187.7, 12.39),
        (
            "https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=12%3A30%3A49+-00%3A30%3A00",
            187.7041667,
            -0.5,
        ),
    ],
)
def test_positions_are_read_in_every_notation(text: str, ra: float, dec: float) -> None:
    assert parse_coordinates(text) == pytest.approx((ra, dec), abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "hello",
        "nan nan",
        "inf 0",
        "1 2 3",
        "1,2,3,4",
        "12h30m49s",
        "12:61:00 +10:00:00",
        "1e2 1e1",
        "x" * 5000,
    ],
)
def test_anything_else_is_an_error_that_says_what_can_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a position on the sky; give degrees"):
        parse_coordinates(text)


@pytest.mark.parametrize(
    "text", ["361 0", "-1 0", "10 90.1", "10 -91", "https://x.org/?ra=400&dec=1"]
)
def test_positions_off_the_sky_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is off the sky"):
        parse_coordinates(text)


@pytest.mark.parametrize(
    "text", ["1" * 1000, "1 " * 500, "1:" * 500, "ra=" * 300, "+-" * 500, " " * 1000, "1." * 500]
)
def test_long_nonsense_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match="sky"):
        parse_coordinates(text)
    assert time.perf_counter() - start < 5


@given(st.text(max_size=60))
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    try:
        ra, dec = parse_coordinates(text)
    except ValueError:
        return
    assert 0 <= ra < 360
    assert -90 <= dec <= 90


@pytest.mark.parametrize(
    ("ra", "dec", "text"),
    [
        (187.7041667, 12.3911111, "12:30:49.00 +12:23:28.0"),
        (187.7041667, -0.5, "12:30:49.00 -00:30:00.0"),
        (359.99999999, -0.000001, "00:00:00.00 +00:00:00.0"),
        (14.99999999, 59.99999999, "01:00:00.00 +60:00:00.0"),
    ],
)
def test_sexagesimal_rounds_without_sixties_and_keeps_the_sign(
    ra: float, dec: float, text: str
) -> None:
    assert sexagesimal(ra, dec) == text


@given(st.floats(0, 359.9), st.floats(-89.9, 89.9))
def test_sexagesimal_is_read_back(ra: float, dec: float) -> None:
    right, decl = parse_coordinates(sexagesimal(ra, dec))
    assert abs(right - ra) < 3e-5
    assert decl == pytest.approx(dec, abs=2e-5)


@pytest.mark.parametrize("dec", [12.39, -0.5, 0.0])
def test_every_link_leads_back_to_its_position(dec: float) -> None:
    links = sky_links(187.7, dec)
    assert len(links) == 6
    for url in links.values():
        assert url.startswith("https://")
        assert parse_coordinates(url) == (187.7, dec)


def test_links_are_written_as_the_services_want_them() -> None:
    links = sky_links(187.70593, 12.39112)
    assert links["Legacy Survey viewer"] == (
        "https://www.legacysurvey.org/viewer?ra=187.70593&dec=12.39112&layer=ls-dr10&zoom=16&mark=187.70593,12.39112"
    )
    assert links["Legacy Survey cutout"] == (
        "https://www.legacysurvey.org/viewer/jpeg-cutout?ra=187.70593&dec=12.39112&layer=ls-dr9&pixscale=0.262&size=256&bands=grz"
    )
    assert links["SIMBAD"] == (
        "https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=187.70593%20%2B12.39112&CooFrame=ICRS&Radius=10&Radius.unit=arcsec"
    )
    assert "&ra=187.70593d&dec=12.39112d&radius=" in links["NED"]


def test_a_northern_plus_never_stands_bare_in_a_link() -> None:
    assert not any("+" in url for url in sky_links(1.5, 45.0).values())


@pytest.mark.parametrize(
    ("ra", "dec"), [(None, None), (1.0, None), (float("nan"), 1.0), (1.0, float("inf"))]
)
def test_an_unknown_position_has_no_links(ra: float | None, dec: float | None) -> None:
    assert sky_links(ra, dec) == {}


def test_a_plain_number_is_in_degrees_whatever_stands_beside_it() -> None:
    ra, dec = parse_coordinates("187.5 +12:23:28")
    assert (ra, dec) == pytest.approx((187.5, 12 + 23 / 60 + 28 / 3600))
    assert parse_coordinates("12.5, -00:30:00") == pytest.approx((12.5, -0.5))
    assert parse_coordinates("12:30:00 -0.5") == pytest.approx((187.5, -0.5))


def test_a_refusal_is_short_and_printable_whatever_was_typed():
    with pytest.raises(ValueError, match="is not a position on the sky") as caught:
        parse_coordinates("\u202e " * 300)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("unit", ["m**99999", "10**(1000.5) Jy", "10**(1/0)", "counts", "((", "?"])
def test_what_names_no_unit_and_powers_beyond_all_units_are_none(unit: str) -> None:
    assert read_unit(unit) is None


def test_units_are_read_as_people_write_them_and_with_long_factors() -> None:
    assert read_unit("Hours") == read_unit("hourangle")
    assert read_unit("3.631234567e-06 Jy").to("uJy") == pytest.approx(3.631234567)


def test_sixty_seconds_are_a_minute_and_no_warning() -> None:
    ra, dec = parse_coordinates("12:59:60 -00:29:60.0")
    assert (ra, dec) == pytest.approx((195, -0.5))
