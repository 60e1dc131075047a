"""labels.csv of an image folder: rows, classes, coordinates; and what replaces it."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from astrojepa.data import DataError
from astrojepa.data.coordinates import parse_pair
from astrojepa.data.images.bands import wavelength
from astrojepa.data.images.called import beside_others
from astrojepa.data.missing import BLANKS, SIGN, as_numbers, known_places, without_missing
from astrojepa.data.position_parts import is_sign, joined_parts, parts_of
from astrojepa.wording import one_line

MAX_CSV_BYTES = 256 * 1024 * 1024
MAX_COLUMNS = 512
MAX_LEVELS = 8  # of folders, looked at for split and classes
MAX_VALUES = 2**25  # rows times columns, 60 bytes each
# rows times the longest value: in an array of text, every value takes the room of the longest
MAX_LETTERS = 2**28
TABLES = ("labels.csv", "labels.tsv")
SEPARATORS = ",;\t|"
COLOURS = ("red", "green", "blue")  # of galaxies too
UNLABELLED = ("", "unlabeled", "unlabelled")
LABEL_COLUMNS = ("label", "morphology", "class")
# What other catalogues call a column; a column of the plain name comes first
NAMES = {
    "file": ("filename", "file_name", "filepath", "path", "image", "image_file"),
    "id": (
        *("objid", "object_id", "objectid", "source_id", "galaxy_id", "galaxyid", "iauname"),
        *("id_str", "targetid", "subject_id", "dr8objid", "dr7objid"),  # of Galaxy Zoo and DESI
    ),
    "label": ("labels",),
    "class": ("classname", "class_name", "class_label"),
    "ra": (
        *("raj2000", "_raj2000", "ra_j2000", "ra_icrs", "ra_deg", "radeg", "alpha_j2000"),
        *("rightascension", "right_ascension", "right ascension", "target_ra", "ra_target"),
        *("alphawin_j2000", "ramean", "rastack", "s_ra", "objra"),
    ),
    "dec": (
        *("dej2000", "_dej2000", "decj2000", "dec_j2000", "de_icrs", "dec_icrs", "dec_deg"),
        *("decdeg", "dedeg", "delta_j2000", "declination", "target_dec", "dec_target"),
        *("deltawin_j2000", "decmean", "decstack", "s_dec", "objdec"),
    ),
    "redshift": ("zspec", "z_spec", "specz", "spec_z"),
    "split": ("subset", "partition"),
}
SPLITS = {
    f"{before}{word}{rest}": split
    for split, words in (
        ("train", ("train", "training")),
        ("val", ("val", "valid", "validation", "dev")),
        ("test", ("test", "testing")),
    )
    for word in words
    for before, rest in (
        *(("", rest) for rest in ("", "_set", "-set", " set", "set", "_images", "_data")),
        *(("images_", rest) for rest in ("", "_rev1")),  # of Kaggle's galaxies
    )
}
SYSTEM = ("lost+found", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information")
IN_DEGREES = re.compile(r"\s*[(\[]\s*(deg|degrees?|\N{DEGREE SIGN})\s*[)\]]$", re.IGNORECASE)
POSITION = re.compile(
    r"(ra|dec|decl|right ?ascension|declination)([^a-z]|$|j?2000)|(ra|de|dec)(h|hr|d|m|min|s|sec)$"
    r"|r\.a\.|(?!(e|err|error|pm|sig|sigma)[^a-z]).+[^a-z](ra|dec)$|ifu(ra|dec)$|[xy]_?world$"
    r"|(alpha|delta)([^a-z]|$)|(lon|lat)(gitude|itude)?$",
    re.IGNORECASE,
)
REDSHIFT = re.compile(
    r"(?!(e|n|q|f)_|.*(err|unc(?!o)|sig|std|flag|qual|warn|type|method)).*red-?shift.*|z|(nsa|sdss|gama|desi)_z|z_?(best|phot|photo|sp|cmb|helio)|photo?_?z"
)
CLASS = re.compile(
    r"(gal(axy)?|obj(ect)?|morph(ological|ology)?|hubble|visual|gz2?)?[ _-]?"
    r"(sub)?(type|class|category|kind|stage|target|t_?type)([ _-]?(name|label))?",
    re.IGNORECASE,
)
BRIGHTNESS = re.compile(
    r".*((?<!i)mag|flux|psf|petro|model|kron|aper|fiber).*_[ugri]"
    r"|[ugri]_?(mag|flux|psf|petro|kron)s?(_.*)?"
)
BOTH = re.compile(r"(sky)?_?coord(inate)?s?|ra_?dec|position", re.IGNORECASE)  # in one column
# of B1950, and galactic; l and b beside each other as well
OTHER_FRAME = re.compile(r"_?(ra|dec?)[ _(]*b?1950\)?$|_?g(al)?_?(lon|lat)$", re.IGNORECASE)
HIGHEST_REDSHIFT = 20  # of what has been seen, and more
LEAST_POSITIONS = 20  # that tell degrees from hours and radians
AS_TEXT = re.compile(r'^="([^"]*)"$')  # as spreadsheets are told to leave digits as they are
ODD = re.compile("[\ud800-\udfff]")  # bytes of a name that are no letters
# An id that passed through a spreadsheet: of more digits than were written
SHORTENED = re.compile(r"-?\d\.\d+[eE]\+?\d{2,}|-?\d[eE]\+\d{2,}|-?\d{16,}\.0*")
ROUNDED = re.compile(r"\d{15}0+")
# where several rows have it
NO_IDS = ("0", "0.0", "-1", "-1.0", "none", "na", "unknown", "unnamed", "anonymous", "masked")
# a line below the names that tells the type of each column, as RDB and programs write it
RDB = re.compile(r"\d*[SNM]")
TYPES = re.compile(
    r"((big|small|tiny|unsigned)?(int(eger)?|short|byte)|long|float|double)(\d+|\(\d+\))?"
    r"|real|bool(ean)?|str(ing)?|object|text|(unicode)?n?(var)?char(\(\d+\))?",
    re.IGNORECASE,
)
OF_NUMBERS = re.compile(r" *\d*N *|.*(int|short|byte|long|float|double|real).*", re.IGNORECASE)
SEPARATOR_LINE = re.compile(rb'"?sep=.[^\n]*\r?\n')  # of Excel, before the names


def find_column(table: pd.DataFrame, name: str) -> str | None:
    """Return the column of this name, else in other letters, else of a name that means it."""
    return find_name([str(column) for column in table.columns], name)


def find_name(columns: Sequence[str], name: str) -> str | None:
    """`find_column` among the names of columns."""
    if name in columns:
        return name
    lower: dict[str, str] = {}
    for plain in (_underscored, lambda column: IN_DEGREES.sub("", column).lower(), str.lower):
        lower |= {plain(column): column for column in reversed(columns)}
    return next((lower[known] for known in (name, *NAMES.get(name, ())) if known in lower), None)


def _means(column: str, *names: str) -> bool:
    """Whether a column is of one of these names, or of one that means it."""
    return any(_underscored(column) in (name, *NAMES[name]) for name in names)


def _underscored(column: str) -> str:
    """Return the name of a column without its unit, as programs write "Object ID"."""
    return re.sub(r"[\s_]+", "_", IN_DEGREES.sub("", column).strip().lower())


def find_table(root: Path) -> Path | None:
    """Return the table of a folder: labels.csv or labels.tsv, in any letters."""
    with os.scandir(root) as items:
        names = [item.name for item in items if item.name.lower() in TABLES and item.is_file()]
    return root / min(names, key=lambda name: (name != TABLES[0], name)) if names else None


def named_column(columns: Sequence[str], name: str) -> str | None:
    """Return the column that a user names: of this name, else in other letters; None where there is
    none, or several.

    >>> named_column(["ID", "Redshift"], "redshift"), named_column(["z", "Z"], "z")
    ('Redshift', 'z')
    """
    if name in columns:
        return name
    found = [column for column in columns if str(column).casefold() == name.casefold()]
    return found[0] if len(found) == 1 else None


def read_labels(root: Path, given: Path) -> tuple[pd.DataFrame, bytes] | None:
    """Read the table of a folder: text with a column `file`, and the raw bytes; None where the
    folder has none. Values are separated by commas, semicolons, tabs or bars; missing ones become
    "". Whole paths begin with the folder, or with the path that was `given` for it.
    """
    path = find_table(root)
    if path is None:
        return None
    if path.stat().st_size > MAX_CSV_BYTES:
        raise DataError(
            f"{path} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_CSV_BYTES // 1_000_000} "
            f"MB are read."
        )
    raw = path.read_bytes()
    table = _parse(raw, path)
    column = find_column(table, "file")
    if column is None:
        raise DataError(
            f"{path} has no column 'file' (found: {', '.join(table.columns)}); it names each row's "
            f"picture."
        )
    if table.empty:
        raise DataError(f"{path} has a header and no rows; add one row per image.")
    if (table[column] == "").any():
        raise DataError(
            f"{path}: {int((table[column] == '').sum())} rows have an empty 'file'; name each "
            f"row's image."
        )
    names = [_plain(name).removeprefix(f"{root}/") for name in table[column]]
    plain = {"file": [name.removeprefix(f"{given}/") for name in names]}
    known = {
        name: table[name] if is_sign(name) else without_missing(table[name])
        for name in table.columns
        if name not in ("file", column)
    }
    order, found = dict.fromkeys(("file", *table.columns)), plain | known
    columns = {name: found.get(name, table[column]) for name in order}
    return pd.DataFrame(columns, dtype=str), raw


def _plain(name: str) -> str:
    """Write a path as others that lead to the same file."""
    name = name.replace("\\", "/")
    return posixpath.normpath(name) if "./" in name or "//" in name else name


def _parse(raw: bytes, path: Path) -> pd.DataFrame:
    """Read separated text: blanks around values go, short rows are filled, long ones an error."""
    try:
        rows = _rows(raw, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} is not a table of separated values in UTF-8 ({error}); save it as such."
        ) from error
    header = rows[0] if rows else []
    while (
        header
        and not header[-1]
        and not any(row[len(header) - 1 :] != [""] for row in rows[1:] if len(row) >= len(header))
    ):
        header = header[:-1]
        rows = [row[: len(header)] for row in rows]
    header = [name or f"Unnamed: {place}" for place, name in enumerate(header)]  # as pandas does
    if len(set(header)) < len(header):
        raise DataError(
            f"{path} has two columns of the same name (found: {', '.join(header)}); rename one."
        )
    names, rows = rows[0] if rows else [], rows[1:]
    for row in rows:
        if len(row) > len(header):
            raise DataError(
                f"{path}: the row of {row[0]!r} has {len(row)} values for {len(header)} columns; "
                "quote its separators."
            )
        row += [""] * (len(header) - len(row))
    rows = rows[1:] if rows and are_types(rows[0]) else rows
    table = without_row(pd.DataFrame(rows, columns=header, dtype=str), names)
    if _separator(_without_comments(raw)) == ";":
        table = in_points(table)
    return table


def _rows(raw: bytes, path: Path) -> list[list[str]]:
    """Split text into rows of values without empty lines, as long as memory has room for them."""
    rows: list[list[str]] = []
    longest = 0
    raw = _without_comments(raw)
    separator = _separator(raw)
    text = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline="")
    for line in csv.reader(text, strict=True, delimiter=separator):
        if not any(line):
            continue
        line = [value.strip() for value in line]
        if any(value.startswith("=") for value in line):
            line = [AS_TEXT.sub(r"\1", value) for value in line]
        rows.append(line)
        longest = max(longest, *map(len, line))
        if (
            len(line) > MAX_COLUMNS
            or len(rows) * len(rows[0]) > MAX_VALUES
            or len(rows) * longest > MAX_LETTERS
        ):
            raise DataError(
                f"{path} is too large in row {len(rows):,}, with {len(line):,} values and one of "
                f"{longest:,} letters; at most {MAX_COLUMNS} columns and {MAX_VALUES:,} values are "
                "read. Divide it, or shorten its longest values."
            )
    return rows


def _separator(raw: bytes) -> str:
    first = raw.lstrip().partition(b"\n")[0].decode("utf-8-sig", "replace")
    return max(SEPARATORS, key=first.count)  # the first of them where there is none


def without_row(table: pd.DataFrame, row: Sequence[str]) -> pd.DataFrame:
    """Leave out rows that repeat a line of names or units, after a # or not, as tables that were
    joined have them.

    >>> without_row(pd.DataFrame({"id": ["a", "# id"], "ra": ["1", "ra"]}), ["id", "ra"]).to_numpy()
    array([['a', '1']], dtype=object)
    """
    words = [word.strip("# ") for word in row]
    found = table[table.iloc[:, 0].str.strip("# ") == words[0]] if words else table
    if found.empty:
        return table
    again = (found.apply(lambda values: values.str.strip("# ")) == words).all(axis=1)
    return table.drop(index=found.index[again]).reset_index(drop=True)


def are_types(row: Sequence[str]) -> bool:
    """Whether a row has the type of each column and no values.

    >>> are_types(["5N", "10N", "6S"]), are_types(["int64", "double"]), are_types(["1S", "real"])
    (True, True, False)
    """
    words = [word.strip() for word in row]
    return len(words) > 1 and any(all(map(kind.fullmatch, words)) for kind in (RDB, TYPES))


def are_types_of(row: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row has types (`are_types`) of the values below: numbers where it says so. Where
    all are text, only types with a width count, as "object" and "text" are also values.

    >>> are_types_of(["5N", "6S"], ["1", "a"]), are_types_of(["short", "text"], ["long", "prose"])
    (True, False)
    """
    if not are_types(row) or are_types(below):
        return False
    pairs = zip(row, below, strict=True)
    numbers = pd.Series([value for word, value in pairs if OF_NUMBERS.fullmatch(word)], dtype=str)
    if numbers.empty:
        return all(re.search(r"\d", word) for word in row)
    return not as_numbers(numbers)[1].any()


