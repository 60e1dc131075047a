"""Words of messages: untrusted text on one printable line of bounded length, and counts."""

from __future__ import annotations

LONGEST = 390  # characters of a whole message


def one_line(text: object, longest: int = LONGEST) -> str:
    """Return one line of at most `longest` characters, cut in the middle."""
    line = str(text)
    if len(line) > longest:
        kept = longest - 3
        line = f"{line[: kept - kept // 3]} … {line[-(kept // 3) :]}"
    return (
        line
        if line.isprintable()
        else "".join(letter if letter.isprintable() else " " for letter in line)
    )


def galaxies(count: int) -> str:
    """Count galaxies in words.

    >>> galaxies(1), galaxies(1200)
    ('1 galaxy', '1,200 galaxies')
    """
    return f"{count:,} galax{'y' if count == 1 else 'ies'}"
