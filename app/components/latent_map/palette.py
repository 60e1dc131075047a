"""Colours and markers: classes of one family look alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

BACKGROUND, PANEL, LINE, TEXT, MUTED, ACCENT = (
    "#0B0E14",
    "#131824",
    "#232B3B",
    "#E6EAF2",
    "#8B95A7",
    "#FFB454",
)
UNKNOWN = "#5B6474"
LIGHT_MUTED = "#5B6474"
LIGHT_BACKGROUND, LIGHT_PANEL, LIGHT_LINE, LIGHT_TEXT, LIGHT_ACCENT = (
    "#FFFFFF",
    "#F2F4F8",
    "#D3DAE5",
    "#131824",
    "#9A5B00",
)
VIRIDIS = (
    "#440154",
    "#472D7B",
    "#3B528B",
    "#2C728E",
    "#21918C",
    "#28AE80",
    "#5EC962",
    "#ADDC30",
    "#FDE725",
)
MAGMA = (
    "#1A1042",
    "#3B0F70",
    "#641A80",
    "#8C2981",
    "#B73779",
    "#DE4968",
    "#F7705C",
    "#FE9F6D",
    "#FECF92",
    "#FCFDBF",
)
OTHERS = ("#C792EA", "#A3BE8C", "#D08770", "#88C0D0", "#EBCB8B", "#B48EAD", "#9AA7B8", "#E39FF6")


@dataclass(frozen=True)
class Style:
    """How one class is drawn."""

    colour: str
    shape: str  # circle, diamond, triangle or bar


# The first pattern that a class name matches decides; the names are Galaxy10's, Galaxy Zoo's and
# the Hubble bins'.
_STYLES = (
    (r"disturb|irregular", Style("#FF7AA2", "diamond")),
    (r"^irr\b", Style("#FF7AA2", "diamond")),
    (r"merg", Style("#E5484D", "diamond")),
    (r"edge.?on.*(without|no) bulge", Style("#7FE0C3", "bar")),
    (r"edge.?on", Style("#2FA58B", "bar")),
    (r"in.?between", Style("#F5B83D", "circle")),
    (r"cigar", Style("#C98A1B", "circle")),
    (r"\bround|ellip|smooth|^e\b", Style("#FFE08A", "circle")),
    (r"lenticular|^s0", Style("#F5B83D", "circle")),
    (r"unbarred.*tight|tight|^sa", Style("#4C9BE8", "triangle")),
    (r"unbarred.*loose|loose|^s[cd]", Style("#2F6FC1", "triangle")),
    (r"barred|^sb", Style("#8CC8FF", "triangle")),
    (r"spiral", Style("#4C9BE8", "triangle")),
    (r"ring|lens", Style("#C792EA", "diamond")),
    (r"artefact|artifact|trail|star", Style("#9AA7B8", "circle")),
)


# many that differ, for groups that are of no family
DISTINCT = tuple(dict.fromkeys([*OTHERS, *(style.colour for _, style in _STYLES)]))


def class_styles(names: tuple[str, ...]) -> list[Style]:
    """Return one style per class, each colour once: by family if the name tells it, else spare."""
    styles: list[Style] = []
    for name in names:
        match = next(
            (style for pattern, style in _STYLES if re.search(pattern, name.lower())), None
        )
        used = {style.colour for style in styles}
        if match is None or match.colour in used:
            spare = next((colour for colour in OTHERS if colour not in used), UNKNOWN)
            match = Style(spare, match.shape if match else "circle")
        styles.append(match)
    return styles


def luminance(colour: str) -> float:
    """Return the relative luminance of "#RRGGBB" in [0, 1] (WCAG 2.2)."""
    parts = [part / 255 for part in bytes.fromhex(colour.removeprefix("#"))]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Return the contrast of two colours, 1 (none) to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def mix(a: str, b: str, share: float) -> str:
    """Return the colour that lies at `share` in [0, 1] of the way from a to b."""
    pairs = zip(bytes.fromhex(a.removeprefix("#")), bytes.fromhex(b.removeprefix("#")), strict=True)
    return "#" + "".join(f"{round(x + (y - x) * share):02X}" for x, y in pairs)


def legible(colour: str, background: str, least: float = 2.6) -> str:
    """Return the colour, moved towards black or white until its contrast is `least`."""
    end = "#000000" if luminance(background) > 0.2 else "#FFFFFF"
    return next(
        (
            made
            for step in range(21)
            if contrast(made := mix(colour, end, step / 20), background) >= least
        ),
        end,
    )


def ramp(stops: tuple[str, ...], background: str, least: float = 1.5, count: int = 9) -> list[str]:
    """Return a scale of `count` colours for a background, without those that would vanish on it."""
    last, fine = len(stops) - 1, []
    for place in (step / 64 * last for step in range(65)):
        k = min(int(place), last - 1)
        fine.append(mix(stops[k], stops[k + 1], place - k))
    seen = [colour for colour in fine if contrast(colour, background) >= least]
    seen = seen if contrast(seen[0], background) <= contrast(seen[-1], background) else seen[::-1]
    return [seen[round(k * (len(seen) - 1) / (count - 1))] for k in range(count)]


def scale_ends(low: float, high: float, values: np.ndarray) -> tuple[str, str]:
    """Write both ends of a scale; ≤ and ≥ where some of the values lie beyond."""
    known = values[np.isfinite(values)]
    below, above = "≤ " * bool((known < low).any()), "≥ " * bool((known > high).any())
    return f"{below}{low:.2f}", f"{above}{high:.2f}"