def in_points(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of text separated by semicolons with points for decimal commas, `with_points`,
    but in ids and names of objects and files. Positions and redshifts have no thousands.

    >>> table = pd.DataFrame({"id": ["1,5"], "ra": ["10,5"], "z": ["1.234"], "mass": ["1.234.567"]})
    >>> in_points(table).iloc[0].tolist()
    ['1,5', '10.5', '1.234', '1234567']
    """

    def read(values: pd.Series) -> pd.Series:
        name = str(values.name)
        if _underscored(name).endswith(("name", "_id")) or _means(name, "file", "id"):
            return values
        return with_points(values, thousands=not _means(name, "ra", "dec", "redshift"))

    return table.apply(read)


def with_points(values: pd.Series, thousands: bool = True) -> pd.Series:
    """Return text with points for decimal commas, where all that is known is such a number: in
    tables separated by semicolons, as spreadsheets write them where commas are decimal.

    >>> with_points(pd.Series(["10,5", "", "-3"])).tolist()
    ['10.5', '', '-3']
    >>> with_points(pd.Series(["1.234,5", "7"])).tolist()
    ['1234.5', '7']
    >>> with_points(pd.Series(["12 345,6", "7"])).tolist()
    ['12345.6', '7']
    >>> with_points(pd.Series(["1.234,5"]), thousands=False).tolist()
    ['1.234,5']
    """
    text = without_missing(values)
    known = text[text != ""]
    mark = f"[.{BLANKS}]"
    groups = rf"({mark}\d{{3}})+,\d+|(\.\d{{3}}){{2,}}"
    grouped = thousands and known.str.fullmatch(rf"{SIGN}?\d{{1,3}}({groups})").any()
    if grouped and known.str.fullmatch(rf"{SIGN}?\d{{1,3}}({mark}?\d{{3}})*(,\d+)?").all():
        return text.str.replace(mark, "", regex=True).str.replace(",", ".")
    if known.str.fullmatch(rf"{SIGN}?\d+(,\d+)?([eE]{SIGN}?\d+)?").all():
        return values.str.replace(",", ".")
    return values


def _without_comments(raw: bytes) -> bytes:
    """Leave out the lines before the names that begin with #, but for one that has the names."""
    text, comment = raw.removeprefix(codecs.BOM_UTF8).lstrip(), b""
    if line := SEPARATOR_LINE.match(text):
        raw = text = text[line.end() :]
    while text.startswith(b"#"):
        comment, _, text = text.partition(b"\n")
    if not comment:
        return raw
    above, first = (
        [word.strip(" \"'") for word in line.lstrip("# ").rstrip().split(_separator(line.encode()))]
        for line in (
            part.decode("utf-8", "replace") for part in (comment, text.partition(b"\n")[0])
        )
    )
    return comment.lstrip(b"# ") + b"\n" + text if are_names(above, first) else text


def are_names(above: Sequence[str], first: Sequence[str]) -> bool:
    """Whether a comment names the columns, told by the words of it and of the line below: as many
    of both, and below no name of a column that is known.

    >>> are_names(["ra", "dec"], ["10", "20"]), are_names(["TOPCAT", "2026"], ["ra", "dec"])
    (True, False)
    """
    return len(above) == len(first) > 1 and not any(find_name(first, name) for name in NAMES)


def list_pictures(root: Path, suffixes: tuple[str, ...]) -> tuple[pd.DataFrame, bytes]:
    """Make the table of a folder without labels.csv: sorted images, but for masks and the like of
    others (`beside_others`). Sub-folders called train, val and test are the split, other two or
    more are classes; folders that all share say nothing.
    """
    listed = sorted(name for name in walk(root) if name.lower().endswith(suffixes))
    ends = re.compile(f"({'|'.join(map(re.escape, suffixes))})$", re.IGNORECASE)
    masks = beside_others([ends.sub("", name) for name in listed])
    files = [name for name in listed if ends.sub("", name) not in masks]
    if not files:
        links = linked_folders(root)
        kinds = Counter(Path(name).suffix.lower() or "without a suffix" for name in walk(root))
        found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(3))
        raise DataError(
            f"{root} holds no images (JPEG, PNG or FITS) and no labels.csv"
            f"{f' (found: {found})' if found else ''}; give the folder that holds "
            "them, or convert them"
            + (f" (folders that are links are not followed, as {links[0]})." if links else ".")
        )
    try:
        "".join(files).encode()
    except UnicodeEncodeError:
        odd = next(name for name in files if ODD.search(name))
        raise DataError(f"{root}: the name {odd!a} is not UTF-8; rename the file.") from None
    table = pd.DataFrame({"file": files}, dtype=str)
    folders = [name.split("/")[:-1] for name in files]
    for _ in range(MAX_LEVELS):
        level = {below[0] if below else "" for below in folders}
        said = {SPLITS[name.lower()] for name in level if name.lower() in SPLITS}
        other = sorted(name for name in level if name.lower() not in SPLITS)
        if said & {"train", "test"} and other:
            where = f"in {other[-1]}" if other[-1] else "in none of them"
            raise DataError(
                f"{root} has folders of a split ({', '.join(sorted(said))}) and, beside them, "
                f"images {where}; move these, or name each image and its split in {TABLES[0]}."
            )
        if "split" not in table and {name.lower() for name in level} <= set(SPLITS):
            table["split"] = [SPLITS[below[0].lower()] for below in folders]
        elif "label" not in table and len(level - {""}) > 1:
            _check_classes(root, folders, files)
            table["label"] = [below[0] if below else "" for below in folders]
        elif len(level) > 1 or "" in level:
            break
        folders = [below[1:] for below in folders]
    return table, b""


