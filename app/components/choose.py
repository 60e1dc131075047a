"""One of a few choices, named in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st


def choose(label: str, names: Mapping[str, str], key: str, **options: Any) -> Any:
    """Let one of the `names` be chosen, by its key; one always is: at first the first."""
    if st.session_state.get(key) not in names:
        st.session_state[key] = next(iter(names))
    return st.segmented_control(
        label,
        list(names),
        format_func=names.__getitem__,
        key=key,
        required=True,
        persist_state="session",
        **options,
    )
