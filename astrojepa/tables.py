"""Tables as files: CSV, ECSV, VOTable, FITS and Parquet, told apart by the end of their name.

All but CSV carry units, descriptions and the facts that a table was made from. Text stays text,
so ids keep every digit.
"""

from __future__ import annotations

import importlib
import io
import itertools
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from astrojepa.files import atomic_write, csv_text
from astrojepa.wording import one_line

if TYPE_CHECKING:
    import numpy as np

Facts = Mapping[str, str | int | float | bool]
ESCAPED = r"Letters beyond ASCII are escaped as in Python: \xe9 = e acute"
_CARD = 40  # letters of a fact that stand in a FITS header beside a long keyword
_NAME = 26  # letters of this keyword
HALF_ESCAPE = r"\\(x.?|u.{0,3}|U.{0,7})?$"
_LONGEST = 60  # letters of a column's name in FITS, which holds 68 with a quote counted twice
_RESERVED = {"END", "COMMENT", "HISTORY", "CONTINUE", "HIERARCH", "SIMPLE", "THEAP"}


@dataclass(frozen=True)
class Column:
    """One column: numbers (NaN = unknown) or text ("" = unknown), one per row."""

    name: str
    values: Sequence[Any] | np.ndarray
    description: str
    unit: str = ""  # as the IAU writes it, such as deg
    digits: int = 6  # significant digits of a fraction in CSV; 0 = all
    in_csv: bool = True
    ucd: str = ""  # what it is in the words of the IVOA, by which TOPCAT finds positions

    @property
    def array(self) -> np.ndarray:
        """The values as text, int64 or floats, (n,)."""
        import numpy as np

        values = np.asarray(self.values)
        if values.dtype.kind in "mM":
            return np.where(np.isnat(values), "", values.astype(str))
        if values.dtype == object:
            given = [None if value is None or value != value else value for value in values]
            words = any(isinstance(value, str) or _is_long(value) for value in given)
            missing = "" if words else np.nan
            values = np.array([missing if value is None else value for value in given])
        if values.dtype.kind in "fU":
            return values
        if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max:
            return values.astype(str)
        return values.astype(np.int64) if values.dtype.kind in "iub" else values.astype(str)

    def cells(self) -> list[Any]:
        """The values as CSV holds them."""
        values, digits = getattr(self.values, "tolist", lambda: self.values)(), self.digits
        return [
            float(f"{value:.{digits}g}") if digits and isinstance(value, float) else value
            for value in values
        ]


def _is_long(value: Any) -> bool:
    """Whether a whole number would lose digits as the float that stands beside missing ones."""
    return isinstance(value, Integral) and abs(int(value)) > 2**53


def write_table(path: str | Path, columns: Sequence[Column], facts: Facts) -> None:
    """Write columns of equal length, atomically, in the format that the name of the file asks for.

    `facts` say what the table was made from. CSV holds the columns alone, and only those that are
    `in_csv`. Raises ValueError for another ending, a package that is missing, and text that the
    format cannot hold.
    """
    path = Path(path)
    write = _writer(path)
    with atomic_write(path) as stream:
        write(stream, columns, facts)


def table_bytes(ending: str, columns: Sequence[Column], facts: Facts) -> bytes:
    """Return what `write_table` writes into a file that ends so, such as .fits."""
    stream = io.BytesIO()
    _writer(Path(f"table{ending}"))(stream, columns, facts)
    return stream.getvalue()


def check_table(path: Path, argument: str, *others: str) -> None:
    """Raise ValueError unless `path` ends as a writable table does, or in one of `others`."""
    ending = path.suffix.lower()
    if ending not in (*WRITERS, *others):
        *most, last = (*WRITERS, *others)
        raise ValueError(
            f"{argument} is {path.name}; name a file that ends in {', '.join(most)} or {last}."
        )
    if ending not in others:
        _writer(path)


