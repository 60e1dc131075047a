"""The frame of every page: configuration, navigation, choice of model and data, errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from astrojepa.data.columns import class_columns

from .components.escape_markdown import escape_markdown
from .components.instead import say_instead
from .components.keepsake.keepsake import keep_in_browser
from .components.theme_change.theme_change import redraw_on_theme_change
from .pages.registry import Page, pages
from .server.settings import Settings, settings_of_start, strangers_may_look
from .session import follow_links, large, large_links, links, loaders, state, waiting
from .session.queue import imported
from .session.workspace import (
    BASELINE,
    LIBRARIES,
    VECTORS,
    Workspace,
    data_task,
    default_model,
    label_of,
    model_choices,
    model_task,
    told_apart,
    vectors_task,
)

HERE = Path(__file__).parent


def run() -> None:
    """Draw the page: called for every visit and every interaction."""
    # a menu is where Streamlit keeps it
    about = "AstroJEPA explorer. The theme follows the system unless you choose one here."
    st.set_page_config(
        "AstroJEPA explorer", str(HERE / "icon.svg"), layout="wide", menu_items={"About": about}
    )
    st.html(HERE / "theme.css")
    with st.container(key="scripts"):
        scripts = (HERE / "server" / name for name in ("history.js", "popovers.js"))
        script = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
    st.logo(str(HERE / "logo.svg"), size="large")
    redraw_on_theme_change()
    try:
        settings = settings_of_start()
    except (ValueError, OSError) as error:
        st.error(f"The explorer was started with a wrong setting: {error}")
        st.stop()
    # a widget's value outlives the pages that do not show it, and those that stop while they wait
    kept = st.session_state[state.KEPT] = st.session_state.get(state.KEPT, {}) | links.kept()
    for key, value in kept.items():
        st.session_state[key] = value
    hosted = strangers_may_look()
    offered: dict[str, st.Page] = {}

    def go(path: str) -> None:
        st.switch_page(offered[path])

    for path, page in pages().items():
        run_page = partial(draw, settings, hosted, page, go)
        first = not offered
        offered[path] = st.Page(run_page, title=page.title, url_path=path, default=first)
    st.navigation(list(offered.values()), position="top").run()


def draw(settings: Settings, hosted: bool, page: Page, go: Callable[[str], None]) -> None:
    """Draw one page; whatever is wrong with data or model becomes a sentence on it."""
    try:
        if not page.opens_galaxies:
            page.show(settings)
            return
        link = links.incoming()
        sentence = waiting.wait_for(("start",), "Starting", loaders.start)
        if sentence and not hosted:  # it names a folder
            st.warning(escape_markdown(sentence))
        if (opened := large.opened(settings, hosted)) is not None:
            large_links.follow(opened)
            _show_notices()
            if page.show_large is None:
                large.refuse(page.title, opened)
            else:
                page.show_large(opened, go)
            large_links.publish(opened)
            st.session_state.pop(state.NOTICES, None)
            return
        if page.needs_libraries and not imported.is_set():
            waiting.wait_for(*LIBRARIES)
        workspace = _open(settings, hosted, link, go)
        st.session_state.pop(state.STORE, None)
        keep_in_browser(workspace)
        _show_notices()
        above = st.container()
        page.show(workspace)
        with above:
            _embed_the_rest(workspace)
        if "data" in workspace.opened:
            links.publish(workspace)
        # only now: a page that waits for something is drawn again
        st.session_state.pop(state.NOTICES, None)
    except (ValueError, OSError) as error:
        _explain(error)


def _open(
    settings: Settings, hosted: bool, link: state.Link | None, go: Callable[[str], None]
) -> Workspace:
    """Set up the workspace from the menus, and from the link if one came in."""
    loaded = st.session_state.get(state.LOADED_PATHS, [])
    choices = model_choices(hosted, loaded, settings.listing, settings.vectors)
    default = default_model(settings, hosted, choices)
    choices = told_apart(choices)
    sources = settings.offered(hosted)
    _set_default(state.SOURCE, sources[0].name, [source.name for source in sources])
    if link:
        follow_links.follow(link, choices, [source.name for source in sources])
    _set_default(state.CHECKPOINT, default, [choice.reference for choice in choices])
    bar = st.container(horizontal=True, vertical_alignment="bottom", key="bar")
    with bar:
        labels = {choice.reference: choice.label for choice in choices}
        st.selectbox(
            "Model",
            list(labels),
            format_func=lambda reference: labels.get(reference, reference),
            key=state.CHECKPOINT,
            width=208,
        )
        if len(sources) > 1:
            st.selectbox(
                "Galaxies",
                [source.name for source in sources],
                key=state.SOURCE,
                on_change=_forget_galaxy,
                width=208,
            )
    source = next(source for source in sources if source.name == st.session_state[state.SOURCE])
    if source.name in st.session_state.get(state.SKIP_CORRUPT, []):
        source = dataclasses.replace(source, skip_corrupt=True)
    choice = next(
        choice for choice in choices if choice.reference == st.session_state[state.CHECKPOINT]
    )
    workspace = Workspace(settings, hosted, source, choice, choices, bar, go)
    with bar:
        _choose_labels(workspace)
    _load_model(workspace)
    follow_links.forget_what_changed(workspace)
    follow_links.keep_place(workspace)
    if link:
        follow_links.arrive(workspace, link)
    return workspace


def _choose_labels(workspace: Workspace) -> None:
    """Offer the columns that can be classes, where some galaxies have no label."""
    whole = waiting.wait_for(*data_task(workspace.source))
    columns = class_columns(whole.table) if (whole.labels < 0).any() else []
    if (wanted := st.session_state.get(state.LABEL_COLUMN)) and wanted not in columns:
        say_instead(f"These data cannot be labelled by {wanted!r}", "their own labels are shown")
    _set_default(state.LABEL_COLUMN, "", columns)
    if columns:
        st.selectbox(
            "Label",
            ["", *columns],
            format_func=lambda name: name.replace("_", " ") or "As given",
            key=state.LABEL_COLUMN,
            on_change=_forget_labels,
            width=128,
        )


def _forget_labels() -> None:
    """Forget what names classes by their number."""
    for key in (state.OFF, state.OFF_COLOUR, state.CELL, state.ANOMALY_CLASS):
        st.session_state.pop(key, None)
    if st.session_state.get(state.SAMPLE_OF):  # which is drawn in proportion to class
        _forget_galaxy()


def _load_model(workspace: Workspace) -> None:
    """Load the chosen model; on failure say why and keep the previous one."""
    reference = workspace.choice.reference
    if reference == BASELINE:
        return
    if (facts := _facts(workspace)) is not None:
        workspace.model, workspace.loaded = facts, False
        return
    try:
        _take(workspace)
        st.session_state[state.GOOD_CHECKPOINT] = reference
    except (ValueError, OSError) as error:
        previous = st.session_state.get(state.GOOD_CHECKPOINT, BASELINE)
        previous = BASELINE if previous == reference else previous
        same = (choice for choice in workspace.choices if choice.reference == previous)
        workspace.choice = next(same, workspace.choices[-1])
        remedy = (
            f"{escape_markdown(workspace.choice.label)} is still shown. Choose another model "
            "above, or an intact file."
        )
        st.error(
            f"**{escape_markdown(label_of(reference))} was not opened.** "
            f"{escape_markdown(error)}\n\n{remedy}"
        )
        if workspace.choice.reference != BASELINE:
            _take(workspace)


def _take(workspace: Workspace) -> None:
    """Load the model, or vectors in its place; ValueError where no open galaxy has a vector."""
    workspace.model = workspace.stored = None
    if not workspace.choice.reference.startswith(VECTORS):
        workspace.model = waiting.wait_for(*model_task(workspace.choice))
        return
    workspace.stored = waiting.wait_for(*vectors_task(workspace.choice))
    try:
        _ = workspace.sampled
    except ValueError:
        workspace.stored = None
        raise


def _facts(workspace: Workspace) -> Any | None:
    """Return the card of a model whose vectors are cached; None once libraries are imported."""
    if imported.is_set():
        return None
    facts = loaders.released_facts(workspace.choice.reference, workspace.choice.sha256)
    return facts if facts is not None and workspace.has_embedded(facts) else None


def _embed_the_rest(workspace: Workspace) -> None:
    """Where a sample is shown, say so, and embed all galaxies while the page is used."""
    if (
        workspace.model is None
        or workspace.sampled is None
        or not loaders.jobs().has(("embed", *workspace.key))
    ):
        return  # the sample comes first
    shown, count = len(workspace.data), len(workspace.whole)
    sample = f"Showing {shown:,} of {count:,} galaxies, sampled in proportion to class."
    sentence = f"Embedding all {count:,} with {workspace.choice.label}"
    try:
        key = ("embed", workspace.model.hash, workspace.whole.fingerprint)
        task = loaders.embed(workspace.model, workspace.whole, workspace.given_whole)
        waiting.in_background(key, sentence, task, sample)
    except (ValueError, OSError) as error:
        _explain(error)


def _set_default(key: str, value: str, options: list[str]) -> None:
    if st.session_state.get(key) not in options:
        st.session_state[key] = value


def _forget_galaxy() -> None:
    for key in (state.ROW, state.POLYGONS, state.OFF_COLOUR, state.LINKED):
        st.session_state.pop(key, None)


def _show_notices() -> None:
    for sentence in st.session_state.get(state.NOTICES, []):
        st.info(escape_markdown(sentence))


def _explain(error: Exception) -> None:
    """Show an error of the data or the model as its sentence; a damaged image can be left out."""
    st.error(
        escape_markdown(error) or f"Something went wrong ({type(error).__name__}); reload the page."
    )
    source = st.session_state.get(state.SOURCE, "")
    from astrojepa.data import PictureError

    if isinstance(error, PictureError):
        st.button("Leave out damaged images", on_click=_leave_out, args=(source,))


def _leave_out(source: str) -> None:
    st.session_state[state.SKIP_CORRUPT] = [*st.session_state.get(state.SKIP_CORRUPT, []), source]
