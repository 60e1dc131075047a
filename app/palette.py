"""Colours and marker shapes: classes by family, so that the map reads before its legend does. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

BACKGROUND, PANEL, LINE, TEXT, MUTED, ACCENT = "#0B0E14", "#131824", "#232B3B", "#E6EAF2", "#8B95A7", "#FFB454"
UNKNOWN = "#5B6474"
VIRIDIS = ("#440154", "#472D7B", "#3B528B", "#2C728E", "#21918C", "#28AE80", "#5EC962", "#ADDC30", "#FDE725")
MAGMA = ("#1A1042", "#3B0F70", "#641A80", "#8C2981", "#B73779", "#DE4968", "#F7705C", "#FE9F6D", "#FECF92", "#FCFDBF")
OTHERS = ("#C792EA", "#A3BE8C", "#D08770", "#88C0D0", "#EBCB8B", "#B48EAD", "#9AA7B8", "#E39FF6")


@dataclass(frozen=True)
class Style:
    """How one class is drawn."""

    colour: str
    shape: str  # circle, diamond, triangle or bar


# The first pattern that a class name matches decides; the names are Galaxy10's, Galaxy Zoo's and the Hubble bins'.
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


def class_styles(names: tuple[str, ...]) -> list[Style]:
    """Return one style per class, no colour twice: a family's colour where the name tells it, spare colours elsewhere."""
    styles: list[Style] = []
    for name in names:
        match = next((style for pattern, style in _STYLES if re.search(pattern, name.lower())), None)
        used = {style.colour for style in styles}
        if match is None or match.colour in used:
            spare = next((colour for colour in OTHERS if colour not in used), UNKNOWN)
            match = Style(spare, match.shape if match else "circle")
        styles.append(match)
    return styles
