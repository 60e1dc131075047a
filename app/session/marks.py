"""Marks from 0 to 5 and the file that carries them. Pure functions."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa import files
from astrojepa.tables import Column, table_bytes
from astrojepa.wording import counted, galaxies, one_line

from . import export

HIGHEST = 5
MAX_BYTES = 2_000_000
_NAMED = 3  # missing ids that are named, the others are counted

# (row, mark before) of everything that one key or one file changed
Step = tuple[tuple[int, int | None], ...]


@dataclass(frozen=True)
class Review:
    """The state of a review: marks, path of galaxies seen, and undo steps."""

    marks: Mapping[int, int] = field(default_factory=dict)  # row -> 0 ... 5
    path: tuple[int, ...] = ()  # rows in the order in which they were shown
    # place on the path of the one shown; its length: the next one is still to be chosen
    at: int = 0
    steps: tuple[Step, ...] = ()

    @property
    def shown(self) -> int | None:
        """The row that is looked at."""
        return self.path[self.at] if self.at < len(self.path) else None


def arrive(review: Review, order: Sequence[int]) -> Review:
    """Go to the first galaxy of `order` that is neither marked nor seen."""
    if review.shown is not None:
        return review
    seen = set(review.path)
    following = next(
        (int(row) for row in order if int(row) not in seen and int(row) not in review.marks), None
    )
    if following is None:
        return review
    return replace(review, path=(*review.path, following), at=len(review.path))


def mark(review: Review, row: int, value: int) -> Review:
    """Mark a galaxy, and move on if it is the one shown; nothing changes for a mark outside 0 to 5,
    and nothing is to be undone for one that was given already.
    """
    if not 0 <= value <= HIGHEST:
        return review
    if review.marks.get(row) != value:
        review = _give(review, {row: value})
    return forward(review) if row == review.shown else review


def add(review: Review, marks: Mapping[int, int]) -> Review:
    """Take over marks, which win over those given before: one step to undo."""
    return _give(review, marks) if marks else review


def resume(review: Review, kept: Mapping[int, int]) -> Review:
    """Put marks that were kept from before beside those given, which win; where the galaxy shown
    turns out to be marked, go on to one that is not.
    """
    both = replace(review, marks={**kept, **review.marks})
    return restart(both) if review.shown in kept.keys() - review.marks.keys() else both


def undo(review: Review) -> Review:
    """Take the last step back; one galaxy's mark: look at it again."""
    if not review.steps:
        return review
    step = review.steps[-1]
    marks = dict(review.marks)
    for row, before in step:
        if before is None:
            marks.pop(row, None)
        else:
            marks[row] = before
    restored = replace(review, marks=marks, steps=review.steps[:-1])
    return visit(restored, step[0][0]) if len(step) == 1 else restored


def forward(review: Review) -> Review:
    """Go to the next galaxy on the path, or beyond its end, where `arrive` chooses."""
    return replace(review, at=min(review.at + 1, len(review.path)))


def back(review: Review) -> Review:
    """Go to the galaxy before."""
    return replace(review, at=max(0, review.at - 1))


def visit(review: Review, row: int) -> Review:
    """Look at a galaxy: where it stands on the path, or put in after the one shown."""
    if row in review.path:
        return replace(review, at=review.path.index(row))
    at = min(review.at + 1, len(review.path))
    return replace(review, path=(*review.path[:at], row, *review.path[at:]), at=at)


def restart(review: Review) -> Review:
    """Forget which galaxies were looked at, and keep the marks."""
    return replace(review, path=(), at=0)


def renumbered(review: Review, rows: Sequence[int]) -> Review:
    """Replace row i by rows[i] everywhere."""
    steps = tuple(tuple((rows[row], before) for row, before in step) for step in review.steps)
    return replace(
        review,
        marks={rows[row]: value for row, value in review.marks.items()},
        path=tuple(rows[row] for row in review.path),
        steps=steps,
    )


def _give(review: Review, marks: Mapping[int, int]) -> Review:
    step = tuple((row, review.marks.get(row)) for row in marks)
    return replace(review, marks={**review.marks, **marks}, steps=(*review.steps, step))


def marks_file(ending: str, marks: Mapping[int, int], data: Any, facts: Mapping[str, Any]) -> bytes:
    """Write marks as a table of this format, highest first; `facts` name model and model_hash."""
    if ending == ".csv":
        digest = facts.get("data_fingerprint", data.fingerprint)
        return write_csv(marks, data, facts["model"], facts["model_hash"], digest).encode()
    rows = np.array(_ordered(marks), dtype=np.int64)
    mark = Column(
        "mark", [marks[row] for row in rows.tolist()], "0 = ordinary, 5 = most interesting"
    )
    columns = [*export.identity_columns(data, rows), mark]
    return table_bytes(ending, columns, {**export.provenance(data), **facts})


def write_csv(
    marks: Mapping[int, int], data: Any, model: str, model_hash: str, data_hash: str = ""
) -> str:
    """Write marks as CSV, highest first, with id, class and position of each galaxy, model and
    data, by its own hash unless another is given; formulas are escaped.
    """
    ordered = _ordered(marks)
    known = export.identity(data, ordered)
    columns: dict[str, list[object]] = {"id": known.pop("id")}
    columns["mark"] = [marks[row] for row in ordered]
    about = {
        "model": model,
        "model_hash": model_hash,
        "data": data.name,
        "data_hash": data_hash or data.fingerprint,
    }
    columns |= known | {name: [text] * len(ordered) for name, text in about.items()}
    return files.csv_text(list(columns), zip(*columns.values(), strict=True))


