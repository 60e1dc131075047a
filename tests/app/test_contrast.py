"""Words stand out from what lies behind them in both themes: WCAG 2.2, level AA."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import app
from app.components.latent_map import palette
from astrojepa import plotting

APP = Path(app.__file__).parent
THEMES = tomllib.loads((APP / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_white_on_the_amber_of_the_dark_theme_would_not_do() -> None:
    assert contrast("#FFFFFF", THEMES["dark"]["primaryColor"]) == pytest.approx(1.8, abs=0.05)


def test_the_words_of_primary_buttons_stand_out_in_both_themes() -> None:
    rule = re.search(
        r"stBaseButton-primary[^}]*color: light-dark\((#\w{6}), (#\w{6})\) !important",
        (APP / "theme.css").read_text(encoding="utf-8"),
    )
    assert rule
    for colour, theme in zip(rule.groups(), ("light", "dark"), strict=True):
        assert contrast(colour, THEMES[theme]["primaryColor"]) >= 4.5, theme


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_links_and_quiet_words_stand_out_from_the_page(theme: str) -> None:
    colours = THEMES[theme]
    quiet = {"light": palette.LIGHT_MUTED, "dark": palette.MUTED}[theme]
    for background in (colours["backgroundColor"], colours["secondaryBackgroundColor"]):
        for words in (colours["textColor"], colours["linkColor"], quiet):
            assert contrast(words, background) >= 4.5, (words, background)


def test_figures_on_a_light_page_have_its_colours() -> None:
    figure = plotting.in_light(plotting.bars_figure(["a"], [0.5], "accuracy").to_plotly_json())
    assert palette.ACCENT not in str(figure)
    assert palette.LIGHT_ACCENT in str(figure)
    assert contrast(plotting.LIGHT[plotting.MUTED], palette.LIGHT_BACKGROUND) >= 4.5
    for colour in plotting.SERIES:
        assert contrast(plotting.LIGHT[colour], palette.LIGHT_BACKGROUND) >= 3, colour
        assert contrast(colour, palette.BACKGROUND) >= 3, colour


def test_no_button_looks_like_text() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in APP.rglob("*.py"))
    assert "tertiary" not in written


def test_controls_that_open_more_are_named_by_what_they_hold() -> None:
    for large in (True, False):  # what stands on pages of large stores stands on no other
        pages = [path for path in APP.rglob("*.py") if path.name.startswith("large") == large]
        written = "".join(path.read_text(encoding="utf-8") for path in pages)
        names = re.findall(r'st\.popover\(f?"([^"]+)"', written)
        assert len(names) == len(set(names))
        assert names
        assert not {"More", "Options"} & set(names)
