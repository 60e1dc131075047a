"""The patch panel's section: masks, patch errors and their scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ...components.choose import choose
from ...components.facts import without_errors
from ...components.instead import say_instead
from ...components.latent_map import palette
from ...components.patch_panel import masks
from ...components.patch_panel.masks import KINDS, Masks
from ...components.patch_panel.patch_panel import Panel, patch_panel
from ...server import pictures
from ...session import examples, links, loaders, state, waiting
from ...session.workspace import Task, Workspace

MEASURES = {"mse": "Squared error", "cosine": "Cosine"}
NAMES = {
    "mse": "Prediction error (squared), 1 = no better than predicting zeros",
    "cosine": "Cosine similarity of prediction and target",
}
STOPS = {"mse": palette.MAGMA, "cosine": palette.VIRIDIS}
LAYOUTS = {"over": "Overlay", "beside": "Side by side"}
HINTS = {
    "tiling": "Each patch is hidden exactly once and predicted from the rest.",
    "random": "Random masks as in training, drawn with the seed.",
    "bright": "As in training, but each target block is centred on a bright patch.",
    "drawn": (
        "Drag over the image to hide patches; drag again to show them. Keys: arrows, space, i "
        "inverts, x clears."
    ),
}
SCALING = "Computing the colour scale of the patch errors"
SCALE_MASKS = {"tiling": "tiling", "drawn": "tiling", "random": "random", "bright": "random"}


@dataclass(frozen=True)
class Around:
    """What the panel asks of the galaxies beside the one that is shown."""

    scale: Callable[[str], Task]  # what measures the colour scale under these masks
    search: Callable[[str], None]  # begins a search for the patches of a mask
    publish: Callable[[], Any]  # writes the link


def of_workspace(workspace: Workspace, row: int) -> Around:
    """Those of a small data set."""

    def scale(kind: str) -> Task:
        task = loaders.error_scale(workspace.model, workspace.data, kind)
        return ("scale", *workspace.key, kind), SCALING, task

    return Around(
        scale,
        lambda mask: examples.set_region(workspace, row, mask),
        lambda: links.publish(workspace),
    )


def patch_panel_section(
    workspace: Workspace, row: int, image: np.ndarray, around: Around | None = None
) -> None:
    """Show the patch panel, or the image and one sentence why there is none."""
    if sentence := without_errors(workspace):
        shown = pictures.inline(seen(workspace, image) if workspace.model else image, "png")
        st.image(shown, width="stretch", alt=f"Galaxy {workspace.data.ids[row]}")
        st.caption(sentence)
        return
    for key, value in ((state.MASK_SEED, 0), (state.MASK_COUNT, 1), (state.SHADE, 60)):
        st.session_state.setdefault(key, value)
    _panel(workspace, row, image, around or of_workspace(workspace, row))


def seen(workspace: Workspace, image: np.ndarray) -> np.ndarray:
    """Return the model's input before normalisation: uint8 (S, S, 3)."""
    from astrojepa.data.crops import seen_part

    return seen_part(image, workspace.model.config.image)


@st.fragment
def _panel(workspace: Workspace, row: int, image: np.ndarray, around: Around) -> None:
    if st.session_state.pop(state.TO_MAP, False):
        workspace.go("map")
    chosen = _choose_masks(workspace)
    with st.container(horizontal=True, vertical_alignment="bottom", key="panel_look"):
        choose("Measure", MEASURES, state.MEASURE)
        choose("Show", LAYOUTS, state.LAYOUT)
        measure, layout = st.session_state[state.MEASURE], st.session_state[state.LAYOUT]
        opacity = st.slider(
            "Opacity, %",
            0,
            100,
            key=state.SHADE,
            step=5,
            persist_state="session",
            disabled=layout == "beside",
            width=160,
        )
    board = st.container()
    foot = st.container(
        horizontal=True, vertical_alignment="bottom", gap="medium", key="panel_foot"
    )
    measured = waiting.show_when_ready(*around.scale(SCALE_MASKS[chosen.kind]))
    hidden = masks.read_mask(chosen.drawn, workspace.model.grid) if chosen.kind == "drawn" else None
    errors, elapsed, problem = None, 0.0, "" if hidden is None else masks.complaint(hidden)
    if not problem:
        errors, elapsed = waiting.in_turn(
            lambda: loaders.panel_errors(
                workspace.model, workspace.data, *workspace.key, row, chosen
            )
        )
    with foot:
        shown = _outlined(chosen, errors)
        _lock(measured)
        if chosen.kind == "drawn" and hidden is not None and hidden.any():
            _search(around, chosen)
    low, high = _scale(measured, measure)
    values = None if errors is None or measured is None else getattr(errors, measure)
    summary = problem or describe(errors, measure, elapsed)
    size, grid = workspace.model.config.image.image_size, workspace.model.grid
    panel = Panel(
        grid=grid,
        subject=f"{workspace.model.hash} {workspace.data.fingerprint} {row} {chosen.kind}",
        values=None if values is None else masks.numbers(values),
        spread=[None] * grid**2
        if errors is None or measure != "mse"
        else masks.numbers(errors.spread),
        times=[0] * grid**2 if errors is None else errors.times.ravel().tolist(),
        roles=masks.PLAIN * grid**2
        if errors is None
        else masks.roles(chosen, errors.hidden, errors.times, shown),
        mask=chosen.drawn,
        low=low,
        high=high,
        stops=STOPS[measure],
        opacity=opacity / 100,
        layout=layout,
        unit="error" if measure == "mse" else "cosine",
        name=f"{NAMES[measure]}; same scale for all galaxies{', locked' if _locked() else ''}.",
        sentence=summary,
        label=(
            f"Model input, {size} by {size} pixels, in {grid} by {grid} patches. "
            f"{HINTS[chosen.kind]}"
        ),
    )
    with board:
        patch_panel(
            "patch_panel", panel, seen(workspace, image), _drawn if chosen.kind == "drawn" else None
        )
    st.caption(f"{HINTS[chosen.kind]} The image is the model input, {size} × {size} pixels.")
    around.publish()


