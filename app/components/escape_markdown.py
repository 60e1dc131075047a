"""Text from files, data and links, escaped so that none of it acts as markup."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"[\\`*_\[\]<>$~&]|:(?=[\w/])")
_BEGINNING = re.compile(r"^(\s*\d*)([#+.)-])")  # of a heading or a list


def escape_markdown(text: object) -> str:
    """Write text so that Streamlit's Markdown shows it letter by letter, on one line."""
    line = _MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))
    return _BEGINNING.sub(r"\1\\\2", line)
