"""The first look: the page that the server hands out holds the map of what is opened first, where
all of it was computed before.

A browser works for a second or more on Streamlit's own scripts, and longer beside other programs,
before the first word of a page can be asked for. Meanwhile it draws the map, by the same program;
once Streamlit's map stands in its place, this one goes (first_look.js).
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit import file_util

from .settings import is_hosted, settings_of_start

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HERE = Path(__file__).parent
INDEX = Path(file_util.get_static_dir()) / "index.html"
BEFORE = '<div id="root">'
MOST = 50_000  # galaxies: half a megabyte of page
OPENING = 30.0  # seconds; galaxies that take longer to open have no first look
METHOD = "umap"
SIMULATED = "Simulated galaxies: drawn by a program, not observed."


@dataclass
class _Look:
    page: str = ""  # the whole page, once there is a map for it
    hosted: bool = True  # whom it was made for


_look = _Look()


def prepare() -> None:
    """Open the galaxies shown first and make the page; none where a part of the map is missing."""
    hosted = is_hosted(os.environ, st.get_option("server.address"), {})
    if extra := markup(hosted):
        index = INDEX.read_text(encoding="utf-8")
        _look.hosted, _look.page = hosted, index.replace(BEFORE, extra + BEFORE, 1)


def markup(hosted: bool) -> str:
    """Return what the page holds beside Streamlit: the map that a visitor without a link sees, and
    what draws it; nothing where there is none.
    """
    from astrojepa.evaluation.maps.projection import cached_projection
    from astrojepa.evaluation.vectors.embed import cached_embedding

    from ..components.latent_map import colouring, geometry, layers
    from ..components.latent_map.latent_map import parts
    from ..session import large, loaders
    from ..session import workspace as workspaces

    settings = settings_of_start()
    if settings.vectors and not hosted:  # which are read before there is a map
        large.begin(settings, OPENING)
        return ""
    choices = workspaces.model_choices(hosted, [], settings.listing)
    reference = workspaces.default_model(settings, hosted, choices)
    choice = next(choice for choice in choices if choice.reference == reference)
    source = settings.offered(hosted)[0]
    key, _, task = workspaces.data_task(source)
    opening = loaders.jobs().start(key, task)
    facts = loaders.released_facts(choice.reference, choice.sha256)
    if not opening.finished.wait(OPENING) or opening.value is None or facts is None:
        return ""
    workspace = workspaces.Workspace(
        settings, hosted, source, choice, choices, bar=None, go=lambda path: None, model=facts
    )
    if len(opening.value) > MOST:
        return ""
    workspace.opened |= {"whole": opening.value, "sampled": None}
    vectors = cached_embedding(facts, workspace.data)
    places = None if vectors is None else cached_projection(vectors, METHOD)
    if places is None or not workspace.labelled:
        return ""
    coloured = colouring.by_class(workspace.data.labels, workspace.data.classes)
    packed = layers.packed(workspace, METHOD, geometry.quantise(places), coloured)
    note = SIMULATED if workspace.data.simulated else ""
    map_, data = parts(), base64.b64encode(packed).decode()
    style, script = (
        (HERE / f"first_look.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    return (
        f"<style>{style}</style>\n"
        f'<div id="first-look" inert hidden data-note="{note}" data-map="{data}"></div>\n'
        f'<template id="first-look-map"><style>{map_["css"]}</style>{map_["html"]}</template>\n'
        f'<script type="module" async>{map_["js"]}\n{script}</script>\n'
    )


def _answer(request: Request) -> Response:
    from starlette.responses import FileResponse, HTMLResponse

    headers = {"Cache-Control": "no-cache"}
    hosted = is_hosted(os.environ, st.get_option("server.address"), request.headers)
    if _look.page and not request.url.query and hosted == _look.hosted:
        return HTMLResponse(_look.page, headers=headers)
    return FileResponse(INDEX, headers=headers)


def routes(base: str = "") -> list[Any]:
    """Return the route for the server, below its base path."""
    from starlette.routing import Route

    return [Route(f"{base}/", _answer, methods=["GET"])]
