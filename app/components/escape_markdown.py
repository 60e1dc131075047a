"""Text from files, data and links, escaped so that none of it acts as markup."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"[\\`*_\[\]<>$~&]|:(?=[\w/])")
_BEGINNING = re.compile(r"^(\s*\d*)([#+.)-])")  # of a heading or a list
# What Streamlit makes icons, emoji and arrows of after it has undone the escapes: letters that
# nobody sees keep it apart. 12:30:49 is none of it.
_SIGNS = re.compile(r":(?=material/|(?!\d\d:)[\w+-]+:)|(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)")
_JOINER = "\N{WORD JOINER}"


def escape_markdown(text: object) -> str:
    """Write text so that Streamlit's Markdown shows it letter by letter, on one line."""
    line = _SIGNS.sub(rf"\g<0>{_JOINER}", " ".join(str(text).split()))
    return _BEGINNING.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", line))
