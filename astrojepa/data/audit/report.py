"""The audit in words: counts, and the first examples by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

EXAMPLES = 5
FAULTS = {
    "blank": "blank frames (constant, or nearly)",
    "saturated": "saturated frames (over 5 % at the top of a band)",
    "odd_band": "frames with a band missing, or with a trail or halo in one band alone",
}


def report_lines(found: Mapping[str, Any]) -> list[str]:
    """Write what `audit` returns as lines of text."""
    about = found["data"]
    what = "SIMULATED galaxies" if about["simulated"] else "galaxies"
    lines = [
        f"{about['name']}: {about['galaxies']:,} {what}, {about['labelled']:,} labelled, "
        f"fingerprint {about['fingerprint']}"
    ]
    lines += ["", "Duplicates"]
    lines += _group_lines("the same galaxy, by id or within 3 arcsec", found["same_galaxy"])
    lines += _group_lines("identical images, pixel by pixel", found["identical_pictures"])
    lines += _group_lines(
        "one image re-encoded, noisier, turned or mirrored", found["near_identical_pictures"]
    )
    lines += _group_lines("of all these, under more than one label", found["label_conflicts"])
    lines += [f"  {found['within_60_arcsec']:6,} pairs within 60 arcsec, in one another's cutouts"]
    leaks = found["leaks"]
    lines += ["", "Leaks: galaxies of the test set that are learned from as well"]
    lines += [
        f"  {leaks['random_expected']:6,.1f} of {leaks['random_test_galaxies']:,} expected in a "
        f"random 90/10 split"
    ]
    lines += [
        f"  {leaks['own_leaked']:6,} of {leaks['own_test_galaxies']:,} in the default split here "
        f"({leaks['own_split']})"
    ]
    lines += ["", "Frames"]
    for fault, words in FAULTS.items():
        ids = found["frames"][fault]
        lines += [f"  {len(ids):6,} {words}", *_examples(ids)]
    lines += ["", *_survey_lines(found["surveys"])]
    lines += [
        "",
        "Traps",
        *(f"  {sentence}" for sentence in found["traps"] or ["none of those that are looked for"]),
    ]
    return lines


def _group_lines(words: str, groups: Sequence[Mapping[str, list[str]]]) -> list[str]:
    galaxies = sum(len(group["ids"]) for group in groups)
    shown = [" = ".join(map(_member, group["ids"][:EXAMPLES], group["labels"])) for group in groups]
    many = "group" if len(groups) == 1 else "groups"
    return [f"  {len(groups):6,} {many} ({galaxies:,} galaxies): {words}", *_examples(shown)]


def _member(galaxy: str, label: str) -> str:
    return f"{galaxy} ({label})" if label else galaxy


def _examples(texts: Sequence[str]) -> list[str]:
    more = [f"         and {len(texts) - EXAMPLES:,} more"] if len(texts) > EXAMPLES else []
    return [*(f"         {text}" for text in texts[:EXAMPLES]), *more]


def _survey_lines(table: Mapping[str, Any]) -> list[str]:
    """Show each class's share per survey, which a classifier could learn instead of shape."""
    if not table["known_by"]:
        return [
            "Surveys: not known, there are neither coordinates nor a column 'survey' of a few "
            "values"
        ]
    rule = {
        "dec": "north of the Galactic plane and above dec 32.375 is north (BASS and MzLS), all "
        "else south (DECam)",
        "survey": "by the column 'survey'",
    }
    lines = [f"Surveys, percent of each class ({rule[table['known_by']]})"]
    counts = table["by_class"]
    totals = {
        name: sum(row[name] for row in counts.values()) for name in next(iter(counts.values()))
    }
    for label, row in [*counts.items(), ("all", totals)]:
        number = sum(row.values())
        shares = "  ".join(
            f"{name or 'unknown'} {100 * row[name] / number:.0f}" for name in row if row[name]
        )
        lines.append(f"  {label or '(no label)':30s} {number:6,}  {shares}")
    return lines