def _writer(path: Path) -> Callable[[BinaryIO, Sequence[Column], Facts], None]:
    if (found := WRITERS.get(path.suffix.lower())) is None:
        raise ValueError(f"{path.name} is no table; choose one of {', '.join(WRITERS)}.")
    package, write = found
    try:
        if package:
            importlib.import_module(package)
    except ImportError as error:
        raise ValueError(
            f"{path.name} needs the package {package}: pip install {package}, or name a file that "
            f"ends in .csv."
        ) from error
    return write


def _csv(stream: BinaryIO, columns: Sequence[Column], facts: Facts) -> None:
    shown = [column for column in columns if column.in_csv]
    rows = zip(*(column.cells() for column in shown), strict=True)
    stream.write(csv_text([column.name for column in shown], rows).encode())


def _astropy_table(columns: Sequence[Column], facts: Facts, masked: bool = True) -> Any:
    from astropy.table import MaskedColumn, Table

    table = Table(meta=dict(facts))
    for column in columns:
        values = column.array
        missing = values == "" if masked and values.dtype.kind == "U" else False
        about = {"unit": column.unit or None, "description": column.description}
        table[column.name] = MaskedColumn(values, mask=missing, name=column.name, **about)
    return table if masked else table.filled()


def _ecsv(stream: BinaryIO, columns: Sequence[Column], facts: Facts) -> None:
    text = io.StringIO()
    _astropy_table(columns, facts).write(text, format="ascii.ecsv")
    stream.write(text.getvalue().encode())


def _votable(stream: BinaryIO, columns: Sequence[Column], facts: Facts) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info
    from astropy.utils.exceptions import AstropyWarning

    if (text := _first(columns, lambda text: not text.isprintable())) is not None:
        raise ValueError(
            f"{one_line(text, 60)!r} holds letters that cannot be printed, which a VOTable cannot "
            f"hold; name a file that ends in .ecsv or .parquet."
        )
    # that identifiers are made from names such as "p Sa", and of units that the IAU does not know
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        written = [_with_written_unit(column, "vounit") for column in columns]
        found = from_table(_astropy_table(written, {}))
        names = set(facts)
        for name, value in facts.items():
            called = _identifier(name, names)
            fact = Info(name=called, value=one_line(value))
            fact.ID = None  # else astropy takes the name, which a column may have as well
            fact.content = None if called == name else one_line(name)
            found.resources[0].infos.append(fact)
        taken = {column.name for column in columns}
        fields = found.resources[0].tables[0].fields
        for field, column in zip(fields, columns, strict=True):
            field.ucd, field.ID = column.ucd or None, _identifier(column.name, taken)
        found.to_xml(stream)


def _identifier(name: str, taken: set[str]) -> str:
    """Return a name where XML takes it for an identifier, else one like it that is not `taken`,
    and takes it.
    """
    plain = re.sub("[^A-Za-z0-9_.-]", "_", name)
    plain = plain if re.match("[A-Za-z_]", plain) else f"_{plain}"
    if plain != name:
        tails = itertools.chain([""], (f"_{number}" for number in itertools.count(2)))
        plain = next(plain + tail for tail in tails if plain + tail not in taken)
        taken.add(plain)
    return plain


def _with_written_unit(column: Column, standard: str) -> Column:
    """Return a column on one line whose unit can be written, in a VOTable one that astropy knows;
    any other is told in the description.
    """
    from astropy.units import Unit, UnitScaleError, UnrecognizedUnit

    said, text = one_line(column.description, 2**20), column.unit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unit = Unit(text, parse_strict="silent")
            text = unit.to_string(standard)
        written = standard == "fits" or not isinstance(unit, UnrecognizedUnit)
    except (UnitScaleError, ArithmeticError, TypeError):  # 1e999, -1, sqrt(-1)
        written = False
    except ValueError:  # no word of the standard, but one of astropy, and written as it stands
        written = True
    if written and (standard != "fits" or (text.isascii() and text.isprintable())):
        return replace(column, description=said)
    return replace(column, unit="", description=f"{said} (unit: {one_line(column.unit)})")


