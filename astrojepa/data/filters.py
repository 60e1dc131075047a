"""Filters: which galaxies an expression over the columns chooses.

    redshift < 0.1 & morphology == "merger"

The grammar is small, and no text is ever run as a program:

    either     = both { ("|" | "or") both }
    both       = part { ("&" | "and") part }
    part       = ("~" | "not") part | "(" either ")" | comparison
    comparison = value { sign value } | value ["not"] "in" "[" value { "," value } "]"
               | "cone" "(" number "," number "," number ")"
    sign       = "<" | "<=" | ">" | ">=" | "==" | "!="
    value      = number | "text" | 'text' | column | `name of a column`

A galaxy whose value is unknown fulfils no comparison but with "", which stands for unknown. A
column of true and false, or of 0 and 1, may stand alone, and so may a word of the column class.
cone(ra, dec, radius), in degrees, chooses what lies at most so far from a position on the sky, by
the columns ra and dec.
"""

from __future__ import annotations

import bisect
import difflib
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from astrojepa.data.sky import separation
from astrojepa.data.values import Numbers, Values, Words
from astrojepa.wording import first_of, one_line

MOST_LETTERS = 500
CONE, CLASS = "cone", "class"
MOST_DEPTH = 20  # of parentheses
MOST_NAMED = 40  # columns that an error lists
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<name>[^\W\d]\w*|`(?:[^`\\]|\\.)+`)
    |(?P<sign><=|>=|==|!=|<|>|=)
    |(?P<mark>&&?|\|\|?|[~()\[\],])
    )""",
    re.VERBOSE,
)
_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
}
_SAME = {"and": "&", "&&": "&", "or": "|", "||": "|", "not": "~"}


class NoColumnError(ValueError):
    """A filter names a column that is not there."""


@dataclass(frozen=True)
class _Token:
    kind: str  # number, text, name, sign, mark, or end
    text: str  # as written
    place: int  # of its first letter, from 1
    meaning: str  # without quotes; one spelling of each sign


def matching(expression: str, columns: Mapping[str, Values]) -> np.ndarray:
    """Return which galaxies an expression chooses: bool (n,).

    Names of columns are found in any letters, with _ for a blank. ValueError, in a sentence that
    names the position or the columns that there are, for what cannot be read; for text that is
    compared with numbers; and for more than 500 letters.

    >>> columns = {"z": Numbers(np.array([0.02, 0.3, np.nan]))}
    >>> matching("z < 0.1 | ~(z < 1)", columns)
    array([ True, False,  True])
    """
    reader = _Reader(_tokens(expression), columns)
    found = reader.either()
    reader.expect("end", "& or | and a further comparison")
    return found


def on_one_line(expression: str) -> str:
    """Return an expression without line breaks and blanks around it, as an address holds it."""
    return " ".join(expression.split())


def with_clause(expression: str, column: str, clause: str) -> str:
    """Return an expression with `clause` in place of what it demands of one column alone.

    An empty clause takes that away. What cannot be read is replaced.

    >>> with_clause('z < 0.1 & kind == "Sa"', "z", "0.2 <= z <= 0.3")
    'kind == "Sa" & 0.2 <= z <= 0.3'
    """
    kept = [text for text, names in _clauses(expression) if names != {folded(column)}]
    return " & ".join([*kept, clause] if clause else kept)


def clauses_of(expression: str, column: str) -> list[str]:
    """Return what an expression demands of one column alone: the parts between its &."""
    return [text for text, names in _clauses(expression) if names == {folded(column)}]


def name_in(column: str) -> str:
    """Write the name of a column as an expression holds it: in backticks where it must be."""
    token = _TOKEN.fullmatch(column)
    plain = token and token["name"] == column and column not in (*_SAME, "in")
    return column if plain and column[0] != "`" else _quoted(column, "`")


def text_in(text: str) -> str:
    """Write text as an expression holds it, in quotes."""
    return _quoted(text, '"')


def _quoted(text: str, quote: str) -> str:
    return quote + re.sub(rf"([\\{quote}])", r"\\\1", text) + quote


def folded(name: str) -> str:
    """Return a name as filters compare it: neither capitals nor blanks tell columns apart."""
    return name.casefold().replace(" ", "_")


def _tokens(expression: str) -> list[_Token]:
    if len(expression) > MOST_LETTERS:
        raise ValueError(
            f"The filter has {len(expression):,} letters; at most {MOST_LETTERS} are read."
        )
    found, end = [], len(expression.rstrip())
    place = 0
    while place < end:
        match = _TOKEN.match(expression, place)
        if match is None:
            place += len(expression[place:]) - len(expression[place:].lstrip())
            _refuse(place + 1, f"{one_line(expression[place], 4)!r} cannot be read here")
        kind, place = str(match.lastgroup), match.end()
        text = match[kind]
        if kind == "name" and text.casefold() in (*_SAME, "in"):
            kind = "mark"
        quoted = text[0] in "\"'`"
        meaning = re.sub(r"\\(.)", r"\1", text[1:-1]) if quoted else text
        if kind == "mark":
            meaning = _SAME.get(text.casefold(), text.casefold())
        found.append(_Token(kind, text, match.start(kind) + 1, meaning))
    return [*found, _Token("end", "", len(expression) + 1, "end")]