def _choose_masks(workspace: Workspace) -> Masks:
    with st.container(horizontal=True, vertical_alignment="bottom", key="panel_masks"):
        kind = choose("Hidden patches", KINDS, state.MASK_KIND)
        if kind in {"random", "bright"}:
            seed = st.number_input(
                "Seed",
                0,
                state.MAX_SEED,
                key=state.MASK_SEED,
                step=1,
                persist_state="session",
                width=120,
            )
            count = st.select_slider(
                "Masks to average",
                masks.COUNTS,
                key=state.MASK_COUNT,
                persist_state="session",
                width=160,
            )
            return Masks(kind, int(seed), int(count))
    if kind != "drawn":
        return Masks("tiling")
    grid = workspace.model.grid
    drawn: Any = st.session_state.get(state.DRAWN)
    if masks.read_mask(drawn, grid) is None:
        if drawn:
            say_instead(
                f"The mask that was drawn is not one of the {grid} × {grid} patches of this model",
                "its central patches are hidden",
            )
        drawn = st.session_state[state.DRAWN] = masks.write_mask(masks.first_mask(grid))
    return Masks("drawn", drawn=drawn)


def _search(around: Around, chosen: Masks) -> None:
    """Offer to search all galaxies for the patches that are hidden."""

    def search() -> None:
        around.search(chosen.drawn)
        st.session_state[state.TO_MAP] = True

    help = "Ranks all galaxies by the similarity of their best-matching part to this region."
    st.button("Find this region elsewhere", help=help, on_click=search)


def _outlined(chosen: Masks, errors: Any) -> int:
    """Return which mask is outlined, counted from 1; 0 = none."""
    count = 0 if errors is None else len(errors.hidden)
    if count < 2:
        return count
    options = list(range(count + 1))
    key = f"outlined_{chosen.kind}_{count}"
    return int(
        st.select_slider(
            f"Show mask (1 to {count})", options, key=key, format_func=_mask_name, width=200
        )
    )


def _mask_name(number: int) -> str:
    return str(number) if number else "none"


def describe(errors: Any, measure: str, elapsed: float) -> str:
    """Sum up one galaxy's patch errors in a line."""
    values = getattr(errors, measure)
    known = np.isfinite(values)
    parts = [f"mean {np.nanmean(values):.3f} over {int(known.sum())} patches"]
    spread = errors.spread[np.isfinite(errors.spread)]
    if measure == "mse" and len(spread):
        parts.append(f"± {spread.mean():.3f} between masks")
    if elapsed:
        parts.append(f"CPU, about {elapsed * 1000:.0f} ms per heatmap")
    return ", ".join(parts)


def _scale(measured: Any, measure: str) -> tuple[float, float]:
    """The ends of the scale: the locked ones, else those measured on this model and these masks."""
    return (st.session_state.get(state.LOCKED) or measured or {}).get(measure, (0.0, 1.0))


def _locked() -> bool:
    return bool(st.session_state.get(state.LOCKED))


def _lock(measured: Any) -> None:
    def toggle() -> None:
        st.session_state[state.LOCKED] = measured if st.session_state.get("lock_scale") else None

    st.session_state["lock_scale"] = _locked()
    help = "Keeps the colour scale when the model, the masks or the data change."
    barred = measured is None and not _locked()
    st.toggle("Lock scale", key="lock_scale", on_change=toggle, disabled=barred, help=help)


def _drawn(mask: Any) -> None:
    if isinstance(mask, str) and len(mask) <= 1024:
        st.session_state[state.DRAWN] = mask
