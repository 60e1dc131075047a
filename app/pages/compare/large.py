"""Two models by large stores of the same galaxies: a random sample is compared among all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.evaluation.vectors.neighbour_index import INSTALL, is_available
from astrojepa.wording import counted, galaxies

from ...components.escape_markdown import escape_markdown
from ...components.facts import without_errors
from ...components.gallery.gallery import gallery
from ...components.large_card import buttons, chosen_row, class_names, go_in
from ...components.table.table import Heading, table
from ...session import large_search, large_second, state, waiting
from ...session.large import Large, selected
from ...session.large_search import StoreSearch
from ...session.large_second import Both
from ...session.queue import imported
from ...session.workspace import LIBRARIES, Workspace, label_of
from ..galaxy.large_errors import by_model, looked_at, scale_task
from . import galaxy as compare_galaxy
from . import maps as compare_maps
from . import measures


def show(large: Large, go: Callable[[str], None]) -> None:
    """Compare the store with a second one, or say how to open one."""
    st.title("Compare", anchor=False)
    name = escape_markdown(large.name)
    if not large.others:
        st.info(
            f"Compare needs a second store of the galaxies of {name}, with the vectors of another "
            "model (`astrojepa embed OTHER --out second`). Start the explorer with both: "
            f"`astrojepa app --vectors {name} --vectors second`."
        )
    elif not is_available():
        st.info(f"To compare stores, faiss must be installed: `{INSTALL}`.")
    else:
        _compare(large, go)
    measures.sweeps()


def _compare(large: Large, go: Callable[[str], None]) -> None:
    st.caption(
        f"{'Simulated galaxies. ' if large.is_simulated else ''}Compares the vectors of "
        f"{escape_markdown(large.name)} with those of a second store of the same galaxies."
    )
    path = _second(large)
    both = large_second.opened(large, path)
    if both is None or both.comparison is None:
        return
    st.session_state[state.SECOND_NAME] = label_of(path), both.key[:8]
    if not imported.is_set():
        waiting.wait_for(*LIBRARIES)
    images, found = large.images(), both.comparison
    first, second = both.samples(images, go)
    in_both = galaxies(both.partners.count)
    if both.partners.count < max(len(large.map), len(both.partners.firsts)):
        in_both += f" that are in both stores, of {len(large.map):,}"
    said = (
        f"Numbers and maps are of a random sample (seed 0) of {len(found.rows):,} of the "
        f"{in_both}; their neighbours are sought among all of these."
    )
    if lacking := found.asked - len(found.rows):
        said += (
            f" {lacking:,} of the {found.asked:,} drawn could not be compared, because too few of "
            "their 1,000 nearest galaxies are in both stores."
        )
    st.caption(said)
    share = f"{100 * found.found.mean_overlap:.1f} ± {100 * found.error:.1f}"
    measures.summary(first, second, found.found, share)
    row = selected(large)
    if row is None or both.partners.seconds[row] < 0:
        if row is not None:
            name = f"{large.names([row])[0]} is not in {both.name}"
            st.caption(f"{escape_markdown(name)}; the galaxy that moved most is shown.")
        row = int(found.rows[found.found.moved[0]])
    here = np.flatnonzero(found.rows == row)
    select = go_in(large)
    compare_maps.maps(
        first,
        second,
        int(here[0]) if len(here) else None,
        found.found,
        lambda place: select(chosen_row(found.rows, place)),
        of_sample=True,
    )
    _galaxy(large, both, images, row, go)
    _moved(large, both, images, row)
    measures.probes(first, second)


def _second(large: Large) -> str:
    """Let the second store be chosen, where there are several."""
    labels, digest = large_second.labels(large), st.session_state.pop(state.SECOND_HASH_ASKED, "")
    if asked := st.session_state.pop(state.SECOND_ASKED, ""):
        named = large_second.named(large, asked, digest)
        st.session_state[state.SECOND] = named or large.others[0]
        st.session_state[state.SECOND_MISSING] = (
            ""
            if named
            else f"The link's second store {asked} is not open here; {labels[large.others[0]]} is "
            "compared in its place."
        )
    elif st.session_state.get(state.SECOND) not in large.others:
        st.session_state[state.SECOND] = large.others[0]
    if len(large.others) > 1:
        st.selectbox(
            "Second store",
            large.others,
            format_func=labels.__getitem__,
            key=state.SECOND,
            width=320,
            on_change=st.session_state.pop,
            args=(state.SECOND_MISSING, None),
        )
    if sentence := st.session_state.get(state.SECOND_MISSING):
        st.info(escape_markdown(sentence))
    return str(st.session_state[state.SECOND])


def _galaxy(large: Large, both: Both, images: Any, row: int, go: Callable[[str], None]) -> None:
    """Show a galaxy with patch errors and neighbours by either model; those of both are marked."""
    near = both.nearest(row)
    rows = np.array([row]) if near is None else np.concatenate([[row], *near])
    known = large.map.store.known_of(rows)
    kinds, names = class_names(known), known["id"].astype(str).tolist()
    title = names[0] if kinds[0] == names[0] else f"{kinds[0]}, {names[0]}"
    if near is None:
        st.header(escape_markdown(title), anchor=False)
        st.caption("Too few of its 1,000 nearest galaxies are in both stores to compare them.")
        return
    shared, count = np.intersect1d(*near), near.shape[1]
    title = f"{title}, {len(shared)} of {counted(count, 'nearest neighbour')} shared"
    st.header(escape_markdown(title), anchor=False)
    shown = min(compare_galaxy.SHOWN, count)
    errors = _errors(large, both, images, row, go)
    asked = (row, near[0]), (int(both.partners.seconds[row]), both.partners.seconds[near[1]])
    for side, column in enumerate(st.columns(2, gap="medium")):
        distances = both.indices[side].distances(asked[side][0], asked[side][1])
        first = 1 + side * count
        here = slice(first, first + shown)
        said = compare_galaxy.gaps(near[side][:shown], distances[:shown], shared)
        with column:
            errors[side]()
            st.caption(compare_galaxy.said((large.name, both.name)[side], count))
            key = f"near_{('first', 'second')[side]}"
            if images is None:
                labels = [f"{name} ({gap})" for name, gap in zip(names[here], said, strict=True)]
                buttons(large, key, near[side][:shown].tolist(), labels)
            else:
                captions = list(zip(kinds[here], said, strict=True))
                tiles = near[side][:shown].tolist()
                gallery(key, large.address, tiles, captions, go_in(large), tile=80)


def _by_model(store: Large, missing: str, look: Callable[[Any], Workspace]) -> Workspace | str:
    """Return what draws patch errors by a store's model, once loaded, or what is said instead."""
    if large_search.without_model(store):
        return missing
    try:
        model = large_search.model_of(store)
    except (ValueError, OSError) as error:
        return str(error)
    return "" if model is None else look(model)


