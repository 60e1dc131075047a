"""A galaxy of a large store: image, the survey's image, nearest neighbours, columns and links."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.evaluation.maps.plane import PLACES

from ..session.large import Large, picture, select, selected
from .escape_markdown import escape_markdown
from .facts import facts
from .gallery.gallery import gallery
from .survey_image import Place
from .table.table import Heading, Order, table

NUM_NEIGHBOURS = 6
IMAGE_WIDTH = 352  # pixels at most, so that the neighbours stand on the first screen


def shown_image(large: Large, images: Any, row: int, name: str) -> None:
    """Show the image of a galaxy, or say why there is none."""
    if images is None:
        return
    address, wrong = picture(images, large.pictures_key, row)
    if address:
        st.image(address, width=IMAGE_WIDTH, alt=f"Galaxy {name}")
        if large.drawn is not None:
            st.caption("Simulated image, drawn from the class and the id.")
    elif wrong:
        st.warning(escape_markdown(wrong))
    elif large.source is not None:
        st.caption(f"{escape_markdown(large.source.name)} has no image of this galaxy.")


def nearest(large: Large, images: Any, row: int) -> list[int] | None:
    """Show the nearest galaxies; returns their rows, None while they are sought."""
    found = large.nearest(row, NUM_NEIGHBOURS)
    if found is None:
        return None
    distances, rows = found[0].tolist(), found[1].tolist()
    known = large.map.store.known_of(found[1])
    names = known["id"].tolist()
    st.caption(
        "Nearest neighbours (feature space) and their distances between standardised vectors"
    )
    if images is not None:
        there = images.there(found[1]).tolist()
        captions = [
            (name, f"{gap:.2f}" if one else f"{gap:.2f}, no image")
            for name, gap, one in zip(class_names(known), distances, there, strict=True)
        ]
        gallery("neighbours", large.address, rows, captions, go_in(large), tile=96)
        return rows
    labels = [f"{name} ({gap:.2f})" for name, gap in zip(names, distances, strict=True)]
    buttons(large, "near", rows, labels)
    return rows


def buttons(large: Large, key: str, rows: list[int], labels: list[str]) -> None:
    """Show galaxies without images; a click selects one."""
    with st.container(horizontal=True, gap="small"):
        for place, (row, label) in enumerate(zip(rows, labels, strict=True), 1):
            words = escape_markdown(label)
            st.button(words, key=f"{key}_{place}", on_click=select, args=(large, row))


def columns_and_links(large: Large, table: pd.DataFrame) -> None:
    """List the columns of a galaxy, of a `table` of one row, and where else it can be seen."""
    from astrojepa.data import coordinates

    known = large.map.store.layouts[0].known
    forms = {known[name]: ".5f" for name in ("ra", "dec") if name in known}  # to 0.04 arcsec
    shown = [name for name in table if name != known["id"]]
    facts("large", {name: _written(table[name][0], forms.get(name, ".6g")) for name in shown})
    if (place := place_of(large, table)) is not None:
        found = coordinates.sky_links(*place).items()
        st.markdown(" · ".join(f"[{name}]({url})" for name, url in found))


def place_of(large: Large, table: pd.DataFrame) -> Place | None:
    """Return a galaxy's position, of a `table` of one row; None where made up or unknown."""
    known = large.map.store.layouts[0].known
    if large.is_simulated or not {"ra", "dec"} <= known.keys():
        return None
    ra, dec = (pd.to_numeric(table[known[name]], "coerce")[0] for name in ("ra", "dec"))
    return (float(ra), float(dec)) if math.isfinite(ra) and -90 <= dec <= 90 else None


def class_names(known: dict[str, np.ndarray]) -> list[str]:
    """Name the classes of galaxies, or else their ids."""
    if "label" not in known:
        return known["id"].astype(str).tolist()
    return [str(name) or "no label" for name in known["label"].tolist()]


def go_in(large: Large, then: Callable[[], None] = lambda: None) -> Callable[[Any], None]:
    """Return what follows a click in a gallery: the galaxy is selected, `then` called."""

    def go(row: Any) -> None:
        if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(large.map):
            select(large, row)
            then()

    return go


def listing(
    large: Large,
    key: str,
    rows: np.ndarray,
    go: Callable[[Any], None],
    ranks: np.ndarray | None = None,
    made: Mapping[str, np.ndarray] | None = None,
    order: Order | None = None,
) -> None:
    """List galaxies with all their columns but the place on the map, before them `ranks`, and
    behind the id what is `made`; a click on a row is told `go`, on a heading sorts as `order` says.
    """
    known, content = large.map.store.layouts[0].known, large.map.store.table_of(rows)
    content = content.astype(dict.fromkeys([known["id"], *content.select_dtypes("bool")], str))
    content.insert(0, known["id"], content.pop(known["id"]))
    content = content.drop(columns=[*PLACES, *(made or {})], errors="ignore")
    for name, values in (made or {}).items():
        content.insert(1, name, values)
    if ranks is not None:
        content = content.drop(columns="rank", errors="ignore")
        content.insert(0, "rank", ranks)
    here = np.flatnonzero(rows == selected(large))
    table(
        key,
        "Galaxies",
        content,
        {known[name]: Heading(form=".5f") for name in ("ra", "dec") if name in known},
        names=rows.tolist(),
        selected=int(here[0]) if len(here) else None,
        on_click=lambda number: go(chosen_row(rows, number)),
        order=order,
    )


def chosen_row(rows: np.ndarray, number: Any) -> int | None:
    """Return the row that a browser chose by its number; None where it sent no such number."""
    sound = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(rows)
    return int(rows[number]) if sound else None


def _written(value: Any, form: str) -> str:
    if pd.isna(value):
        return "unknown"
    return f"{value:{form}}" if isinstance(value, float | np.floating) else str(value)
