"""Add the lasso's galaxies to a collection, for the probe lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.tables import Column
from astrojepa.wording import galaxies

from ..session import collections, export, state
from ..session.workspace import Workspace
from .escape_markdown import escape_markdown
from .export_menu import export_menu
from .send_button import send_button

_NAME = "collection_name"
_SAID = "collection_said"


def collections_of(data: Any) -> dict[str, tuple[int, ...]]:
    """The session's collections of one data set, by name."""
    return dict(st.session_state.get(state.COLLECTIONS, {}).get(data.galaxies_hash, {}))


def collections_bar(workspace: Workspace, rows: np.ndarray, link: str) -> None:
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
                args=(workspace, rows),
            )
        if said := st.session_state.pop(_SAID, ""):
            st.caption(escape_markdown(said))
        list_collections(workspace, "map", rows)
        if held := collections_of(workspace.data):
            made = {"view": link, **drawn_facts(workspace.data)}
            export_menu(
                "collections",
                "collections",
                sum(map(len, held.values())),
                lambda ending: collections_file(ending, workspace.data, held, made),
                behind_a_button=False,
            )
            members = [row for rows in held.values() for row in rows]
            names = [name for name, rows in held.items() for _ in rows]
            send_button(
                workspace,
                "collections",
                "Collections",
                lambda: members,
                lambda: export.plain_columns({"collection": names}),
            )
        if collections_of(workspace.data) and st.button("Train a probe on the collections"):
            st.session_state[state.PROBE_TARGET] = collections.COLLECTIONS
            workspace.go("probe")
        st.caption(
            "This browser keeps collections. Export them to keep them elsewhere. A probe can be "
            "trained to separate them."
        )


def collections_file(
    ending: str, data: Any, held: collections.Collections, facts: Mapping[str, str]
) -> bytes:
    """Write the galaxies of all collections as a table, each with the name of its collection."""
    rows = [row for members in held.values() for row in members]
    names = [name for name, members in held.items() for _ in members]
    column = Column("collection", names, "collection that the galaxy was added to")
    return export.table_file(ending, data, np.array(rows, dtype=np.int64), [column], facts)


def drawn_facts(data: Any) -> dict[str, str]:
    """Return, as a fact of an export, on which models' maps each collection was drawn."""
    drawn = "; ".join(f"{name}: {', '.join(models)}" for name, models in drawn_on(data).items())
    return {"drawn_on": drawn} if drawn else {}


def list_collections(workspace: Workspace, where: str, rows: np.ndarray | None = None) -> None:
    """List the collections, each with buttons to remove it and to add galaxies."""
    for number, (name, members) in enumerate(collections_of(workspace.data).items()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{name}: {len(members):,}", width="stretch")
            if rows is not None:
                st.button(
                    "Add here",
                    key=f"add_{where}_{number}",
                    on_click=_add,
                    args=(workspace, rows, name),
                )
            st.button(
                "Remove",
                key=f"remove_{where}_{number}",
                on_click=_remove,
                args=(workspace.data, name),
            )


def drawn_on(data: Any) -> dict[str, tuple[str, ...]]:
    """On which models' maps each collection was drawn: their hashes, by name."""
    return dict(st.session_state.get(state.DRAWN_ON, {}).get(data.galaxies_hash, {}))


def _add(workspace: Workspace, rows: np.ndarray, to: str = "") -> None:
    data = workspace.data
    name = to or collections.clean_name(st.session_state.get(_NAME))
    try:
        held = collections.with_added(collections_of(data), name, rows)
    except ValueError as error:
        st.session_state[_SAID] = str(error)
        return
    keep(data, held)
    models = drawn_on(data)
    models[name] = tuple(dict.fromkeys([*models.get(name, ()), workspace.key[0]]))
    _keep_models(data, models)
    st.session_state[_SAID] = f"{name} now holds {galaxies(len(held[name]))}."
    st.session_state[_NAME] = ""


def _remove(data: Any, name: str) -> None:
    keep(data, collections.without(collections_of(data), name))


def _keep_models(data: Any, models: dict[str, tuple[str, ...]]) -> None:
    st.session_state[state.DRAWN_ON] = {
        **st.session_state.get(state.DRAWN_ON, {}),
        data.galaxies_hash: models,
    }


def keep(data: Any, held: dict[str, tuple[int, ...]]) -> None:
    """Make these the session's collections of a data set."""
    _keep_models(data, {name: models for name, models in drawn_on(data).items() if name in held})
    st.session_state[state.STORE] = True
    st.session_state[state.COLLECTIONS] = {
        **st.session_state.get(state.COLLECTIONS, {}),
        data.galaxies_hash: held,
    }