def _fits(stream: BinaryIO, columns: Sequence[Column], facts: Facts) -> None:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    written = [_in_ascii(_with_written_unit(column, "fits")) for column in columns]
    # names that only capitals tell apart are one in FITS
    taken = {column.name.casefold() for column in written}
    plain: list[Column] = []
    seen: set[str] = set()
    for number, column in enumerate(written, 1):
        name = column.name
        if name.casefold() in seen:
            tries = (f"{column.name}_{tail}" for tail in itertools.count(number))
            name = next(made for made in tries if made.casefold() not in taken)
            taken.add(name.casefold())
        seen.add(column.name.casefold())
        plain.append(replace(column, name=name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # units are written all the same
        made = fits.table_to_hdu(_astropy_table(plain, {}, masked=False))
    for number, column in enumerate(plain, 1):
        if column.unit:
            made.header.setdefault(f"TUNIT{number}", column.unit)
        if column.ucd:
            made.header[f"TUCD{number}"] = column.ucd
        made.header[f"TCOMM{number}"] = _escaped(column.description)
    if _first(columns, lambda text: not text.isascii()) is not None:
        made.header["COMMENT"] = ESCAPED
    for name, value in facts.items():
        text, keyword = _escaped(one_line(value)), _keyword(name, made.header)
        short = len(keyword) <= 8
        number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        made.header[keyword if short else f"HIERARCH {keyword}"] = (
            value if number else text if short else _cut(text, _CARD)
        )
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), made]).writeto(content)
    stream.write(content.getvalue())


def _keyword(name: str, header: Any) -> str:
    """Return a fact's keyword in a FITS header, which is none of the table or of another fact."""
    plain = re.sub("[^A-Z0-9_-]", "_", name.upper())[:_NAME] or "_"
    tails = itertools.chain([""], (f"_{number}" for number in itertools.count(2)))
    others = (f"FACT_{plain}"[: _NAME - len(tail)] + tail for tail in tails)
    tries = itertools.chain([plain], others)
    return next(made for made in tries if made not in header and made not in _RESERVED)


def _escaped(text: str) -> str:
    r"""Write letters beyond ASCII as Python escapes them: "é" becomes "\xe9"."""
    return text.encode("ascii", "backslashreplace").decode()


def _cut(text: str, length: int) -> str:
    """Cut text, and not in the middle of an escaped letter."""
    return text if len(text) <= length else re.sub(HALF_ESCAPE, "", text[:length])


def _in_ascii(column: Column) -> Column:
    import numpy as np

    values = column.array
    if values.dtype.kind == "U":
        values = np.array([_escaped(text) for text in values.tolist()], dtype=str)
    whole = _escaped(one_line(column.name, 2**20)).rstrip()  # blanks behind a name are not kept
    name = whole[:_LONGEST]
    name = _cut(whole, len(name) - max(0, len(name) + name.count("'") - _LONGEST))
    said = column.description if name == whole else f"{column.description} (column {whole})"
    return replace(column, name=name, values=values, description=said)


def _first(columns: Sequence[Column], test: Callable[[str], bool]) -> str | None:
    """Return the first name or text of which `test` is true."""
    for column in columns:
        values = column.array
        for text in (column.name, *(values.tolist() if values.dtype.kind == "U" else ())):
            if test(text):
                return str(text)
    return None


def _parquet(stream: BinaryIO, columns: Sequence[Column], facts: Facts) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    arrays, fields = [], []
    for column in columns:
        values = column.array
        if values.dtype.kind == "U":
            array = pa.array([text or None for text in values.tolist()], pa.string())
        else:
            array = pa.array(values, from_pandas=True)  # NaN becomes null
        notes = {"description": column.description} | ({"unit": column.unit} if column.unit else {})
        fields.append(pa.field(column.name, array.type, metadata=notes))
        arrays.append(array)
    about = {name: str(value) for name, value in facts.items()}
    parquet.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields, about)), stream)


# by the end of the name: the package that it needs, and what writes it
WRITERS: dict[str, tuple[str, Callable[[BinaryIO, Sequence[Column], Facts], None]]] = {
    ".csv": ("", _csv),
    ".ecsv": ("astropy", _ecsv),
    ".vot": ("astropy", _votable),
    ".xml": ("astropy", _votable),
    ".fits": ("astropy", _fits),
    ".parquet": ("pyarrow", _parquet),
}
