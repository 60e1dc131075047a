"""Session keys, and the permalink that carries them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..components.latent_map import geometry

# Session keys, named once.
SOURCE = "source"  # name of the data set chosen in the menu
CHECKPOINT = "checkpoint"  # reference of the model chosen in the menu
PROJECTION = "projection"
COLOUR = "colour"
ROW = "row"  # the selected galaxy
POLYGONS = "polygons"  # of the lasso, in map units
OFF = "off"  # codes of the colouring that the legend hides
OFF_COLOUR = "off_colour"  # the colouring that they belong to
AREA_OF = "area_of"  # model, data and projection that the polygons were drawn on
DRAWING = "drawing"  # how the map is drawn
NOTICES = "notices"  # sentences to show once
LINK_READ = "link_read"  # query parameters last written or read
LINK_COMING = "link_coming"  # a link that is being followed
PANEL_VIEW = "panel_view"
ERROR_KIND = "error_kind"
MASKS = "masks"
OPACITY = "opacity"
GALLERY_PAGE = "gallery_page"
BOARD_PAGE = "board_page"
TO_MAP = "to_map"  # a gallery elsewhere asks for the map
PROBED = "probed"  # key of the last probe
CELL = "cell"  # of its confusion matrix
WHOLE_PAGE = "whole_page"  # a card asks for the whole page to be drawn anew
ASKED = "asked"  # when the session first waited for the libraries, seconds
OPENED = "opened"  # the data set that was drawn last, and its hash
# hash of the sample that the row and all that is kept by row count in; empty where it is all
# galaxies
SAMPLE_OF = "sample_of"
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
SCORE = "anomaly_score"  # name of the score of the leaderboard
ANOMALY_CLASS = "anomaly_class"  # the class that the leaderboard is of
HIDE_ARTEFACTS = "hide_artefacts"
BOARD_MODE = "board_mode"  # leaderboard, review, or how good it is
# data hash -> app/session/marks.py's Review; never leaves the session but by export
REVIEWS = "reviews"
RERANKING = "reranking"  # how marks re-rank
SKIP_CORRUPT = "skip_corrupt"  # names of data sets whose damaged images are left out
COLLECTIONS = "collections"  # of the lasso, by data set: name -> rows
UPLOADS = "uploads"  # images that were brought along, as app/pages/models/pictures.py reads them
TO_GALAXY = "to_galaxy"  # a gallery elsewhere asks for the galaxy page
PROBE_KIND = "probe_kind"
PROBE_TARGET = "probe_target"
PROBE_SHARE = "probe_share"  # of the labels, %
PROBE_ASKED = "probe_asked"  # a link asks for its probe to be trained
PROBED_TARGET = "probed_target"  # what the last probe learned to tell
PROBE_REST = "probe_rest"  # whether galaxies of no collection are a class
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
PERSISTENT += (PROBE_KIND, PROBE_TARGET, PROBE_SHARE, PROBE_REST)
PERSISTENT += (SCORE, ANOMALY_CLASS, HIDE_ARTEFACTS, BOARD_MODE, RERANKING)

PROJECTIONS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}
DRAWINGS = {"canvas": "Canvas", "plotly": "Plotly, 2-D", "space": "Plotly, 3-D"}
CLASS_COLOUR, SCORE_COLOUR, PROBE_COLOUR, TRUST_COLOUR = (
    "class",
    "anomaly score",
    "probe prediction",
    "trust of the map",
)
MAX_ROW = 10**9
USUAL_SCORE, ALL_CLASSES = "asymmetry", "All classes"
PROBE_KINDS = ("linear", "knn", "mlp")
MASK_KINDS = ("tiling", "random", "bright", "drawn")
MAX_SEED = 99999

_NAME = re.compile(r"[A-Za-z0-9._:+ =-]{1,80}")
_HASH = re.compile(r"[0-9a-f]{8,16}")
_DRAWN = re.compile(r"[0-9a-f]{1,1024}")
_SCORE = re.compile(r"[a-z-]{1,40}")
_PAGE = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True)
class Link:
    """What a permalink pins; empty or None where the link does not say."""

    model: str = ""  # name
    model_hash: str = ""
    data: str = ""  # name
    data_hash: str = ""
    projection: str = ""
    colour: str = ""
    row: int | None = None
    id: str = ""
    second: str = ""  # name of the model that is compared with
    second_hash: str = ""
    masks: str = ""
    seed: int = 0
    drawn: str = ""
    drawing: str = ""  # how the map is drawn
    off: tuple[int, ...] = ()  # codes that the legend hides
    polygons: tuple[tuple[tuple[int, int], ...], ...] = ()  # of the lasso or box, in map units
    score: str = ""  # of the leaderboard
    only: str = ""  # the class it is of
    hide: bool = False  # whether likely artefacts are left out
    page: int = 0  # from 0
    probe: str = ""  # kind of the probe that was trained
    learn: str = ""  # what it tells: "labels", or a column
    share: int = 0  # of the labels that it knew, %


def encode_link(link: Link) -> dict[str, str]:
    """Write a link as query parameters; what is empty is left out."""
    parameters = {
        "model": _pin(link.model, link.model_hash),
        "data": _pin(link.data, link.data_hash),
        "map": link.projection,
        "colour": link.colour,
        "galaxy": "" if link.row is None else str(link.row),
        "id": link.id,
        "with": _pin(link.second, link.second_hash),
        "masks": link.masks,
        "seed": str(link.seed) if link.seed else "",
        "drawn": link.drawn,
        "drawing": "" if link.drawing == "canvas" else link.drawing,
        "off": ".".join(map(str, link.off)),
        "area": geometry.encode_polygons([list(polygon) for polygon in link.polygons]),
        "score": link.score,
        "only": link.only,
        "hide": "artefacts" if link.hide else "",
        "page": str(link.page + 1) if link.page else "",
        "probe": link.probe,
        "learn": link.learn,
        "share": str(link.share) if link.share else "",
    }
    return {name: value for name, value in parameters.items() if value}


def decode_link(parameters: Mapping[str, str]) -> Link:
    """Read query parameters; ignore whatever has not the expected form and length."""
    model, model_hash = _unpin(parameters.get("model", ""))
    data, data_hash = _unpin(parameters.get("data", ""))
    projection = parameters.get("map", "")
    row = parameters.get("galaxy", "")
    second, second_hash = _unpin(parameters.get("with", ""))
    masks, seed, drawn = (parameters.get(name, "") for name in ("masks", "seed", "drawn"))
    return Link(
        model=model,
        model_hash=model_hash,
        data=data,
        data_hash=data_hash,
        projection=projection if projection in PROJECTIONS else "",
        colour=_text(parameters.get("colour", ""), 80),
        row=int(row)
        if row.isascii() and row.isdecimal() and len(row) <= 10 and int(row) <= MAX_ROW
        else None,
        id=_text(parameters.get("id", ""), 160),
        second=second,
        second_hash=second_hash,
        masks=masks if masks in MASK_KINDS else "",
        seed=int(seed) if seed.isascii() and seed.isdecimal() and len(seed) <= 5 else 0,
        drawn=drawn if _DRAWN.fullmatch(drawn) else "",
        drawing=drawing if (drawing := parameters.get("drawing", "")) in DRAWINGS else "",
        off=read_codes(_numbers(parameters.get("off", ""))),
        polygons=tuple(
            tuple((int(x), int(y)) for x, y in polygon)
            for polygon in geometry.decode_polygons(parameters.get("area", ""))
        ),
        score=score if _SCORE.fullmatch(score := parameters.get("score", "")) else "",
        only=_text(parameters.get("only", ""), 80),
        hide=parameters.get("hide", "") == "artefacts",
        page=max(0, int(page) - 1) if _PAGE.fullmatch(page := parameters.get("page", "")) else 0,
        probe=probe if (probe := parameters.get("probe", "")) in PROBE_KINDS else "",
        learn=_text(parameters.get("learn", ""), 80),
        share=min(100, int(share)) if _PAGE.fullmatch(share := parameters.get("share", "")) else 0,
    )


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


def differences(link: Link, model: str, model_hash: str, data: str, data_hash: str) -> str:
    """Say in one sentence what a link pinned that is not what is open; empty where all agrees."""
    parts = []
    if link.model_hash and link.model_hash != model_hash[: len(link.model_hash)]:
        parts.append(
            f"the model {link.model or 'of the link'} ({link.model_hash[:8]}), here {model} "
            f"({model_hash[:8]})"
        )
    if link.data_hash and link.data_hash != data_hash[: len(link.data_hash)]:
        parts.append(
            f"the data set {link.data or 'of the link'} ({link.data_hash[:8]}), here {data} "
            f"({data_hash[:8]})"
        )
    return (
        f"The link was made with {' and '.join(parts)}; the closest available view is shown."
        if parts
        else ""
    )


def _pin(name: str, digest: str) -> str:
    return f"{name}@{digest}" if name and digest else name


def _unpin(text: str) -> tuple[str, str]:
    name, _, digest = text.rpartition("@") if "@" in text else (text, "", "")
    return (name if _NAME.fullmatch(name) else "", digest if _HASH.fullmatch(digest) else "")


def _text(value: str, longest: int) -> str:
    return value if len(value) <= longest and value.isprintable() else ""
