"""Session keys, and the permalink that carries them. Pure functions."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from astrojepa.data import filters
from astrojepa.wording import one_line

from ..components.latent_map import geometry

# Session keys, named once.
SOURCE = "source"  # name of the data set chosen in the menu
CHECKPOINT = "checkpoint"  # reference of the model chosen in the menu
PROJECTION = "projection"
COLOUR = "colour"
ROW = "row"  # the selected galaxy
POLYGONS = "polygons"  # of the lasso, in map units
LABEL_COLUMN = "label_column"  # of the data, whose words are the classes; "" for their own
OFF = "off"  # codes of the colouring that the legend hides
OFF_COLOUR = "off_colour"  # the colouring that they belong to
COLOURED = "coloured"  # what a large map was last coloured by
MAP_SHOWN = "map_shown"  # model, data and projection of the map that is drawn
VIEW = "view"  # the box of a large map that is in view
LOOK = "look"  # where the view of a large map should be, and the number of this wish
AREA_OF = "area_of"  # model, data and projection that the polygons were drawn on
DRAWING = "drawing"  # how the map is drawn
FILTER = "filter"  # expression that the galaxies of the map match
HISTOGRAMS = "histogram_columns"  # columns that are shown as histograms
HISTOGRAMS_OPEN = "histograms_open"
SKY_OPEN = "sky_open"
DIFFERENCES_OPEN = "differences_open"
DIFFERENCES_FIRST = "differences_first"  # the two sides that are compared, by name
DIFFERENCES_SECOND = "differences_second"
SELECTION_VIEW = "selection_view"  # of the galaxies that lasso and filter choose: gallery or table
SELECTION_ORDER = "selection_order"  # what they are sorted by
SELECTION_REVERSED = "selection_reversed"  # the other way round than is usual
DIRECTION = "direction"  # of a link, until a page knows what it sorts
IN_WORDS = "in_words"  # the order that was drawn last; "" if of numbers, the highest of them first
LINKED = "linked"  # keys that a link has set, until a page looks whether it has what they name
TABLE_COLUMNS = "table_columns"
SELECTION_SIZE = "selection_size"  # of the images of the gallery: small or large
NOTICES = "notices"  # sentences to show once
LINK_READ = "link_read"  # query parameters last written or read
LINK_COMING = "link_coming"  # a link that is being followed
PANEL_VIEW = "panel_view"
ERROR_KIND = "error_kind"
MASKS = "masks"
OPACITY = "opacity"
GALLERY_PAGE = "gallery_page"
BOARD_PAGE = "board_page"
BOARD_OF = "board_of"  # what the leaderboard of a large store lists
TO_MAP = "to_map"  # a gallery elsewhere asks for the map
PROBED = "probed"  # key of the last probe
CELL = "cell"  # of its confusion matrix
WHOLE_PAGE = "whole_page"  # a card asks for the whole page to be drawn anew
ASKED = "asked"  # when the session first waited for the libraries, seconds
OPENED = "opened"  # the data set that was drawn last, and its hash
# hash of the sample that the row and all that is kept by row count in; empty where it is all
# galaxies
SAMPLE_OF = "sample_of"
SAMPLE_ROWS = "sample_rows"  # of the sample among all galaxies
KEPT = "kept"  # values of the widgets that outlive the pages that do not show them
AWAITED = "awaited"  # row among all galaxies of one that was selected and is not in the sample
LOADED_PATHS = "loaded_paths"  # checkpoints loaded by path, local mode
GOOD_CHECKPOINT = "good_checkpoint"  # the last model that could be opened
MASK_KIND = "mask_kind"  # of the patch panel: tiling, random, bright or drawn
MASK_SEED = "mask_seed"
MASK_COUNT = "mask_count"
DRAWN = "drawn"  # the mask that was drawn, as app/components/patch_panel/masks.py writes it
MEASURE = "measure"
LAYOUT = "layout"
SHADE = "shade"  # opacity of the heatmap over the image, %
LOCKED = "locked"  # low and high of each measure while the scale is locked
SECOND = "second"  # reference of the model that is compared with
SECOND_NAME = "second_name"  # its name and hash, for the link
SECOND_ASKED = "second_asked"  # name of the second model that a link asks for
SECOND_HASH_ASKED = "second_hash_asked"
SECOND_MISSING = "second_missing"  # a sentence where it is not here, until another is chosen
SCORE = "anomaly_score"  # name of the score of the leaderboard
ANOMALY_CLASS = "anomaly_class"  # the class that the leaderboard is of
SHOW_ARTEFACTS = "show_artefacts"  # whether the leaderboard includes likely artefacts
BOARD_MODE = "board_mode"  # leaderboard, review, artefacts or benchmark
# data hash -> app/session/marks.py's Review; never leaves the session but by export
REVIEWS = "reviews"
# of a large store, by the hash of its ids: what the browser kept before and keeps now, by id, until
# rows are known
KEPT_FOUND = "kept_found"
KEPT_IDS = "kept_ids"  # row -> id
PRESSES = "presses"  # by component: the number of the last press that was taken
RERANKING = "reranking"  # how marks re-rank
SURVEY_IMAGE = "survey_image"  # whether the survey's own image is fetched; local mode
SKIP_CORRUPT = "skip_corrupt"  # names of data sets whose damaged images are left out
COLLECTIONS = "collections"  # of the lasso, by data set: name -> rows
DRAWN_ON = "drawn_on"  # by data set: name of a collection -> hashes of the models of those maps
SESSION = "session"  # what tells this session from others of the same page
TAKEN = "taken"  # number of the last message of the browser about what it keeps
SHARED = "shared"  # what a sample's collections are of: its hash, and those of its store
UNKEPT = "unkept"  # hashes of galaxies whose collections are too large for the browser
EXPORT_FORMAT = "export_format"  # the one last chosen, as the end of a name
STORE = "store"  # what the browser keeps has changed inside a part of the page
UPLOADS = "uploads"  # images that were brought along, as app/session/uploads.py reads them
# what is searched for, app/session/examples.py; rows are those among all galaxies
LIKE, UNLIKE, LIKE_IMAGES, REGION = "like", "unlike", "like_images", "region"
IMAGES_AWAY = "images_away"  # how many images a followed link searched with, which none holds
EXAMPLES_OF = "examples_of"  # hash of the galaxies that they are of
TO_GALAXY = "to_galaxy"  # a gallery elsewhere asks for the galaxy page
PROBE_KIND = "probe_kind"
PROBE_TARGET = "probe_target"
PROBE_SHARE = "probe_share"  # of the labels, %
PROBE_ASKED = "probe_asked"  # a link asks for its probe to be trained
PROBED_TARGET = "probed_target"  # what the last probe learned to tell
PROBE_REST = "probe_rest"  # whether galaxies of no collection are a class
PROBE_GIVEN = "probe_given"  # whether labels that were given in the session are learned as well
PROBE_VIEW = "probe_view"  # of the last probe: its report, or what to label next
PROBED_BEFORE = "probed_before"  # key of the probe that was trained before labels were given
LABELLED = "labelled"  # row of the galaxy that is to be labelled
PERSISTENT: tuple[str, ...] = (
    SOURCE,
    CHECKPOINT,
    PROJECTION,
    COLOUR,
    DRAWING,
    PANEL_VIEW,
    ERROR_KIND,
    MASKS,
    OPACITY,
)
PERSISTENT += (MASK_KIND, MASK_SEED, MASK_COUNT, MEASURE, LAYOUT, SHADE, SECOND)
PERSISTENT += (PROBE_KIND, PROBE_TARGET, PROBE_SHARE, PROBE_REST, PROBE_GIVEN, PROBE_VIEW)
PERSISTENT += (LABEL_COLUMN, SCORE, ANOMALY_CLASS, SHOW_ARTEFACTS, BOARD_MODE, RERANKING)
PERSISTENT += (FILTER, HISTOGRAMS, HISTOGRAMS_OPEN, SKY_OPEN)
PERSISTENT += (DIFFERENCES_OPEN, DIFFERENCES_FIRST, DIFFERENCES_SECOND)
PERSISTENT += (SELECTION_VIEW, SELECTION_ORDER, SELECTION_REVERSED, TABLE_COLUMNS)
PERSISTENT += (SELECTION_SIZE, SURVEY_IMAGE)

PROJECTIONS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}
DRAWINGS = {"canvas": "2-D", "space": "3-D"}
CLUSTER_COLOUR, FINER_COLOUR = "feature cluster", "finer feature cluster"
CLASS_COLOUR = "class"
SCORE_COLOUR = "anomaly score"
PROBE_COLOUR = "probe prediction"
TRUST_COLOUR = "trust of the map"
MAX_ROW = 10**9
ALL_CLASSES = "All classes"
PROBE_KINDS = ("linear", "knn", "mlp")
MASK_KINDS = ("tiling", "random", "bright", "drawn")
MAX_SEED = 99999
MOST_EXAMPLES = 16  # of either kind
MOST_COLUMNS = 24  # of a table in a link
BOARD_MODES = {
    "board": "Leaderboard",
    "review": "Review",
    "artefacts": "Artefacts",
    "quality": "Benchmark",
}
VIEWS = {"gallery": "Gallery", "table": "Table"}  # of the selection

MOST_LETTERS = 200  # of a name
# what ends a name in a link: the hash, and an @ before it that is no part of either
_HASH = re.compile(r"@?(?:@([0-9a-f]{8,16}))?\Z")
_DRAWN = re.compile(r"[0-9a-f]{1,1024}")
_SCORE = re.compile(r"[a-z-]{1,40}")
_DIGITS = re.compile(r"[0-9]+")
_REGION = re.compile(r"[0-9]{1,10}\.[0-9a-f]{1,1024}")


def _written(value: Any) -> str:
    return str(value) if value else ""


@dataclass(frozen=True)
class Parameter:
    """How a field of a link stands in the address and in the session."""

    name: str  # in the address
    read: Callable[[str], Any]  # gives None where the text is not of the expected form
    write: Callable[[Any], str] = _written
    key: str = ""  # session key that the link sets, and that it is made from
    usual: Any = ""  # the value that goes without saying


def _field(default: Any, *arguments: Any, **named: Any) -> Any:
    return field(default=default, metadata={"parameter": Parameter(*arguments, **named)})


def _one_of(options: Collection[str]) -> Callable[[str], str | None]:
    return lambda text: text if text in options else None


def _like(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda text: text if pattern.fullmatch(text) else None


def _text(longest: int) -> Callable[[str], str | None]:
    return lambda text: text if len(text) <= longest and text.isprintable() else None


def _count(most: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        count = int(text) if len(text) <= len(str(most)) and _DIGITS.fullmatch(text) else None
        return count if count is None or count <= most else None

    return read


def _pinned(name: str, part: int, **named: Any) -> Any:
    """The name, or the hash behind the last @, of a parameter that gives both. A name that would
    itself be read as both is written with one @ more.
    """

    def read(text: str) -> str | None:
        found = _HASH.split(text, 1)[part] or ""
        return found if part or found == name_in_link(found) else None

    def write(value: str) -> str:
        text = f"@{value}" if part else name_in_link(value)
        return text if part or _HASH.split(text, 1)[0] == text else f"{text}@"

    return _field("", name, read, write, **named)


_read_row = _count(MAX_ROW)


def _read_rows(text: str) -> tuple[int, ...] | None:
    rows = [_read_row(part) for part in text.split(".")[:MOST_EXAMPLES]]
    known = tuple(dict.fromkeys(row for row in rows if row is not None))
    return None if None in rows else known


def _read_names(text: str) -> tuple[str, ...] | None:
    names = map(urllib.parse.unquote, text[: 80 * MOST_COLUMNS].split(",")[:MOST_COLUMNS])
    return tuple(dict.fromkeys(name for name in map(_text(80), names) if name)) or None


def _write_names(names: Iterable[str]) -> str:
    return ",".join(urllib.parse.quote(name, safe=" ") for name in names)


def _flag(word: str) -> dict[str, Callable[[Any], Any]]:
    return {"read": lambda text: text == word or None, "write": lambda on: word if on else ""}


def _write_numbers(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))


@dataclass(frozen=True)
class Link:
    """What a permalink pins; empty or None where the link does not say.

    A field is declared here alone: its name in the address, how it is read and written there, and
    the session key that it stands for.
    """

    model: str = _pinned("model", 0)
    model_hash: str = _pinned("model", 1)
    data: str = _pinned("data", 0)
    data_hash: str = _pinned("data", 1)
    # "own": that of a large store which does not say what it is
    projection: str = _field("", "map", _one_of({*PROJECTIONS, "own"}), key=PROJECTION)
    colour: str = _field("", "colour", _text(80), key=COLOUR)
    row: int | None = _field(None, "galaxy", _read_row, lambda row: "" if row is None else str(row))
    id: str = _field("", "id", _text(160))
    # the column that the classes are from
    label: str = _field("", "label", _text(80), key=LABEL_COLUMN)
    second: str = _pinned("with", 0, key=SECOND_ASKED)  # the model that is compared with
    second_hash: str = _pinned("with", 1, key=SECOND_HASH_ASKED)
    masks: str = _field("", "masks", _one_of(MASK_KINDS), key=MASK_KIND, usual="tiling")
    seed: int = _field(0, "seed", _count(MAX_SEED), key=MASK_SEED)
    drawn: str = _field("", "drawn", _like(_DRAWN), key=DRAWN)
    # how the map is drawn
    drawing: str = _field("", "drawing", _one_of(DRAWINGS), key=DRAWING, usual="canvas")
    # codes that the legend hides
    off: tuple[int, ...] = _field(
        (),
        "off",
        lambda text: read_codes(_numbers(text)) or None,
        lambda off: ".".join(map(str, off)),
    )
    # of the lasso or box, in map units
    polygons: tuple[tuple[tuple[int, int], ...], ...] = _field(
        (),
        "area",
        lambda text: whole_units(geometry.decode_polygons(text)) or None,
        geometry.encode_polygons,
    )
    filter: str = _field("", "filter", _text(filters.MOST_LETTERS), filters.on_one_line, key=FILTER)
    # galaxies that are searched for, and that are not; a region that is searched for
    like: tuple[int, ...] = _field((), "like", _read_rows, _write_numbers, key=LIKE)
    unlike: tuple[int, ...] = _field((), "unlike", _read_rows, _write_numbers, key=UNLIKE)
    region: str = _field("", "region", _like(_REGION), key=REGION)
    images: int = _field(0, "images", _count(20), key=IMAGES_AWAY)  # that are searched for
    # how the selection is shown, what it is sorted by, and the columns of its table
    view: str = _field("", "view", _one_of(VIEWS), key=SELECTION_VIEW, usual="gallery")
    order: str = _field("", "sort", _text(80), key=SELECTION_ORDER, usual=SCORE_COLOUR)
    # of numbers lowest or highest first; of any other order, and in old links, reversed or nothing
    direction: str = _field("", "order", _one_of(("lowest", "highest", "reversed")))
    columns: tuple[str, ...] = _field((), "columns", _read_names, _write_names, key=TABLE_COLUMNS)
    # of the page of anomalies, what is open; the score of its leaderboard, the class it is of
    tab: str = _field("", "tab", _one_of(BOARD_MODES), key=BOARD_MODE, usual="board")
    score: str = _field("", "score", _like(_SCORE), key=SCORE)
    only: str = _field("", "only", _text(80), key=ANOMALY_CLASS, usual=ALL_CLASSES)
    # whether likely artefacts are included
    with_artefacts: bool = _field(False, "artefacts", **_flag("shown"), key=SHOW_ARTEFACTS)
    page: int = _field(  # from 0; from 1 in the address
        0,
        "page",
        lambda text: max(0, page - 1) if (page := _count(999_999)(text)) is not None else None,
        lambda page: str(page + 1) if page else "",
        key=BOARD_PAGE,
    )
    # kind of the probe that was trained, what it tells, and the share of the labels that it knew, %
    probe: str = _field("", "probe", _one_of(PROBE_KINDS), key=PROBE_KIND)
    learn: str = _field("", "learn", _text(80), key=PROBE_TARGET)
    share: int = _field(0, "share", _count(100), key=PROBE_SHARE)


PARAMETERS: dict[str, Parameter] = {
    field.name: field.metadata["parameter"] for field in fields(Link)
}


def name_in_link(name: str) -> str:
    """Return a name as links have it: printable, of bounded length, and nothing in it is a path.

    >>> name_in_link("one/Galaxy's data & co.h5")
    "one:Galaxy's data & co.h5"
    """
    return one_line(name, MOST_LETTERS).replace("/", ":").replace("\\", ":")


def encode_link(link: Link) -> dict[str, str]:
    """Write a link as query parameters; what is empty or usual is left out."""
    written: dict[str, str] = {}
    for name, parameter in PARAMETERS.items():
        value = getattr(link, name)
        text = "" if value == parameter.usual else parameter.write(value)
        written[parameter.name] = written.get(parameter.name, "") + text
    return {name: text for name, text in written.items() if text}


def decode_link(parameters: Mapping[str, str]) -> Link:
    """Read query parameters; leave out whatever has not the expected form and length."""
    texts = {name: parameters.get(about.name, "") for name, about in PARAMETERS.items()}
    values = {name: PARAMETERS[name].read(text) for name, text in texts.items() if text}
    return Link(**{name: value for name, value in values.items() if value is not None})


def misread(parameters: Mapping[str, str]) -> str:
    """Say in one sentence which query parameters are not of the expected form; "" where all are."""
    wrong = dict.fromkeys(
        f"{about.name} {text[:40]!r}"
        for about in PARAMETERS.values()
        if (text := parameters.get(about.name, "")) and about.read(text) is None
    )
    verb = "is" if len(wrong) == 1 else "are"
    return (
        f"The link's {', '.join(wrong)} {verb} not valid; the page opens without "
        f"{'it' if len(wrong) == 1 else 'them'}."
        if wrong
        else ""
    )


def whole_units(polygons: Iterable[Iterable[Sequence[float]]]) -> Any:
    """Round the corners of polygons: tuples of tuples of (x, y)."""
    return tuple(tuple((round(x), round(y)) for x, y in polygon) for polygon in polygons)


def read_codes(message: object) -> tuple[int, ...]:
    """Check a list of colour codes from the browser: ascending, unique, 0 to 255."""
    found = message if isinstance(message, list) else []
    return tuple(
        sorted(
            {
                code
                for code in found[:256]
                if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 256
            }
        )
    )


def _numbers(text: str) -> list[int]:
    return [
        int(part)
        for part in text[:1024].split(".")
        if part.isascii() and part.isdecimal() and len(part) < 4
    ]


def locate(link: Link, ids: np.ndarray, data_hash: str) -> tuple[int | None, str]:
    """Find a link's galaxy: its row here or None, and a sentence if something differs."""
    if link.row is None and not link.id:
        return None, ""
    if (
        link.row is not None
        and link.row < len(ids)
        and (not link.id or str(ids[link.row]) == link.id)
    ):
        if not link.id and link.data_hash and link.data_hash != data_hash:
            return (
                link.row,
                f"The link was made with another data set; galaxy {link.row} may be a different "
                "one here.",
            )
        return link.row, ""
    elsewhere = np.flatnonzero(ids == link.id) if link.id else np.array([], dtype=int)
    if len(elsewhere):
        return int(elsewhere[0]), ""
    name = link.id or f"number {link.row}"
    return None, f"The link's galaxy {name} is not in this data set."


def differences(
    link: Link,
    model: str,
    model_hash: str,
    data: str,
    data_hash: str,
    unknown: Collection[str] = (),
) -> str:
    """Say in one sentence what a link pinned that is not what is open; empty where all agrees.

    `unknown`: of "model" and "data set", what the link names and is not offered here.
    """
    theirs, shown = [], []
    for kind, named, pinned, name, digest in (
        ("model", link.model, link.model_hash, model, model_hash),
        ("data set", link.data, link.data_hash, data, data_hash),
    ):
        if pinned and pinned != digest[: len(pinned)]:
            theirs.append(f"the {kind} {named or 'without a name'} ({pinned[:8]})")
            shown.append(f"{name} ({digest[:8]})")
        elif named and kind in unknown and not pinned:
            theirs.append(f"the {kind} {named}")
            shown.append(name)
    if theirs:
        return f"The link was made with {' and '.join(theirs)}; shown here: {' and '.join(shown)}."
    return ""