def _check_classes(root: Path, folders: Sequence[Sequence[str]], files: Sequence[str]) -> None:
    """Refuse folders of the same names whose own names are filters and not classes."""
    below: dict[str, set[str]] = {}
    for folder, name in zip(folders, files, strict=True):
        below.setdefault(folder[0] if folder else "", set()).add(name.rpartition("/")[2])
    first, *others = below.values()
    filters = all(wavelength(name) and name.lower() not in COLOURS for name in below)
    if filters and all(names == first for names in others):
        raise DataError(
            f"{root} has a folder for each filter ({', '.join(sorted(below))}); put the images of "
            "a galaxy into one folder, named alike but for the filter (1_g.fits, 1_r.fits), and "
            "name the bands."
        )


def walk(root: Path) -> Iterator[str]:
    """Yield the path of every file below a folder; hidden ones and those of the file system are
    left out. DataError where a folder cannot be listed.
    """
    for folder, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SYSTEM]
        below = folder.removeprefix(f"{root}").replace(os.sep, "/").lstrip("/")
        yield from (f"{below}/{name}".lstrip("/") for name in names if not name.startswith("."))


def linked_folders(root: Path) -> list[str]:
    """Return the folders below a folder that are links, which `walk` does not follow."""
    found = []
    for folder, folders, _ in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [name for name in folders if os.path.islink(f"{folder}/{name}")]  # noqa: PTH114
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be listed ({error.strerror}); make it readable.")


