"""Columns of a catalogue, joined to galaxies by id or by position on the sky."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from astrojepa.data import DataError
from astrojepa.data.arrow_columns import holds_values, is_binary, to_frame
from astrojepa.data.coordinates import parse_pair, read_unit, to_degrees
from astrojepa.data.dataset import Dataset
from astrojepa.data.hats import hats_files, is_hats
from astrojepa.data.missing import (
    as_numbers,
    doubtful_commas,
    known_numbers,
    known_places,
    without_missing,
)
from astrojepa.data.parquet_footer import count_values
from astrojepa.data.position_parts import is_sign, joined_parts, parts_of
from astrojepa.data.readers.labels import (
    AS_TEXT,
    SEPARATOR_LINE,
    SEPARATORS,
    are_names,
    are_types_of,
    find_column,
    find_name,
    in_points,
    shortened_ids,
    unread_positions,
    unread_redshifts,
    without_row,
)
from astrojepa.data.sky import separation
from astrojepa.wording import one_line

MAX_BYTES = 4 * 1024**3
MAX_VALUES = 2**28  # rows times columns
MAX_COLUMNS = 600  # SDSS has 509
FORMATS = {
    ".csv": "ascii.csv",
    ".tsv": "ascii.tab",
    ".rdb": "ascii.tab",
    ".ecsv": "ascii.ecsv",
    ".fits": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
    # columns between blanks, their names in the last line of comment, as EFIGI's; and many others
    **dict.fromkeys((".txt", ".dat", ".cat", ".tbl", ".mrt"), ""),
}
PACKED = (".gz", ".bz2")  # of FITS
SEPARATION = "separation_arcsec"
ELSEWHERE = 60.0  # arcseconds: no row of the same galaxy
EXACT = 2**53  # up to it floats hold every whole number; ids of 18 digits lie beyond
OWN = ("file", "id", "ra", "dec")  # of every galaxy
ABOUT = "columns"  # of the attributes of a table: unit and description of columns, by name
FRAME = "frame"  # of the attributes of a table: in which positions are, "" for ICRS and J2000
CUT = "cut"  # of the attributes of a table: whether the service that gave it left out rows
UNREAD = "unread"  # of the attributes of a table: columns of several values a row
SAME_FRAME = r"(icrs.*|(eq_)?fk5( J?2000(\.0*)?)?)?"
# in what is said of a column; a year alone may be that of a paper, or of an epoch
OLD_EQUINOX = r"\bB ?1[89]\d\d(\.\d+)?\b|\bFK4\b|\b1950(\.0)?\b|\bequinox[ =:]*1[89]\d\d(\.\d+)?"
HOURS = 24
FIRST_LINES = 20  # that tell how values are separated
MAX_LETTERS = 300  # of a description
# lines that frame a table: +----+, ----+----, |---|---|, and "(2 rows)" of a database below it
RULE = re.compile(r"(?=.*(--|==))[-=+:| \t]+|\(\d+ rows?\)", re.ASCII)
# a line of comment before a further table, of CasJobs and VizieR
FURTHER = re.compile(r"#(Table ?\d|RESOURCE=|Column|Name:|Title:).*")
MAX_YAML = 2**20  # bytes of what astropy says of a Parquet file


@dataclass(frozen=True)
class Match:
    """Which row of a catalogue belongs to each galaxy."""

    by: str  # "id" or "position"
    rows: np.ndarray  # int64 (n,), -1 where there is none
    separation: np.ndarray  # float64 (n,), arcseconds; NaN where there is none, and by id
    crowded: np.ndarray  # bool (n,), whether other rows lie within the radius too; by id never
    read_as: str = ""  # how the positions of the catalogue were understood
    far: int = 0  # matched by id, at another place on the sky

    def __str__(self) -> str:
        found = self.rows >= 0
        text = f"{found.sum():,} of {len(found):,} galaxies matched by {self.by}"
        if self.by == "position" and found.any():
            text += f", median separation {np.median(self.separation[found]):.2f} arcsec"
        if self.far:
            text += (
                f"; {self.far:,} of these rows lie more than {ELSEWHERE:g} arcsec from their "
                "galaxy: check that the ids are the same, or match by position"
            )
        if self.read_as:
            text += f"; {self.read_as}"
        if self.crowded.any():
            text += (
                f"; {self.crowded.sum():,} have several rows within the radius, the nearest counts"
            )
        twice = found.sum() - len(np.unique(self.rows[found]))
        return text + (f"; {twice:,} share a row with another galaxy" if twice else "")


def read_catalogue(path: str | Path) -> pd.DataFrame:
    """Read a table: CSV, TSV, ECSV, FITS, VOTable, Parquet or columns of text (.txt), by the ending
    of its name; or a HATS catalogue, a folder.

    Text columns are str with "" where unknown; numbers are float64 with NaN where unknown. Whole
    numbers without gaps stay int64; those with gaps become text where floats would lose digits, as
    of ids. Positions with a unit are in degrees. Columns of arrays are left out. `attrs["columns"]`
    of the table gives (unit, description) of the columns that have either. Raises
    FileNotFoundError where there is no file, DataError for another format, a damaged file or one of
    more than 4 GB, 600 columns or 268 million values.
    """
    path = Path(path)
    hats, format = is_hats(path), FORMATS.get(_ending(path))
    if not hats and not path.is_file():
        raise FileNotFoundError(f"There is no catalogue {path}; give {', '.join(FORMATS)}.")
    if not hats and format is None:
        raise DataError(
            f"{path.name} is no catalogue that can be read; its name must end in "
            f"{', '.join(FORMATS)}."
        )
    if path.stat().st_size > MAX_BYTES:
        raise DataError(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.1f} GB are "
            "read. Select its columns first."
        )
    try:
        table = _read_parquet(hats_files(path)) if hats else _read(path, str(format))
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} cannot be read as a table in UTF-8 ({error}); save it as such."
        ) from error
    except pd.errors.ParserError as error:
        counts = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if counts is None:
            raise DataError(
                f"{path} cannot be read as a table ({one_line(error, 160)})."
            ) from error
        raise DataError(
            f"{path}: line {counts[2]} has {counts[3]} values for {counts[1]} columns; quote its "
            "separators."
        ) from error
    # astropy and pyarrow raise a dozen kinds for damaged files
    except Exception as error:
        raise DataError(f"{path} cannot be read as a table ({one_line(error, 160)}).") from error
    if table.empty:
        raise DataError(f"{path} has no rows, or no columns of one value a row.")
    return _with_places(table)


def _ending(path: Path) -> str:
    """Return how the name of a table ends, that of a packed FITS file without the packing."""
    name = path.name.lower()
    for packed in PACKED:
        if name.endswith((f".fits{packed}", f".fit{packed}")):
            name = name.removesuffix(packed)
    return Path(name).suffix


def match(data: Dataset, catalogue: pd.DataFrame, *, radius: float = 1.0, by: str = "") -> Match:
    """Find each galaxy's row by "id" or "position"; by default by id where any id agrees.

    `radius` is the largest separation, arcseconds; of several rows the nearest is taken. Raises
    DataError where galaxies or catalogue lack ids or positions, or one id has several rows.

    Examples:
        >>> data = aj.open_dataset("simulated:60")
        >>> catalogue = pd.DataFrame({"id": data.ids[:5], "mass": range(5)})
        >>> str(match(data, catalogue))
        '5 of 60 galaxies matched by id'
    """
    if by not in ("", "id", "position"):
        raise DataError(f"`by` is {by!r}; choose id or position.")
    if not 0 < radius <= 3600:
        raise DataError(f"`radius` is {radius:g} arcsec; it must lie in (0, 3600].")
    if by != "position":
        found = _by_id(data, catalogue, demanded=by == "id")
        if found is not None:
            return dataclasses.replace(found, far=_elsewhere(data, catalogue, found.rows))
        if by == "id":
            raise DataError(
                f"The catalogue has no row for any id of {data.name}, such as {data.ids[0]}; match "
                "by position."
            )
    return _by_position(data, catalogue, radius)


def joined(
    data: Dataset, catalogue: pd.DataFrame, *, radius: float = 1.0, by: str = "", name: str = "cat"
) -> Dataset:
    """Return the galaxies with the catalogue's columns in `table`; a note says what was matched.

    A column that the galaxies have already is called `name`_column. If no galaxy has a redshift,
    the catalogue's are taken; likewise positions. A note says why positions cannot be read. Raises
    as `match`.
    """
    found = match(data, catalogue, radius=radius, by=by)
    there = found.rows >= 0
    if not there.any():
        raise DataError(
            f"No galaxy of {data.name} lies within {radius:g} arcsec of a row; {found.read_as}."
        )
    redshift, ra, dec = data.redshift, data.ra, data.dec
    own: tuple[str, ...] = OWN
    if np.isfinite(redshift).any():
        own = (*OWN, "redshift")
    elif (column := find_column(catalogue, "redshift")) is not None:
        redshift = _of_rows(as_numbers(catalogue[column].astype(str))[0], found.rows)
    notes = [*data.notes, f"Catalogue {name}: {found}."]
    if catalogue.attrs.get(CUT):
        notes.append(f"Catalogue {name}: its service left out rows (OVERFLOW); ask for all.")
    names = [str(column) for column in catalogue.columns]
    doubts = [doubtful_commas(catalogue), not_read(catalogue.attrs.get(UNREAD, ()))]
    doubts += [unread_redshifts(names)] * (not np.isfinite(redshift).any())
    doubts += [unread_positions(names)] * (not np.isfinite(ra).any())
    for doubt in doubts:
        notes += [f"Catalogue {name}: {doubt}"] * bool(doubt)
    placed = all(find_column(catalogue, angle) for angle in ("ra", "dec"))
    if placed and not np.isfinite(ra).any():
        try:
            ra, dec = (_of_rows(angle, found.rows) for angle in positions(catalogue))
            if off := off_sky(catalogue):
                notes.append(f"Catalogue {name}: {off}.")
        except DataError as error:
            notes.append(f"Catalogue {name}: its positions are not read. {error}")
    new: dict[str, Any] = {}
    known, about = catalogue.attrs.get(ABOUT, {}), dict(data.about)
    for column in catalogue.columns:
        values = catalogue[column].to_numpy()[np.where(there, found.rows, 0)]
        if values.dtype.kind in "iu" and (np.abs(values) > EXACT).any():
            values = values.astype(str)
        missing = np.nan if values.dtype.kind in "iuf" else ""
        if not there.all():
            values = np.where(there, values, missing)
        twice = column in data.table or column in new or str(column).lower() in own
        called = f"{name}_{column}" if twice else str(column)
        new[called] = values
        if column in known:
            about[called] = known[column]
    if found.by == "position":
        new[SEPARATION] = found.separation
        about[SEPARATION] = ("arcsec", "distance on the sky from the galaxy")
    base = data.table if len(data.table) else pd.DataFrame(index=range(len(data)))
    table = pd.concat([base, pd.DataFrame(new, index=base.index)], axis=1)
    return dataclasses.replace(
        data, ra=ra, dec=dec, redshift=redshift, table=table, about=about, notes=tuple(notes)
    )


def not_read(columns: Sequence[str]) -> str:
    """Say which columns are not read."""
    names = one_line(", ".join(columns), 100)
    return (
        f"Columns of lists, structs, bytes or complex numbers are not read: {names}."
        if columns
        else ""
    )


def _of_rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(rows >= 0, values[rows], np.nan)


def id_text(ids: pd.Series) -> pd.Series:
    """Return ids as text (NFC), "" where missing; whole numbers read as floats have no point."""
    if ids.dtype.kind == "f" and not (ids.dropna() % 1).any():
        ids = ids.astype("Int64")
    return ids.astype(object).where(ids.notna(), "").astype(str).str.normalize("NFC")


def lost_digits(ids: pd.Series) -> str:
    """Say where ids of a catalogue lost digits."""
    if ids.dtype.kind == "f":
        lost = (ids.abs() > EXACT).any()
    else:
        lost = pd.api.types.is_string_dtype(ids) and shortened_ids(ids)
    return (
        f"The {ids.name} of the catalogue lost digits, as long numbers do in spreadsheets and as "
        "floating-point numbers; write ids as text or whole numbers, or leave them out."
        if lost
        else ""
    )


def _by_id(data: Dataset, catalogue: pd.DataFrame, demanded: bool) -> Match | None:
    column = find_column(catalogue, "id")
    if column is None:
        return None
    if lost := lost_digits(catalogue[column]):
        if not demanded and find_column(catalogue, "ra"):
            return None
        raise DataError(lost)
    ids = pd.Index(id_text(catalogue[column]))
    wanted = np.asarray(data.ids).astype(str)
    known = ids.isin(wanted) & (ids != "")
    if not known.any():
        return None
    if len(twice := ids[known & ids.duplicated()]):
        raise DataError(
            f"The catalogue has several rows of {twice[0]} ({len(twice)} ids or rows more than "
            "once); keep one of each."
        )
    found = pd.Series(np.flatnonzero(known), index=ids[known]).reindex(wanted, fill_value=-1)
    rows = found.to_numpy(dtype=np.int64)
    return Match("id", rows, np.full(len(rows), np.nan), np.zeros(len(rows), dtype=bool))


def _elsewhere(data: Dataset, catalogue: pd.DataFrame, rows: np.ndarray) -> int:
    """Count the rows of the same ids that lie elsewhere, as those of mere row numbers do."""
    try:
        ra, dec = positions(catalogue)
    except (DataError, KeyError):  # no positions, or none that can be read
        return 0
    there = rows >= 0
    apart = separation(ra[rows[there]], dec[rows[there]], data.ra[there], data.dec[there])
    return int((apart * 3600 > ELSEWHERE).sum())  # NaN is unknown


def _by_position(data: Dataset, catalogue: pd.DataFrame, radius: float) -> Match:
    from astropy import units
    from astropy.coordinates import SkyCoord

    if None in [find_column(catalogue, name) for name in ("ra", "dec")]:
        names = list(map(str, catalogue.columns))
        raise DataError(
            f"The catalogue has no id of {data.name}, such as {data.ids[0]}, and no columns ra "
            f"and dec (found: {', '.join(names[:20])}); name its columns id, or ra and dec. "
            f"{unread_positions(names)}".strip()
        )
    ra, dec = positions(catalogue)
    usable = np.flatnonzero(np.isfinite(ra))
    own = np.flatnonzero(np.isfinite(data.ra) & np.isfinite(data.dec))
    if not len(own) or not len(usable):
        who = data.name if not len(own) else "The catalogue"
        off = off_sky(catalogue) if len(own) else ""
        why = f" ({off})" if off else ""
        raise DataError(f"{who} has no positions{why}; give columns ra and dec in degrees.")
    rows = np.full(len(data), -1, dtype=np.int64)
    separation, crowded = np.full(len(data), np.nan), np.zeros(len(data), dtype=bool)
    galaxies = SkyCoord(data.ra[own], data.dec[own], unit=units.deg)
    others = SkyCoord(ra[usable], dec[usable], unit=units.deg)
    index, angle, _ = galaxies.match_to_catalog_sky(others)
    near = angle.arcsec <= radius
    rows[own[near]], separation[own[near]] = usable[index[near]], angle.arcsec[near]
    if len(usable) > 1:
        _, second, _ = galaxies.match_to_catalog_sky(others, nthneighbor=2)
        crowded[own] = second.arcsec <= radius
    return Match("position", rows, separation, crowded, position_form(catalogue))


def position_form(catalogue: pd.DataFrame) -> str:
    """Say how `positions` reads the right ascensions of a table, and which rows it leaves out."""
    column = find_column(catalogue, "ra")
    numbers, wrong = _numbers(catalogue, "ra")
    form = f"{column} read as degrees"
    stated = catalogue.attrs.get(ABOUT, {}).get(column, ("", ""))[0]
    if wrong.any():
        form = f"{column} read as hours, where sexagesimal, as {catalogue[column][wrong].iloc[0]}"
    elif ((numbers < 0) & (numbers >= -180)).any():
        form += ", with 360 added where negative"
    elif len(numbers) > 1 and np.nanmax(numbers, initial=0) <= HOURS and not stated:
        form += f", although none exceeds {HOURS}: give hours a unit, or write them as 12:30:49"
    return "; ".join(filter(None, (form, off_sky(catalogue))))


def off_sky(catalogue: pd.DataFrame) -> str:
    """Say which rows `positions` leaves out because they lie off the sky; "" for none."""
    ra, dec = (_numbers(catalogue, name)[0] for name in ("ra", "dec"))
    off = np.flatnonzero((ra < -180) | (ra > 360) | (np.abs(dec) > 90))
    if not len(off):
        return ""
    return (
        f"rows off the sky left out: {len(off):,}, the first at {ra[off[0]]:g} {dec[off[0]]:g}, "
        "expected degrees in [-180, 360] and [-90, 90]"
    )


def _numbers(catalogue: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as float64 (n,), NaN where missing or no number, and which were no number."""
    column = catalogue[find_column(catalogue, name)]
    if column.dtype.kind in "iuf":
        return known_numbers(column.to_numpy(dtype=np.float64)), np.zeros(len(column), dtype=bool)
    return as_numbers(column.astype(str))