def _ordered(marks: Mapping[int, int]) -> list[int]:
    return sorted(marks, key=lambda row: (-marks[row], row))


@dataclass(frozen=True)
class Imported:
    """What a file of marks held."""

    marks: dict[int, int]  # row here -> mark
    missing: tuple[str, ...] = ()  # ids that are not in the data
    data_hash: str = ""  # of the data they were given on, empty where the file does not say

    def sentence(self, data_hash: str) -> str:
        """Say what was taken over, and what was not."""
        parts = [f"{counted(len(self.marks), 'mark')} imported."]
        if self.missing:
            named = ", ".join(
                name if len(name) <= 40 else f"{name[:40]}…" for name in self.missing[:_NAMED]
            )
            more = f" and {len(self.missing) - _NAMED:,} more" if len(self.missing) > _NAMED else ""
            parts.append(f"{galaxies(len(self.missing))} not in these data: {named}{more}.")
        if self.data_hash and self.data_hash != data_hash:
            parts.append(
                f"They come from other data ({self.data_hash[:8]}, here {data_hash[:8]}) and were "
                "matched by id."
            )
        return " ".join(parts)


def read_marks(
    name: str, content: bytes, ids: Sequence[object] | Callable[[set[str]], Mapping[str, int]]
) -> Imported:
    """Read a file of marks with columns id and mark, of any format of an export, told by its name;
    later lines win. `ids`: those of all galaxies, or what gives the rows of those that are there.

    Raises ValueError with one sentence for a file that is too large, cannot be read, lacks the
    columns, or holds something that is no mark.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"The file has {len(content) / 1e6:.1f} MB; marks may have at most "
            f"{MAX_BYTES / 1e6:.0f} MB."
        )
    ending = Path(name).suffix.lower()
    lines = _lines_of_csv(content) if ending == ".csv" else _lines_of_table(content, ending)
    if callable(ids):
        rows = ids({name for line in lines for name in _names(line)})
    else:
        rows = {str(name): row for row, name in reversed(list(enumerate(ids)))}
    return _match(lines, rows)


def _lines_of_table(content: bytes, ending: str) -> list[dict[str, str | None]]:
    from astrojepa.data.catalogue import id_text, read_catalogue

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"marks{ending}")
        path.write_bytes(content)
        try:
            table = read_catalogue(path)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "The file")) from None
    _check_columns(list(map(str, table.columns)))
    return [
        {"id": name, "mark": mark}
        for name, mark in zip(id_text(table["id"]), id_text(table["mark"]), strict=True)
    ]


def _lines_of_csv(content: bytes) -> list[dict[str, str | None]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("The file is not UTF-8 text; use a CSV file as exported here.") from None
    first = text.partition("\n")[0]
    lines = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in first and "," not in first else ","
    )
    try:
        found = list(lines)
    except csv.Error as error:
        raise ValueError(
            f"The file cannot be read as CSV ({error}); use one as exported here."
        ) from None
    _check_columns([name or "" for name in lines.fieldnames or []])
    return found


def _check_columns(columns: list[str]) -> None:
    if not {"id", "mark"} <= set(columns):
        have = one_line(", ".join(columns[:6]), 160) or "none"
        raise ValueError(
            f"The file needs the columns id and mark (found: {have}); use one as exported here."
        )


def _names(line: dict[str, str | None]) -> tuple[str, ...]:
    """Return what a galaxy may be called, most likely first: its id, without the apostrophe that
    the export put before it, and the text of an id that a spreadsheet has rounded.
    """
    name = line["id"] or ""
    plain = name[1:] if name.startswith("'") and files.safe_cell(name[1:]) == name else name
    return name, plain, export.id_of((line.get("id_text") or "").strip())


def _match(lines: list[dict[str, str | None]], rows: Mapping[str, int]) -> Imported:
    marks: dict[int, int] = {}
    missing: dict[str, None] = {}
    hashes: set[str] = set()
    for number, line in zip(itertools.count(2), lines, strict=False):
        written = (line["mark"] or "").strip()
        if not written:
            continue
        value = _read_mark(written)
        if value is None:
            raise ValueError(
                f"Line {number} has the mark {written[:20]!r}; marks are integers from 0 to "
                f"{HIGHEST}."
            )
        names = _names(line)
        row = next((rows[name] for name in names if name in rows), None)
        if row is None:
            missing[names[1]] = None
        else:
            marks[row] = value
        hashes.add((line.get("data_hash") or "").strip())
    if not marks and not missing:
        raise ValueError("The file holds no marks; mark a galaxy and export again.")
    return Imported(marks, tuple(missing), hashes.pop() if len(hashes) == 1 else "")


def _read_mark(text: str) -> int | None:
    whole = text.removesuffix(".0")
    if whole.isascii() and whole.isdecimal() and len(whole) == 1 and int(whole) <= HIGHEST:
        return int(whole)
    return None