def keep_where(
    table: pd.DataFrame, where: Mapping[str, str], name: str, source: str = TABLES[0]
) -> np.ndarray:
    """Return the row numbers, int64, at which every named column has the named value."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in where.items():
        column = _known_column(table, column, "where", source)
        keep &= _is(table[column], value).to_numpy()
        if not keep.any():
            values = sorted(set(table[column]))
            raise DataError(
                f"No row of {name} has {' and '.join(f'{c}={v}' for c, v in where.items())}; "
                f"{column} has the values "
                f"{', '.join(values[:8])}{', ...' if len(values) > 8 else ''}."
            )
    return np.flatnonzero(keep).astype(np.int64)


def encode_labels(
    table: pd.DataFrame, label_column: str | None, source: str = TABLES[0]
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Return labels, int64 (n,), -1 where missing, the sorted class names, and a sentence where the
    column holds fractions, as of votes, which are no classes.

    Raises DataError for a column that is not there or holds fractions, where it was asked for, and
    for one image under two labels.
    """
    if label_column:
        label_column = _known_column(table, label_column, "label_column", source)
    found = (find_column(table, name) for name in LABEL_COLUMNS)
    column = label_column or next((n for n in found if n and (table[n] != "").any()), None)
    unlabelled = np.full(len(table), -1, dtype=np.int64), ()
    if column is None:
        return *unlabelled, _unread_classes(table)
    known = table[column][~table[column].str.lower().isin(UNLABELLED)]
    values = pd.to_numeric(known, errors="coerce")
    if len(known) and values.notna().all() and (values % 1 != 0).any():
        numbers = (
            f"{column} holds numbers ({values.min():g} to {values.max():g}), not classes: a "
            "target for a regression probe, not a label."
        )
        if label_column:
            raise DataError(f"label_column: {numbers}")
        return *unlabelled, numbers
    known = _one_spelling(known)
    said = pd.DataFrame({"file": table["file"], "label": known}).dropna().drop_duplicates()
    if (twice := said[said["file"].duplicated(keep=False)]).size:
        name = twice["file"].iloc[0]
        both = ", ".join(sorted(twice["label"][twice["file"] == name]))
        raise DataError(f"{source} gives {name} two labels ({both}); keep one row.")
    classes = sorted(known.unique())
    number = {name: index for index, name in enumerate(classes)} | {"": -1}
    spelled = known.reindex(table.index, fill_value="")
    labels = np.array([number[name] for name in spelled.tolist()], dtype=np.int64)
    return labels, tuple(classes), _doubtful_classes(classes)


