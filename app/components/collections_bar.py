"""Add the lasso's galaxies to a collection, for the probe lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.tables import Column
from astrojepa.wording import galaxies

from ..session import collections, export, state
from ..session.gathered import Gathered
from .escape_markdown import escape_markdown
from .export_menu import export_menu
from .send_button import send_button

_NAME = "collection_name"
_SAID = "collection_said"


def collections_of(key: str) -> dict[str, tuple[int, ...]]:
    """The session's collections of one set of galaxies, by its hash: rows by name."""
    return dict(st.session_state.get(state.COLLECTIONS, {}).get(key, {}))


def collections_bar(about: Gathered, rows: np.ndarray) -> None:
    """Offer to add galaxies to a collection, and list what has been gathered; an export holds the
    link to what is shown.
    """
    with st.popover("Add to a collection"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Name", key=_NAME, placeholder="Rings", max_chars=collections.MAX_NAME)
            st.button(
                f"Add {galaxies(len(rows))}",
                key="collection_add",
                type="primary",
                on_click=_add,
                args=(about, rows),
            )
        if said := st.session_state.pop(_SAID, ""):
            st.caption(escape_markdown(said))
        list_collections(about, "map", rows)
        if held := collections_of(about.key):
            made = {**about.facts, "view": about.link, **drawn_facts(about.key)}
            export_menu(
                "collections",
                "collections",
                sum(map(len, held.values())),
                lambda ending: collections_file(ending, about, held, made),
                behind_a_button=False,
            )
            members = [row for rows in held.values() for row in rows]
            names = [name for name, rows in held.items() for _ in rows]
            send_button(
                about,
                "collections",
                "Collections",
                lambda: members,
                lambda: export.plain_columns({"collection": names}),
            )
        if held and st.button("Train a probe on the collections"):
            st.session_state[state.PROBE_TARGET] = collections.COLLECTIONS
            about.go("probe")
        kept = "This browser keeps collections. Export them to keep them elsewhere."
        if about.key in st.session_state.get(state.UNKEPT, ()):
            kept = "These collections are too large for a browser to keep: export them."
        st.caption(f"{kept} A probe can be trained to separate them.")


def collections_file(
    ending: str, about: Gathered, held: collections.Collections, facts: Mapping[str, Any]
) -> bytes:
    """Write the galaxies of all collections as a table, each with the name of its collection."""
    rows = [row for members in held.values() for row in members]
    names = [name for name, members in held.items() for _ in members]
    column = Column("collection", names, "collection that the galaxy was added to")
    data, places = about.of(np.array(rows, dtype=np.int64))
    return export.table_file(ending, data, places, [column], facts)


def drawn_facts(key: str) -> dict[str, str]:
    """Return, as a fact of an export, on which models' maps each collection was drawn."""
    drawn = "; ".join(f"{name}: {', '.join(models)}" for name, models in drawn_on(key).items())
    return {"drawn_on": drawn} if drawn else {}


def list_collections(about: Gathered, where: str, rows: np.ndarray | None = None) -> None:
    """List the collections, each with buttons to remove it and to add galaxies."""
    for number, (name, members) in enumerate(collections_of(about.key).items()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{name}: {len(members):,}", width="stretch")
            if rows is not None:
                st.button(
                    "Add here", key=f"add_{where}_{number}", on_click=_add, args=(about, rows, name)
                )
            st.button(
                "Remove", key=f"remove_{where}_{number}", on_click=_remove, args=(about.key, name)
            )


def drawn_on(key: str) -> dict[str, tuple[str, ...]]:
    """On which models' maps each collection was drawn: their hashes, by name."""
    return dict(st.session_state.get(state.DRAWN_ON, {}).get(key, {}))


def _add(about: Gathered, rows: np.ndarray, to: str = "") -> None:
    name = to or collections.clean_name(st.session_state.get(_NAME))
    try:
        held = collections.with_added(collections_of(about.key), name, rows)
    except ValueError as error:
        st.session_state[_SAID] = str(error)
        return
    keep(about.key, held)
    models = drawn_on(about.key)
    models[name] = tuple(dict.fromkeys([*models.get(name, ()), about.model]))
    _keep_models(about.key, models)
    st.session_state[_SAID] = f"{name} now holds {galaxies(len(held[name]))}."
    st.session_state[_NAME] = ""


def _remove(key: str, name: str) -> None:
    keep(key, collections.without(collections_of(key), name))


def _keep_models(key: str, models: dict[str, tuple[str, ...]]) -> None:
    st.session_state[state.DRAWN_ON] = {**st.session_state.get(state.DRAWN_ON, {}), key: models}


def keep(key: str, held: dict[str, tuple[int, ...]]) -> None:
    """Make these the session's collections of a set of galaxies."""
    _keep_models(key, {name: models for name, models in drawn_on(key).items() if name in held})
    st.session_state[state.STORE] = True
    st.session_state[state.COLLECTIONS] = {**st.session_state.get(state.COLLECTIONS, {}), key: held}