def _clauses(expression: str) -> list[tuple[str, set[str]]]:
    """Split an expression at each & outside of parentheses; each part with its columns."""
    try:
        tokens = _tokens(expression)[:-1]
    except ValueError:
        return []
    depth, parts, either = 0, [[]], False  # type: ignore[var-annotated]
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.meaning, 0) if token.kind == "mark" else 0
        if token.kind == "mark" and token.meaning == "&" and not depth:
            parts.append([])
            continue
        either |= token.kind == "mark" and token.meaning == "|" and not depth
        parts[-1].append(token)
    if either:
        parts = [tokens]
    return [
        (
            f"({text})" if either else text,
            {folded(token.meaning) for token in part if token.kind == "name"},
        )
        for part in parts
        if part
        and (text := expression[part[0].place - 1 : part[-1].place - 1 + len(part[-1].text)])
    ]


def _refuse(place: int, sentence: str) -> NoReturn:
    raise ValueError(f"Position {place} of the filter: {sentence}.")


class _Reader:
    """Reads tokens from left to right, and says for each part which galaxies it chooses."""

    def __init__(self, tokens: Sequence[_Token], columns: Mapping[str, Values]) -> None:
        self.tokens, self.columns = tokens, columns
        self.at, self.depth = 0, 0

    def either(self) -> np.ndarray:
        found = self.both()
        while self.take("|"):
            found = found | self.both()
        return found

    def both(self) -> np.ndarray:
        found = self.part()
        while self.take("&"):
            found = found & self.part()
        return found

    def part(self) -> np.ndarray:
        inverted = False
        while self.take("~"):
            inverted = not inverted
        if (opened := self.take("(")) is None:
            found = self.comparison()
        else:
            self.depth += 1
            if self.depth > MOST_DEPTH:
                _refuse(opened.place, f"more than {MOST_DEPTH} parentheses in each other")
            found = self.either()
            self.expect(")", "a closing parenthesis")
            self.depth -= 1
        return ~found if inverted else found

    def comparison(self) -> np.ndarray:
        if self.tokens[self.at].meaning.casefold() == CONE and self.tokens[self.at + 1].text == "(":
            return self.cone()
        left = self.value()
        inverted = self.tokens[self.at].meaning == "~" and self.take("~") is not None
        if self.take("in") is not None:
            found = self.among(left)
            return found if not inverted else ~found & self.read(left).known
        if inverted:
            self.expect("in", "in")
        if self.tokens[self.at].kind != "sign":
            return self.truth(left)
        found = np.True_  # type: ignore[assignment]
        while self.tokens[self.at].kind == "sign":
            sign = self.next()
            right = self.value()
            found = found & self.compare(left, sign, right)
            left = right
        return found

    def cone(self) -> np.ndarray:
        opened = self.next()
        self.expect("(", "an opening parenthesis")
        ra = self.number(0, 360)
        self.expect(",", "a comma")
        dec = self.number(-90, 90)
        self.expect(",", "a comma")
        radius = self.number(0, 180)
        self.expect(")", "a closing parenthesis")
        names = (_found(name, self.columns) for name in ("ra", "dec"))
        positions = [None if name is None else self.columns[name] for name in names]
        if not all(isinstance(values, Numbers) for values in positions):
            _refuse(opened.place, "cone needs the columns ra and dec, which these data have not")
        with np.errstate(invalid="ignore"):
            right, up = (values.values for values in positions)  # type: ignore[union-attr]
            return separation(right, up, ra, dec) <= radius

    def number(self, low: float, high: float) -> float:
        token = self.next()
        if token.kind != "number" or not low <= float(token.meaning) <= high:
            found = f"found {one_line(token.text, 40)}" if token.text else "the filter ends"
            _refuse(token.place, f"a number from {low} to {high} degrees is expected, {found}")
        return float(token.meaning)

    def among(self, left: _Token) -> np.ndarray:
        opened = self.next()
        if opened.meaning not in ("[", "("):
            _refuse(opened.place, 'a list is expected after in, such as ["Sa", "Sb"]')
        equal = _Token("sign", "==", opened.place, "==")
        found = self.compare(left, equal, self.value())
        while self.take(","):
            found = found | self.compare(left, equal, self.value())
        self.expect("]" if opened.meaning == "[" else ")", "a comma or the end of the list")
        return found

    def compare(self, left: _Token, sign: _Token, right: _Token) -> np.ndarray:
        if "name" not in (left.kind, right.kind):
            _refuse(left.place, "a comparison needs a column")
        unknown = [token.kind == "text" and not token.meaning for token in (left, right)]
        if any(unknown):
            known = self.read(left if unknown[1] else right).known
            if sign.meaning not in ("==", "=", "!="):
                _refuse(sign.place, '"" stands for unknown and has no order; write == or != ""')
            return known if sign.meaning == "!=" else ~known
        first, second = self.read(left), self.read(right)
        if type(first) is not type(second):
            text, number = (left, right) if isinstance(first, Words) else (right, left)
            _refuse(
                sign.place,
                f"{one_line(text.text, 40)} is text and {one_line(number.text, 40)} is a number; "
                f"compare text with text in quotes",
            )
        known = first.known & second.known
        with np.errstate(invalid="ignore"):
            return np.asarray(_SIGNS[sign.meaning](*_ordered(first, second)) & known)

    def truth(self, token: _Token) -> np.ndarray:
        if token.kind == "name":
            if _found(token.meaning, self.columns) is None:
                return self.members(token)
            values = self.read(token)
            if isinstance(values, Words) and {*map(str.lower, values.words)} <= {"true", "false"}:
                return np.isin(
                    values.codes, [k for k, w in enumerate(values.words) if w.lower() == "true"]
                )
            if isinstance(values, Numbers) and np.isin(values.values[values.known], (0, 1)).all():
                return np.asarray(values.values == 1)
        return _refuse(
            token.place, f"{one_line(token.text, 40)} stands alone; compare it with a value"
        )

    def members(self, token: _Token) -> np.ndarray:
        """Return which galaxies are of the class that a name tells, in any letters."""
        name = _found(CLASS, self.columns)
        if name is not None and isinstance(values := self.columns[name], Words):
            found = [k for k, w in enumerate(values.words) if folded(w) == folded(token.meaning)]
            if found:
                return np.isin(values.codes, found)
        raise NoColumnError(_no_column(token, self.columns))

    def read(self, token: _Token) -> Values:
        if token.kind == "number":
            return Numbers(np.array([float(token.meaning)]))
        if token.kind == "text":
            return Words(np.array([0]), (token.meaning,))
        if (name := _found(token.meaning, self.columns)) is not None:
            return self.columns[name]
        raise NoColumnError(_no_column(token, self.columns))

    def value(self) -> _Token:
        token = self.next()
        if token.kind not in ("name", "number", "text"):
            what = f"found {token.text}" if token.text else "the filter ends"
            _refuse(token.place, f"a column, a number or text in quotes is expected, {what}")
        return token

    def next(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def take(self, meaning: str) -> _Token | None:
        """Take the next token where it is this mark."""
        token = self.tokens[self.at]
        return self.next() if token.kind in ("mark", "end") and token.meaning == meaning else None

    def expect(self, meaning: str, what: str) -> None:
        if self.take(meaning) is None:
            token = self.tokens[self.at]
            found = f"found {one_line(token.text, 40)}" if token.text else "the filter ends"
            _refuse(token.place, f"{what} is expected, {found}")


def _ordered(first: Values, second: Values) -> tuple[np.ndarray, np.ndarray]:
    """Return two columns of one kind as numbers that compare as their values do."""
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        return first.values, second.values
    assert isinstance(first, Words)
    assert isinstance(second, Words)
    places = [_place(first.words, word) for word in second.words]
    return first.codes, np.array([*places, np.nan])[second.codes]


def _place(words: Sequence[str], word: str) -> float:
    """Return where a word is among sorted ones, or half a step before where it would be."""
    place = bisect.bisect_left(words, word)
    return place if place < len(words) and words[place] == word else place - 0.5


def _found(name: str, columns: Iterable[str]) -> str | None:
    names = list(columns)
    if name in names:
        return name
    return next((other for other in names if folded(other) == folded(name)), None)


def _no_column(token: _Token, columns: Mapping[str, Values]) -> str:
    names = list(columns)
    near = difflib.get_close_matches(folded(token.meaning), [*map(folded, names)], 1)
    meant = next((name_in(name) for name in names if near and folded(name) == near[0]), "")
    shown = first_of([one_line(name_in(name), 40) for name in names], MOST_NAMED)
    return (
        f"Position {token.place} of the filter: there is no column "
        f"{one_line(token.text, 40)}{f'; did you mean {one_line(meant, 40)}?' if meant else '.'} "
        f"The columns are {shown}; text stands in quotes."
    )