def _unread_classes(table: pd.DataFrame) -> str:
    """Say which columns may be classes under names that are not read."""
    named = [name for name in table if CLASS.fullmatch(name)]
    found = [name for name in named if 1 < table[name].nunique() < len(table)]
    return (
        f"No column is read as the class; choose one with --label-column ({', '.join(found[:5])})."
        if found
        else ""
    )


def _doubtful_classes(classes: Sequence[str]) -> str:
    """Say which classes are written almost alike, or look like none."""
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault(re.sub(r"[\s_-]+", " ", name).strip().casefold(), []).append(name)
    several = [names for names in alike.values() if len(names) > 1]
    if several and not all(re.fullmatch(r"[+-]?\d+(\.0*)?", name) for name in several[0]):
        names = one_line(", ".join(several[0]), 100)
        return (
            f"Classes that differ only in capitals, blanks or hyphens count as several ({names}); "
            "write them alike if they are one."
        )
    if "-1" in classes and all(name.isdecimal() for name in classes if name != "-1"):
        return "The label -1 counts as a class; leave it empty where it means unknown."
    return ""


def _is(values: pd.Series, value: str) -> pd.Series:
    """Where a column has a value, in any spelling that is the same class, as True and 1."""
    return _spelled_alike(values) == _spelled_alike(pd.Series([value]))[0]