def positions(catalogue: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return ra in [0, 360) and dec of each row, degrees, NaN where unknown or off the sky: ra not
    in [-180, 360], dec not in [-90, 90] (`off_sky`).

    Text may be sexagesimal, hours and degrees; DataError where it is neither that nor a number, and
    where a unit is no angle.
    """
    if frame := catalogue.attrs.get(FRAME):
        raise DataError(
            f"The positions of the catalogue are in {frame}, expected ICRS or J2000; convert them, "
            "or match by id."
        )
    columns = [column for name in ("ra", "dec") if (column := find_column(catalogue, name))]
    if len(columns) < 2:
        raise DataError(
            "The catalogue has no columns ra and dec; rename the columns of the position."
        )
    check_units(catalogue)
    texts = [
        without_missing(catalogue[name].map(str).where(catalogue[name].notna(), "").str.strip())
        for name in columns
    ]
    numbers = [as_numbers(text) for text in texts]
    ra, dec = (values for values, _ in numbers)
    for row in np.flatnonzero(numbers[0][1] | numbers[1][1]):
        try:
            ra[row], dec[row] = parse_pair(*(text.iloc[row] for text in texts))
        except ValueError as error:
            raise DataError(f"Row {row} of the catalogue: {error}") from error
    ra, dec = known_places(ra, dec)
    on_sky = (ra >= -180) & (ra <= 360) & (np.abs(dec) <= 90)
    return np.where(on_sky, ra % 360, np.nan), np.where(on_sky, dec, np.nan)


def _read(path: Path, format: str) -> pd.DataFrame:
    """Read plain columns; sizes are known before values are read where the format tells them."""
    if format == "parquet":
        return _read_parquet([path])
    if format in ("ascii.csv", "ascii.tab"):
        return _read_separated(path, SEPARATORS if format == "ascii.csv" else "\t")
    if format == "fits":
        return _read_fits(path)
    return _read_by_astropy(path, format) if format else _read_columns(path)


def _read_separated(path: Path, separators: str) -> pd.DataFrame:
    """Read separated values under a line of names; lines before it that begin with # are left out,
    but for one that has the names. Below the names VizieR writes units and a rule.
    """
    comments, skipped = "", 0
    said: dict[str, str] = {}  # of columns
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for line in lines:
            framed = line.startswith("+") and RULE.fullmatch(line.strip())  # as +-----+----+
            if not (line.startswith("#") or framed or SEPARATOR_LINE.match(line.encode())):
                break
            if line.startswith("#Column\t"):  # of VizieR
                words = line.rstrip().split("\t")
                said[words[1].strip()] = said_text(words[3]) if len(words) > 3 else ""
            elif line.startswith("#"):
                comments = line
            skipped += 1
        else:
            line = ""
    separator = max(separators, key=line.count)
    first, above = (next(csv.reader([text], delimiter=separator), []) for text in (line, comments))
    # by the last comment, as NumPy writes tables
    named = are_names([name.strip("# ") for name in above], [name.strip() for name in first])
    _check_size(path, 1, len(first))
    names = [name.strip("# ") for name in (above if named else first) if name.strip("# ")]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise DataError(
            f"{path} has two columns of the same name ({one_line(', '.join(twice), 100)}); rename "
            "one."
        )
    given: dict[str, Any] = {
        "names": [name.strip("# ") for name in above] if named else None,
        "header": None if named else "infer",
        "skiprows": skipped,
    }
    plain = {"sep": separator, "dtype": str, "keep_default_na": False, "skipinitialspace": True}
    table = pd.read_csv(path, **plain, **given)
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first columns for an index
        more = table.index.nlevels
        if (table.iloc[:, -more:] != "").any(axis=None):
            raise DataError(
                f"{path} has {more + table.shape[1]} values in its rows and {table.shape[1]} names "
                "of columns; name every column."
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # of what is left out, empty
            table = pd.read_csv(path, **plain, **given, index_col=False)
    _check_size(path, *table.shape)
    table = _without_lines(table, path)
    table = without_row(table, [re.sub(r"^Unnamed: \d+$", "", name) for name in table.columns])
    table.columns = [str(name).strip() for name in table.columns]
    if separator == ";":
        table = in_points(table)
    nameless = [name for name in table if name.startswith("Unnamed: ")]  # so does pandas call them
    table = table.drop(columns=[name for name in nameless if (table[name] == "").all()])
    return _with_units(table, said)


def _without_lines(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave out lines of comment and of the frame among rows; DataError where a further table
    begins.
    """
    first = table.iloc[:, 0].fillna("").str.strip()
    odd = first.str.startswith("#") | first.str.fullmatch(RULE)
    odd.iloc[:1] = True
    further: list[int] = []
    comments: list[int] = []
    rows = table[odd].fillna("").to_numpy().tolist()
    named = any(  # with # before the name of a galaxy
        row[0].startswith("#") and not FURTHER.match(row[0]) and any(row[1:]) for row in rows
    )
    for place, row in zip(np.flatnonzero(odd).tolist(), rows, strict=True):
        words = [word.strip() for word in row]
        known = [word for word in words if word]
        if FURTHER.fullmatch(words[0]):  # above all rows it is a comment of this table
            (further if place > len(comments) else comments).append(place)
        elif words[0].startswith("#") and len(words) > 1 and len(known) == 1 and not named:
            comments.append(place)
        elif place != 1 and any(map(RULE.fullmatch, known)):  # below units it is looked for later
            comments += [place] * all(not w.strip("-=+:|") or RULE.fullmatch(w) for w in known)
    rest = table.drop(index=table.index[further + comments])
    below = rest[rest.index > table.index[further[-1]]] if further else rest[:0]
    if len(below) and len(without_row(below.iloc[:1], list(map(str, table.columns)))):
        raise DataError(
            f"{path} holds several tables (the second begins with {first[further[0]]!r}); keep one."
        )
    return rest.reset_index(drop=True)


def _with_units(table: pd.DataFrame, said: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of text as what they hold, without rows of types and units and a rule
    below the names; `said` describes columns.
    """
    if len(table) > 1 and are_types_of(*table.iloc[:2].fillna("").to_numpy().tolist()):
        table = table.iloc[1:].reset_index(drop=True)
    units: dict[str, str] = {}
    ruled = len(table) > 1 and table.iloc[1].str.fullmatch("-+").all()
    if ruled or _is_of_units(table):
        units = {str(name): said_text(unit) for name, unit in table.iloc[0].items()}
        above = table.iloc[: 2 if ruled else 1].fillna("").to_numpy().tolist()
        table = table.iloc[len(above) :].reset_index(drop=True)
        for row in above:
            table = without_row(table, row)
    about = {str(name): (units.get(str(name), ""), said.get(str(name), "")) for name in table}
    return in_degrees(pd.DataFrame({name: _column(table[name]) for name in table.columns}), about)


def _is_of_units(table: pd.DataFrame) -> bool:
    """Whether the first row is none of a galaxy: no id, and units over columns of numbers."""
    if len(table) < 2:
        return False
    first, name = table.iloc[0].str.strip(), find_column(table, "id")
    below = without_row(table.iloc[1:], first.fillna("").tolist())
    first = first.mask(first.str.fullmatch("-+"), "")  # no unit, as VizieR writes it
    words = first[first != ""]
    if (name and first[name]) or not len(words) or not as_numbers(words)[1].all():
        return False
    if any(read_unit(word) is None for word in words):
        return False
    return not any(as_numbers(below[column])[1].any() for column in words.index)


def _read_by_astropy(path: Path, format: str) -> pd.DataFrame:
    """Read the columns of one value a row of a VOTable, ECSV or other table that astropy knows."""
    from astropy.coordinates import SkyCoord
    from astropy.table import Column, Table
    from astropy.time import Time

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame, cut = "", False
        if format == "votable":
            found, frame, cut = _votable(path)
        else:
            found = Table.read(path, format=format)
        for name in found.colnames:
            place = found[name]
            if isinstance(place, SkyCoord) and place.ndim == 1:
                for angle in ("ra", "dec"):
                    if angle not in found.colnames:
                        found[angle] = Column(getattr(place.icrs, angle).deg, unit="deg")
        kept = [
            name
            for name in found.colnames
            if found[name].ndim == 1 and (isinstance(found[name], Time) or _is_real(found[name]))
        ]
        places = [
            n for n in found.colnames if isinstance(found[n], SkyCoord) and not found[n].ndim > 1
        ]
        unread = [n for n in found.colnames if n not in (*kept, *places)]
        found.keep_columns(kept)
        _check_size(path, len(found), len(found.columns))
        about: dict[str, tuple[str, str]] = {
            name: (said_text(found[name].info.unit), said_text(found[name].info.description))
            for name in found.colnames
        }
        table = in_degrees(_plain(found.to_pandas()), about)
    table.attrs |= {CUT: cut, UNREAD: unread, FRAME: frame}
    return table


def _is_real(column: Any) -> bool:
    return hasattr(column, "dtype") and column.dtype.kind != "c"


def _votable(path: Path) -> tuple[Any, str, bool]:
    """Read the table with positions or ids, else the first, the frame of its positions where that
    is not ICRS, and whether its service left out rows. DataError for what a service says instead.
    """
    from astropy.io import votable

    whole = votable.parse(path)
    tables = list(whole.iter_tables())
    infos = whole.iter_info()
    status = {info.value: info.content for info in infos if info.name == "QUERY_STATUS"}
    if not tables or "ERROR" in status:
        reason = one_line(status.get("ERROR") or "it is empty", MAX_LETTERS)
        raise DataError(f"{path} holds no table ({reason}); fetch it again.")
    names = [[str(field.name) for field in table.fields] for table in tables]
    table = tables[_with_galaxies(names)]
    systems = {system.ID: system for system in whole.iter_coosys()}
    right = find_name([str(field.name) for field in table.fields], "ra")
    refs = [field.ref for field in table.fields if field.name == right]
    system = systems.get(refs[0]) if refs else None
    frame = "" if system is None else f"{system.system} {system.equinox or ''}".strip()
    frame = "" if re.fullmatch(SAME_FRAME, frame, re.IGNORECASE) else frame
    return table.to_table(use_names_over_ids=True), frame, "OVERFLOW" in status


def _with_places(table: pd.DataFrame) -> pd.DataFrame:
    """Add ra and dec where they are given in parts, and keep the equinox that columns tell."""
    names = [str(name) for name in table.columns]
    parts = parts_of(names)
    used = [name for name in (find_name(names, "ra"), find_name(names, "dec")) if name]
    known = table.attrs.setdefault(ABOUT, {})
    said = " ".join(known.get(name, ("", ""))[1] for name in (used or parts.values()))
    if (old := re.search(OLD_EQUINOX, said, re.IGNORECASE)) and "2000" not in said:
        table.attrs[FRAME] = table.attrs.get(FRAME) or old[0]
    if used or not parts:
        return table
    joined = dict(zip(("ra", "dec"), joined_parts(table), strict=True))
    known |= dict.fromkeys(joined, ("deg", f"from {', '.join(parts.values())}"))
    return table.assign(**joined)


def _with_galaxies(tables: Sequence[Sequence[str]]) -> int:
    """Return which of several tables, told by the names of their columns, is of galaxies: the first
    with positions or ids, else the first.
    """
    for place, names in enumerate(tables):
        placed = find_name(names, "ra") and find_name(names, "dec")
        if find_name(names, "id") or placed or parts_of(names):
            return place
    return 0


def _read_parquet(paths: list[Path]) -> pd.DataFrame:
    """Read the columns of one value a row of one file, or of the partitions of a catalogue."""
    import pyarrow as pa
    from pyarrow import parquet

    from astrojepa.data.parquet_file import CheckedParquet

    rows = 0
    for path in paths:
        counts = count_values(path)
        rows += max(counts.values(), default=0)
        _check_size(path, rows, len(counts))
    schema = parquet.read_schema(paths[0])
    kept = [item.name for item in schema if holds_values(item.type) or is_binary(item.type)]
    tables = []
    for path in paths:
        with CheckedParquet(path) as file:
            tables.append(file.read(kept))
    table = pa.concat_tables(tables)
    table.validate(full=True)
    about = said_of_columns(schema)
    found = in_degrees(_plain(to_frame(table)), about)
    found.attrs[UNREAD] = [str(name) for name in schema.names if name not in kept]
    return found


def _read_columns(path: Path) -> pd.DataFrame:
    """Read columns between blanks: under a line of names, or named by the last line that begins
    with # and has as many words. Machine-readable tables of the journals and catalogues of
    SExtractor are read by astropy.
    """
    comments, numbers, start = [], [], ""
    first: list[str] = []
    texts: list[str] = []
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines):
            start = start or line
            if line.lstrip().startswith("#"):
                texts.append(line.strip().lstrip("#"))
                comments.append(texts[-1].split())
                numbers.append(number)
            elif line.strip() and len(first) < FIRST_LINES:
                first.append(line.rstrip("\n"))
    if start.startswith("Title:"):
        return _read_by_astropy(path, "ascii.mrt")
    if comments and all(len(words) > 1 and words[0].isdecimal() for words in comments):
        # astropy makes a column for each number that is left out
        _check_size(path, 1, max(int(words[0].lstrip("0")[:9] or 0) for words in comments))
        return _read_by_astropy(path, "ascii.sextractor")
    plain = [line for line in first if not RULE.fullmatch(line)]
    if start.startswith(("|", "\\")) and not "".join(plain[-1:]).startswith("|"):
        return _read_by_astropy(path, "ascii.ipac")
    if _are_separated(plain, texts):
        return _read_separated(path, SEPARATORS)
    _check_size(path, 1, len(start.split()))
    table = pd.read_csv(
        path, sep=r"\s+", header=None, skiprows=numbers, dtype=str, keep_default_na=False
    )
    _check_size(path, *table.shape)
    if not isinstance(table.index, pd.RangeIndex) or _fewest_values(path) < table.shape[1]:
        raise DataError(
            f"{path} has rows of fewer values than others; write a value for each column, such as "
            "-- for a missing one, or use .csv."
        )
    titles = next((words for words in reversed(comments) if len(words) == table.shape[1]), None)
    if titles is None:
        titles = table.iloc[0].tolist()
        table = table.iloc[1:].reset_index(drop=True)
        if comments and any(re.match(r"[+-]?\.?\d", title) for title in titles):
            raise DataError(
                f"{path} has {table.shape[1]} values in its rows, and no line that begins with # "
                f"has as many names; write one name without blanks for each column."
            )
    if not any(re.search(r"\w", title) for title in titles):
        raise DataError(f"{path} has no names of columns; write them in the line above the rows.")
    table = without_row(table, titles)
    if len(set(titles)) < len(titles):
        raise DataError(f"{path} has two columns of the same name ({', '.join(titles)}).")
    table.columns = titles
    return _with_units(_without_lines(table, path), {})


def _are_separated(lines: Sequence[str], comments: Sequence[str]) -> bool:
    """Whether a mark, as often in each line, divides the values, and not blanks alone: these do
    where a comment without the mark has as many words, as names.
    """
    counts = {mark: {line.count(mark) for line in lines} for mark in SEPARATORS}
    marks = [mark for mark, found in counts.items() if len(found) == 1 and found != {0}]
    words = {len(line.split()) for line in lines}
    named = (not any(mark in c for mark in marks) and {len(c.split())} == words for c in comments)
    return bool(marks) and not any(named)


def _fewest_values(path: Path) -> int:
    """Return the number of values between blanks in the shortest row; pandas fills it up."""
    with path.open(encoding="utf-8", newline="") as lines:
        texts = (line.replace("\t", " ").strip() for line in lines)
        rows = (text for text in texts if text and not text.startswith("#"))
        return min(map(len, csv.reader(rows, delimiter=" ", skipinitialspace=True)), default=0)


def _read_fits(path: Path) -> pd.DataFrame:
    """Read the table of a FITS file with positions or ids, else the first: one value a row."""
    from astropy.io import fits

    from astrojepa.data.images.fits import opened_parts

    with opened_parts(path, str(path), MAX_BYTES) as parts:
        tables = [part for part in parts if isinstance(part, fits.BinTableHDU | fits.TableHDU)]
        tables = [part for part in tables if part.header["NAXIS1"] and part.columns.names]
        if not tables:
            raise DataError(f"{path} holds no table with columns.")
        table = tables[_with_galaxies([part.columns.names for part in tables])]
        if isinstance(table, fits.TableHDU):
            kept = list(table.columns)
            _check_size(path, table.header["NAXIS2"], len(kept))
            columns = _of_text(table)
        else:
            # one value each: others take room that the file does not have, or lie elsewhere in it
            kept = [
                item
                for item in table.columns
                if re.fullmatch(r"1?[LBIJKED]|\d*A", item.format) and "," not in str(item.dim or "")
            ]
            _check_size(path, table.header["NAXIS2"], len(kept))
            columns = {item.name: _native(table.data, item) for item in kept}
        numbers = {name: number for number, name in enumerate(table.columns.names, 1)}
        about: dict[str, tuple[str, str]] = {}
        for item in kept:
            description = table.header.get(f"TCOMM{numbers[item.name]}")
            about[item.name] = said_text(item.unit), said_text(description)
        frame = _fits_frame(table.header)
        unread = [name for name in table.columns.names if name not in columns]
    found = in_degrees(_plain(pd.DataFrame(columns)), about)
    found.attrs |= {UNREAD: unread, FRAME: frame}
    return found


def _of_text(table: Any) -> dict[str, Any]:
    """Return the columns of an ASCII table of FITS: numbers as they are written, those that the
    header calls null, and blanks, unknown (astropy makes them 0).
    """
    width, count = table.header["NAXIS1"], table.header["NAXIS2"]
    raw = table._get_raw_data(width * count, np.uint8, table._data_offset).reshape(count, width)
    columns: dict[str, Any] = {}
    for item in table.columns:
        form = re.fullmatch(r"([AIFED])(\d{1,6})(?:\.\d+)?", item.format)
        kind, first = item.format[:1], item.start - 1
        length = int(form[2]) if form else 0
        if not 0 <= first < first + length <= width:
            raise DataError(f"The column {item.name} lies outside its rows of {width} letters.")
        letters = np.ascontiguousarray(raw[:, first : first + length]).view(f"S{length}")[:, 0]
        text = pd.Series(np.char.decode(letters, "latin-1")).str.strip()
        text = text.mask(text == str(item.null).strip(), "") if item.null else text
        if kind == "A":
            columns[item.name] = text
            continue
        numbers = _column(text.str.upper().str.replace("D", "E").rename(item.name))
        scale, zero = (
            default if given in ("", None) else given
            for given, default in ((item.bscale, 1), (item.bzero, 0))
        )
        scaled = (scale, zero) != (1, 0) and pd.api.types.is_numeric_dtype(numbers.dtype)
        columns[item.name] = numbers * scale + zero if scaled else numbers
    return columns


def _fits_frame(header: Mapping[str, Any]) -> str:
    """Return the frame that a table's header says its positions are in, "" for ICRS and J2000."""
    system = str(header.get("RADESYS", header.get("RADECSYS", ""))).strip()
    equinox = str(header.get("EQUINOX", "")).strip()
    frame = system if system.upper() == "ICRS" else f"{system or 'FK5'} {equinox}".strip()
    return "" if re.fullmatch(SAME_FRAME, frame, re.IGNORECASE) else frame


def said_of_columns(schema: Any) -> dict[str, tuple[str, str]]:
    """Return unit and description of Parquet or Arrow columns, written here or by astropy."""
    notes = {item.name: item.metadata or {} for item in schema}
    about = {
        name: (said_text(said.get(b"unit")), said_text(said.get(b"description")))
        for name, said in notes.items()
    }
    text = (schema.metadata or {}).get(b"table_meta_yaml", b"")
    if 0 < len(text) <= MAX_YAML:
        from astropy.table.meta import get_header_from_yaml

        with contextlib.suppress(Exception):  # a damaged text says nothing
            for said in get_header_from_yaml(text.decode().splitlines())["datatype"]:
                given = said_text(said.get("unit")), said_text(said.get("description"))
                if not any(about.get(str(said["name"]), ("?",))):
                    about[str(said["name"])] = given
    return about


def said_text(value: Any) -> str:
    """Return a unit or a description as text of one line."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
    return one_line(text, MAX_LETTERS)


def _native(values: Any, column: Any) -> Any:
    """Return a column of FITS in this machine's byte order; whole numbers that mean missing are NA
    or, where the file scales them, NaN, and truths that are neither T nor F are NA.
    """
    if column.format[-1] == "L":
        letters = np.asarray(values)[column.name].reshape(-1)
        missing = ~np.isin(letters, (ord("T"), ord("F")))
        return pd.arrays.BooleanArray(letters == ord("T"), missing)
    found = np.asarray(values[column.name]).reshape(len(values))
    found = found.astype(found.dtype.newbyteorder("="))
    null, scale, zero = column.null, column.bscale, column.bzero
    if null in ("", None) or column.format[-1] not in "BIJK":
        return found
    scale, zero = 1 if scale in ("", None) else scale, 0 if zero in ("", None) else zero
    missing = found == null * scale + zero
    if found.dtype.kind == "u" and not missing.any():
        missing = found == null  # astropy writes it so, against the standard
    if not missing.any():
        return found
    if found.dtype.kind == "f":
        return np.where(missing, np.nan, found)
    return pd.arrays.IntegerArray(found, missing)


def in_degrees(table: pd.DataFrame, about: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Convert positions in other units, and keep what is said of the columns."""
    table.attrs[ABOUT] = {name: about[name] for name in table if any(about.get(name, ()))}
    known = table.attrs[ABOUT]
    for name in filter(None, (find_column(table, name) for name in ("ra", "dec"))):
        written, description = known.get(name, ("", ""))
        if not written or not pd.api.types.is_numeric_dtype(table[name].dtype):
            continue
        degrees = to_degrees(table[name].to_numpy(np.float64, na_value=np.nan), written)
        if degrees is not None:
            table[name] = degrees
            known[name] = ("deg", description)
    return table


def check_units(table: pd.DataFrame) -> None:
    """Raise DataError where the position is given as numbers whose unit is no angle."""
    for name in filter(None, (find_column(table, name) for name in ("ra", "dec"))):
        unit = table.attrs.get(ABOUT, {}).get(name, ("", ""))[0]
        if unit not in ("", "deg") and table[name].dtype.kind in "iuf":
            raise DataError(
                f"The unit of {name} is {unit}, expected an angle such as deg; correct the unit, "
                "or rename the column if it holds no position."
            )


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MAX_VALUES or columns > MAX_COLUMNS:
        raise DataError(
            f"{path} has {rows:,} rows of {columns:,} columns; at most {MAX_COLUMNS} columns and "
            f"{MAX_VALUES:,} values are read. Select its columns first."
        )


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Keep text and numbers; bytes are text."""
    kept = {}
    for name in table.columns:
        values = table[name]
        if values.dtype.kind == "O" and values.map(lambda value: isinstance(value, bytes)).any():
            values = values.map(
                lambda value: (
                    value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                )
            )
        if pd.api.types.is_bool_dtype(values.dtype):
            values = values.astype(object).map({True: "true", False: "false"})
        if pd.api.types.is_integer_dtype(values.dtype):
            if (values.dropna() > np.iinfo(np.int64).max).any():
                kept[str(name)] = without_missing(values.astype(str).where(values.notna(), ""))
            elif not values.isna().any():
                kept[str(name)] = values.to_numpy(dtype=np.int64)
            elif (values.abs() > EXACT).any():
                kept[str(name)] = without_missing(values.astype(str).where(values.notna(), ""))
            else:
                kept[str(name)] = known_numbers(values.to_numpy(np.float64, na_value=np.nan))
        elif pd.api.types.is_numeric_dtype(values.dtype):
            kept[str(name)] = known_numbers(values.to_numpy(dtype=np.float64, na_value=np.nan))
        elif not values.map(lambda value: isinstance(value, list | dict | np.ndarray)).any():
            text = values.astype(str).where(values.notna(), "").str.strip()
            kept[str(name)] = text if is_sign(name) else _of_truths(without_missing(text))
    return pd.DataFrame(kept)


def _of_truths(text: pd.Series) -> pd.Series:
    """Return text, truths as true and false in whatever letters they are."""
    lower = text.str.lower()
    return lower if lower.isin(("true", "false", "")).all() else text


def _column(text: pd.Series) -> Any:
    """Return text as numbers if all known ones are; ids of many digits or a leading 0 stay text."""
    if text.str.startswith("=").any():
        text = text.str.replace(AS_TEXT, r"\1", regex=True)
    if is_sign(text.name):
        return text.str.strip()
    known = without_missing(text.str.strip())
    numbers, wrong = as_numbers(known)
    name = known.str.fullmatch(r"[+-]?\d{16,}|0\d+").any()
    if find_name([str(text.name)], "id"):  # 1.10 is another galaxy than 1.1, and 12E3 none of 12000
        name |= not known[known != ""].str.fullmatch(r"[+-]?\d+(\.0)?").all()
    if wrong.any() or name or not (known != "").any():
        return _of_truths(known)
    if (minus := known.str.fullmatch("-0+")).any():  # of a declination, -00 30
        return np.where(minus, -0.0, numbers)
    return numbers.astype(np.int64) if known.str.fullmatch(r"[+-]?\d+").all() else numbers
