"""How images are called that show no galaxy: masks, weights, errors and the like, as extensions of
a FITS file or as files beside the image.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_ALWAYS_HIDDEN = (
    r"mask|msk|bpm|dq|flag|maskbit|weight|wht|wgt|ivar|invvar|var|variance|err|error|sigma|rms"
    r"|noise|std|unc|uncert|uncertainty|psf|exp|nexp|exposure|exptime|coverage|cov|seg|segm"
    r"|segmentation|ctx|wcsdvarr|d2imarr|thumbnail"
)
_MASKED = r"(?!un)[a-z]*mask(ed|bit)?|bad(pix|pixel)?|flg|flagged|quality"
_FORMERLY_SHOWN = (
    rf"{_MASKED}|conf|confidence|stdd?ev|stat|instmap|invvariance|uncertainties|nobs|[a-z]*depth"
)
_FORMERLY_SHOWN += r"|psfsize|con|gain|apcorr|sat|saturated|saturation"
_ENDS = r"(s|maps?)?\d*"
NO_PICTURES = re.compile(rf"({_ALWAYS_HIDDEN}|{_FORMERLY_SHOWN}){_ENDS}")
PICTURES = re.compile(r"sci|science|image")
# shown only where nothing else is
PRODUCTS = re.compile(r"models?|resid|residuals?|bkgd?|background|bg|sky|chi2?|snr")
# of all these, those that older versions showed
FORMERLY_SHOWN = re.compile(
    rf"{PRODUCTS.pattern}"
    rf"|(?!({_ALWAYS_HIDDEN}|flags|maskbits|segmap)$)({_ALWAYS_HIDDEN}|{_FORMERLY_SHOWN}){_ENDS}"
)
# and those that say which pixels are bad
MASKS = re.compile(rf"({_MASKED}|msk|bpm|dq|flag|weight|wht|wgt|ivar|invvar){_ENDS}")
# Of files and folders only what means nothing else: std, sat or noise may be galaxies and classes
_FILES = re.compile(
    r"(\d*)(?:(?!un)[a-z]*mask(?:bit)?|msk|bpm|badpix(?:el)?|dq|flag|flg|weight|wht|wgt|ctx|ivar"
    r"|invvar(?:iance)?|var|variance|err|error|sigma|rms|unc|uncert|uncertaint(?:y|ies)|psf|segm?"
    r"|segmentation|model|resid|residual|bkgd?|background|chi2|thumb(?:nail)?|preview)(?:s|maps?)?(\d*)"
)
# and what is added to the name of an image, which is there too
_ADDED = re.compile(
    r"()(?:(?!un)[a-z]*masked|sky|bg|snr|wt|noise|conf|confidence|exp|nexp|expwt|exposure"
    r"|exptime|cov|coverage|[a-z]*depth|psfsize|blobmodel|num)(?:maps?)?()"
)
# and what says nothing by itself, where a certain word for an image stands in its place
_IN_PLACE = {
    **dict.fromkeys(("std", "n"), "img"),  # unWISE
    **dict.fromkeys(("wei", "sum"), "sci"),  # KiDS
    **dict.fromkeys(("cnt", "rrhr", "skybg", "intbgsub"), "int"),  # GALEX
    **dict.fromkeys(("munc", "mcov"), "maic"),  # Spitzer
}
# between a name and a number it may be how much of it there is
_AMOUNT = re.compile(r"(.+[-_.])((?:sigma|rms|variance|var|err|error|unc)[-_.]?)(\d+)")
_INSTEAD = ("", "image", "images", "img", "sci", "science", "data", "flux", "int", "maic")
_MOST = 2  # such words in one name


def beside_others(names: Sequence[str]) -> set[str]:
    """Return which files, by their names without suffix, are masks, models and the like of others,
    whose names lack that word or have another for an image in its place, with its number or not.

    >>> sorted(beside_others(["a", "a_mask", "b.weight", "masks/1", "images/1", "img0", "psf0"]))
    ['a_mask', 'masks/1', 'psf0']
    """
    there = {name.lower() for name in names}
    found = {name for name in names if any(other in there for other in _images_of(name.lower()))}
    return found - set(perhaps_beside(names))


def perhaps_beside(names: Sequence[str]) -> list[str]:
    """Return the files that are called like the noise of another, or like an image with as much of
    it: g-sigma-10 beside g-10. They are the noise only where more than two in three of a series
    have their image, and half of the images, or more, have theirs.

    >>> perhaps_beside(["g-10", "g-sigma-10", "g-sigma-20", "h_1", "h_2", "h_sigma_1"])
    ['g-sigma-10']
    """
    series: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        if match := _AMOUNT.fullmatch(name.lower()):
            series.setdefault((match[1], match[2]), {})[match[3]] = name
    images: dict[str, set[str]] = {}
    for name in map(str.lower, names):
        stem = name.rstrip("0123456789")
        images.setdefault(stem, set()).add(name[len(stem) :])
    found: list[str] = []
    for (stem, _), noise in series.items():
        numbers = images.get(stem, set()) - {""}
        if 3 * len(noise.keys() - numbers) >= len(noise) or 2 * len(noise) < len(numbers):
            found += [name for number, name in noise.items() if number in numbers]
    return sorted(found)


def _images_of(name: str) -> list[str]:
    """Return how the image may be called whose mask, or the like, has this name."""
    parts = re.split(r"([-_./])", name)
    folders = max((place for place, mark in enumerate(parts) if mark == "/"), default=-1)
    words = {p: match for p in range(0, len(parts), 2) if (match := _FILES.fullmatch(parts[p]))}
    added = {
        p: match for p in range(folders + 1, len(parts), 2) if (match := _ADDED.fullmatch(parts[p]))
    }
    words |= added
    # between a name and a number, which may be how much of it there is: galaxy-snr-10
    amounts = {p for p in added if p > folders + 1 and "".join(parts[p + 2 : p + 3])[:1].isdigit()}
    if not words:
        return [
            "".join([*parts[:place], _IN_PLACE[parts[place]], *parts[place + 1 :]])
            for place in range(folders + 1, len(parts), 2)
            if parts[place] in _IN_PLACE
        ]
    if len(words) > _MOST:
        return []
    found = []
    instead = [
        {
            f"{match[1]}{word}{number}"
            for word in _INSTEAD[place in amounts :]
            for number in ("", match[2])
        }
        for place, match in words.items()
    ]
    for chosen in itertools.product(*instead):
        made = list(parts)
        for place, word in zip(words, chosen, strict=True):
            made[place] = word
            if not word:  # with the mark before it, else the one behind
                made[place - 1 if place else 1 : place or 2] = [""]
        found.append("".join(made))
    return found