def _spelled_alike(values: pd.Series) -> pd.Series:
    """Return text in which 1, 1.0, true and TRUE are "1", and other words as they are."""
    values = values.str.normalize("NFC")
    words = values.mask(values.str.lower() == "true", "1").mask(values.str.lower() == "false", "0")
    return words.mask(
        words.str.fullmatch(r"-?\d+\.0*"), words.str.replace(r"\.0*$", "", regex=True)
    )


def _one_spelling(known: pd.Series) -> pd.Series:
    """Return labels in which 1 and 1.0 are one class, where there are both; truths are true and
    false, whether True, TRUE or, beside such words, 1. Accents are parts of their letters (NFC).
    """
    known = known.str.normalize("NFC")
    plain = _spelled_alike(known)
    if known.str.fullmatch("(?i:true|false)").any() and plain.isin(("0", "1")).all():
        return plain.map({"0": "false", "1": "true"})
    numbers = known.str.fullmatch(r"-?\d+(\.0*)?").all()
    return plain if numbers and plain.nunique() < known.nunique() else known


def name_galaxies(table: pd.DataFrame, source: str = TABLES[0]) -> np.ndarray:
    """Return the ids, str (n,): the file's name where the table has none, or several rows have one
    that names nothing; accents are parts of their letters (NFC), which macOS writes apart. Raises
    DataError for ids that lost their digits; `source` is the file.
    """
    column, files = find_column(table, "id"), table["file"].str.normalize("NFC")
    if column is None:
        return files.to_numpy(dtype=str)
    ids = table[column]
    if lost := shortened_ids(ids):
        raise DataError(
            f"{source}: {column} is {lost[0]!r}, a number that lost its digits in a spreadsheet "
            f"({len(lost):,} such ids); write ids as text, or remove the column."
        )
    if ids[ids != ""].str.fullmatch(r"\d+\.0").all():  # a gap made whole numbers floats
        ids = ids.str.removesuffix(".0")
    nothing = (ids == "") | (ids.str.lower().isin(NO_IDS) & ids.duplicated(keep=False))
    return ids.str.normalize("NFC").mask(nothing, files).to_numpy(dtype=str)


