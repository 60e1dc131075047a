"""Words of messages: untrusted text on one printable line of bounded length, lists and counts."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 390  # characters of a whole message


class OneLineError(ValueError):
    """An error whose message, which may hold a stranger's text, stands on one line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: object, longest: int = LONGEST) -> str:
    """Return one line of at most `longest` characters, cut in the middle."""
    line = str(text)
    if len(line) > longest:
        kept = longest - 3
        line = f"{line[: kept - kept // 3]} … {line[-(kept // 3) :]}"
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else " " for letter in line)


def sentences(*given: str) -> tuple[str, ...]:
    """Leave out those that are empty."""
    return tuple(sentence for sentence in given if sentence)


def first_of(names: Sequence[str], count: int = 3) -> str:
    """Name the first few, and count the rest.

    >>> first_of(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    rest = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + rest


def galaxies(count: int) -> str:
    """Count galaxies, in the singular or the plural.

    >>> galaxies(1), galaxies(1200)
    ('1 galaxy', '1,200 galaxies')
    """
    return counted(count, "galaxy", "galaxies")


def first_galaxies(count: int) -> str:
    """Name the first of an order.

    >>> first_galaxies(1), first_galaxies(1200)
    ('the only galaxy', 'the first 1,200 galaxies')
    """
    return "the only galaxy" if count == 1 else f"the first {galaxies(count)}"


def have(count: int) -> str:
    """Return the verb of so many things."""
    return "has" if count == 1 else "have"


def counted(count: int, one: str, many: str = "") -> str:
    """Count things, in the singular or the plural.

    >>> counted(1, "image"), counted(1200, "image"), counted(2, "class", "classes")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