def _errors(
    large: Large, both: Both, images: Any, row: int, go: Callable[[str], None]
) -> list[Callable[[], None]]:
    """Return what draws patch errors by either store's model, on one scale, or says why not."""
    image = None if images is None else StoreSearch(large).picture(row)
    if image is None:
        if images is not None or large.source is None:  # else ids are looked up
            which = (
                "the image of this galaxy" if images is not None else "images: start with --data"
            )
            st.caption(f"Patch errors need {which}.")
        return [lambda: None] * 2
    look = partial(looked_at, large, images, row, go=go)
    unreleased = f"Patch errors need the model of {both.name} to be a released one."
    sides = (
        ("first", large, _by_model(large, large_search.without_model(large), look)),
        ("second", both.other, _by_model(both.other, unreleased, look)),
    )
    asked = []
    for _, _, found in sides:
        if isinstance(found, Workspace) and not without_errors(found):
            key, _, task = scale_task(large, images, row, found.model, "tiling")
            asked.append((found, key, task))
    scale = compare_galaxy.measured_scale(asked)

    def draw(side: str, store: Large, found: Workspace | str) -> None:
        if isinstance(found, Workspace):
            compare_galaxy.heatmap(found, 0, image, scale, side)
            if not without_errors(found):
                st.caption(by_model(store, found.model))
        else:
            st.caption(escape_markdown(found))

    return [partial(draw, *each) for each in sides]


def _moved(large: Large, both: Both, images: Any, row: int) -> None:
    st.header("Largest changes", anchor=False)
    found = both.comparison
    st.caption(f"Among the {galaxies(len(found.rows))} of the sample. {measures.MOVED}")
    places = found.found.moved[: measures.NUM_MOVED]
    rows = found.rows[places]
    known = large.map.store.known_of(rows)
    kinds = class_names(known)
    told = [measures.moved_by(found.found, place) for place in places.tolist()]
    if images is not None:
        captions = [(kind, *said) for kind, said in zip(kinds, told, strict=True)]
        gallery("moved_most", large.address, rows.tolist(), captions, go_in(large), selected=row)
        return
    farther, kept = zip(*told, strict=True)
    listed = {"id": known["id"].astype(str), "class": kinds, "neighbours": farther, "shared": kept}
    if "label" not in known:
        del listed["class"]
    table(
        "moved_table",
        "Galaxies whose neighbours change most",
        pd.DataFrame(listed),
        {"neighbours": Heading(numeric=True), "shared": Heading(numeric=True)},
        names=rows.tolist(),
        selected=next((k for k, one in enumerate(rows.tolist()) if one == row), None),
        on_click=lambda number: go_in(large)(chosen_row(rows, number)),
    )