def of_one_galaxy(ids: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> str:
    """Say where most images have one id, or one position, and count as one galaxy.

    >>> of_one_galaxy(np.array(["TBD", "TBD", "TBD", "a"]), *np.full((2, 4), np.nan))
    'Of 4 images, 3 have the id TBD and count as one galaxy; leave it empty where it is unknown.'
    """
    places = (ra + 1j * dec)[np.isfinite(ra) & np.isfinite(dec)]
    for what, values in (("id", ids), ("position", places)):
        found, counts = np.unique(values, return_counts=True)
        if len(counts) and (most := int(counts.max())) > max(2, len(ids) / 2):
            value = found[counts.argmax()]
            said = one_line(value, 40) if what == "id" else f"{value.real:g} {value.imag:g}"
            return (
                f"Of {len(ids):,} images, {most:,} have the {what} {said} and count as one galaxy; "
                "leave it empty where it is unknown."
            )
    return ""


def of_one_name(names: Sequence[str], suffix: re.Pattern[str] | None = None) -> str:
    """Say where names of files, or ids, differ in nothing but how accents are written, or, with
    `suffix`, what this matches: their format, or where {band} stands.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        plain = suffix.sub("", name) if suffix else name
        found.setdefault(unicodedata.normalize("NFC", plain), []).append(name)
    several = [same for same in found.values() if len(same) > 1]
    if not several:
        return ""
    first = several[0][:3] + ([f"and {len(several[0]) - 3} more"] if len(several[0]) > 3 else [])
    band = "in where the band stands, " if "{band}" in several[0][0] else ""
    return (
        f"Names of several images, which differ {band}in format or in how accents are written: "
        f"{len(several):,} ({', '.join(first)}); each image counts as a galaxy. Keep one of each "
        "name."
    )


def shortened_ids(ids: pd.Series) -> list[str]:
    """Return the ids (text) that lost digits, as numbers do in a spreadsheet."""
    long = ids[ids.str.fullmatch(r"\d{16,}")]
    rounded = long[long.str.fullmatch(ROUNDED)] if len(long) > 1 else long[:0]
    lost = ids[ids.str.fullmatch(SHORTENED)]
    if len(rounded) <= len(long) / 2:
        rounded = rounded[:0]
    return [*lost, *rounded]


def split_names(table: pd.DataFrame) -> np.ndarray | None:
    """Return the split of each row, str (n,): train, val, test or as it is; None without one."""
    column = find_column(table, "split")
    if column is None:
        return None
    names = [SPLITS.get(name.lower(), name) for name in table[column].tolist()]
    if column.lower() != "split" and not set(names) <= set(SPLITS.values()):
        return None  # another kind of subset
    return np.array(names, dtype=str)


def unread_split(table: pd.DataFrame) -> str:
    """Say which column may be the split under a name that is not read."""
    for name in table if find_column(table, "split") is None else ():
        if table[name].iloc[0].lower() in SPLITS:
            words = {SPLITS.get(word.lower(), "") for word in table[name].unique()}
            if "train" in words and "" not in words and len(words) > 1:
                return f"The column {name} is not read as the split; call it split if it is."
    return ""


def coordinate_columns(
    table: pd.DataFrame, source: str = TABLES[0]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ra, dec (degrees) and redshift, float64 (n,), NaN if unknown; DataError."""
    table = _in_degrees(table)
    ra = _numbers(table, "ra", 0.0, 360.0, source)
    dec = _numbers(table, "dec", -90.0, 90.0, source)
    return *known_places(ra, dec), _numbers(table, "redshift", -np.inf, np.inf, source)


def doubts_of(
    table: pd.DataFrame,
    columns: Sequence[str],
    ra: np.ndarray,
    dec: np.ndarray,
    redshift: np.ndarray,
) -> tuple[str, ...]:
    """Say what looks wrong with positions and redshifts, and which of the columns may be these, or
    the split, under names that are not read.
    """
    positions = doubtful_positions(ra, dec) or unread_positions(columns)
    redshifts = doubtful_redshifts(redshift), unread_redshifts(columns)
    return positions, *redshifts, unread_split(table)


def doubtful_positions(ra: np.ndarray, dec: np.ndarray) -> str:
    """Say where positions over much of the sky look like hours or radians instead of degrees."""
    known = np.isfinite(ra) & np.isfinite(dec)
    if known.sum() < LEAST_POSITIONS:
        return ""
    highest, width, height = ra[known].max(), np.ptp(ra[known]), np.ptp(dec[known])
    radians = highest <= 2 * np.pi and width > np.pi and np.abs(dec[known]).max() <= np.pi / 2
    if not radians and not (highest <= 24 and width > 12 and height > 24):
        return ""
    return (
        f"Positions are read as degrees, but no right ascension exceeds {highest:.4g}; if they are "
        f"in {'radians' if radians else 'hours'}, convert them."
    )


def doubtful_redshifts(redshift: np.ndarray) -> str:
    """Say where redshifts are larger than any known."""
    large = redshift[redshift > HIGHEST_REDSHIFT]
    if not len(large):
        return ""
    return (
        f"{len(large):,} redshifts exceed {HIGHEST_REDSHIFT} (up to {large.max():g}): if they are "
        "velocities, or mean unknown, change them."
    )


def unread_redshifts(columns: Sequence[str]) -> str:
    """Say which columns may be a redshift under names that are not read; a z beside g and r, or
    beside brightness in other filters, is the brightness in a filter. Velocities (cz) are none.
    """
    lower = {name.strip().lower() for name in columns}
    if find_name(columns, "redshift"):
        return ""
    found = [name for name in columns if REDSHIFT.fullmatch(name.strip().lower())]
    if {"g", "r"} <= lower or any(map(BRIGHTNESS.fullmatch, lower)):
        found = [name for name in found if name.strip().lower() != "z"]
    return (
        f"No column is read as the redshift; call one redshift if it is ({', '.join(found[:5])})."
        if found
        else ""
    )


def unread_positions(columns: Sequence[str]) -> str:
    """Say which columns look like a position under names, or in units, that are not read."""
    if all(find_name(columns, name) for name in ("ra", "dec")) or parts_of(columns):
        return ""
    other = [name for name in columns if OTHER_FRAME.match(name)]
    other += ["l", "b"] if {"l", "b"} <= set(columns) else []
    found = [name for name in columns if POSITION.match(name) and name not in other]
    if len(other) > 1 >= len(found):
        return (
            f"The columns {', '.join(other)} are in another frame; convert them to ICRS and call "
            "them ra and dec."
        )
    if len(found) > 1:
        return (
            f"The columns {', '.join(found)} are not read as positions; call them ra and dec, in "
            "degrees or sexagesimal (ICRS or J2000)."
        )
    both = next((name for name in columns if BOTH.fullmatch(name.strip())), None)
    return f"The column {both} is not read as a position; make it two, ra and dec." if both else ""


def _in_degrees(table: pd.DataFrame) -> pd.DataFrame:
    """Write sexagesimal positions, hours and degrees, as degrees; the rest stays."""
    columns = [column for name in ("ra", "dec") if (column := find_column(table, name))]
    if not columns and parts_of(list(table.columns)):
        joined = (map(repr, angle.tolist()) for angle in joined_parts(table))
        return table.assign(**dict(zip(("ra", "dec"), map(list, joined), strict=True)))
    if len(columns) < 2:
        return table
    degrees = {}
    for row in np.flatnonzero(as_numbers(table[columns[0]])[1] | as_numbers(table[columns[1]])[1]):
        with contextlib.suppress(ValueError):  # _numbers says which and why
            degrees[row] = parse_pair(*table[columns].iloc[row])
    for place, column in enumerate(columns if degrees else []):
        values = table[column].tolist()
        for row, position in degrees.items():
            values[row] = repr(position[place])
        table = table.assign(**{column: values})
    return table


def _numbers(table: pd.DataFrame, name: str, low: float, high: float, source: str) -> np.ndarray:
    column = find_column(table, name)
    if column is None:
        return np.full(len(table), np.nan)
    values, wrong = as_numbers(table[column])
    bad = wrong | (values < low) | (values > high)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        expected = "a number" if np.isinf(low) else f"degrees in [{low:g}, {high:g}]"
        raise DataError(
            f"{source}: {column} of {table['file'].iloc[row]} is {table[column].iloc[row]!r}, "
            f"expected {expected}."
        )
    return values


def _known_column(table: pd.DataFrame, column: str, argument: str, source: str) -> str:
    found = named_column(list(table.columns), column)
    if found is None:
        raise DataError(
            f"{argument}: {source} has no column {column!r} (found: {', '.join(table.columns)})."
        )
    return found
