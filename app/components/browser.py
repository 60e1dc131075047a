"""The browser's part of a component: its files, and what it sends back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

COMMENT = re.compile(r"(?<=[;{}]) // .*")  # at the end of a line
PRESS = "../press"  # the script that lets nothing be drawn anew under a pressed pointer


def parts(name: str, *scripts: str, html: str = "", folder: str = "") -> dict[str, str | None]:
    """Read what a component is made from: `html`, `css` and `js` of its folder, the `scripts` as
    one module where there are several, without indentation and comments, since each drawing sends
    them; None for what it has not.
    """
    here = Path(__file__).parent / (folder or name)

    def text(file: str) -> str | None:
        if not (path := here / file).is_file():
            return None
        whole = path.read_text(encoding="utf-8")
        lines = (COMMENT.sub("", line.strip()) for line in whole.splitlines())
        return "\n".join(line for line in lines if line and not line.startswith("//"))

    js = "\n".join(text(f"{script}.js") or "" for script in scripts or (name,))
    return {"html": html or text(f"{name}.html"), "css": text(f"{name}.css"), "js": js}


@st.cache_resource(show_spinner=False)
def component(name: str, *scripts: str, html: str = "", folder: str = "", variant: str = "") -> Any:
    """Register a component of this name, or a variant with other scripts; the rest is that of
    `parts`.
    """
    found = parts(name, *scripts, html=html, folder=folder)
    return st.components.v2.component(f"astrojepa_{name}{variant and '_'}{variant}", **found)  # type: ignore[arg-type]


def hears(
    key: str, event: str, part: str, callback: Callable[[Any], None], of: str | None = None
) -> Callable[[], None]:
    """Return what takes a part of the message that the component with this key sent of an event,
    as the browser sent it, and gives it to the callback; with `of`, only if the message has it too.
    """

    def heard() -> None:
        message = (st.session_state.get(key) or {}).get(event)
        if isinstance(message, dict) and of in (None, message.get("of")):
            callback(message.get(part))

    return heard
