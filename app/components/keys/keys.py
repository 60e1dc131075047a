"""Keys and clicks that mean the galaxy which was seen, taken once each and in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ...session import state
from ..browser import component, hears

QUEUE = "../keys/queue"  # the script that numbers presses
MOST = 1000  # presses of one message


def keys(
    key: str,
    row: int,
    given: int,
    buttons: Sequence[tuple[str, Sequence[str]]],
    on_press: Callable[[int, int, int], None],
    frees: str,
) -> None:
    """Have the keys of the `buttons`, given by their containers, and clicks on them mean the galaxy
    of this row for as long as the browser shows it. `key` says of which galaxies it is one.

    `on_press` gets row, number of the button, counted through all containers, and `given`, as the
    browser showed them. Whenever another galaxy is shown, the widgets of the group `frees`, which
    would take the arrow keys, lose the focus.
    """
    groups, names = [name for name, _ in buttons], [one for _, own in buttons for one in own]
    data = {"row": row, "given": given, "groups": groups, "keys": names, "frees": frees}

    def pressed(message: Any) -> None:
        for of, number, had in new_presses(key, message):
            if 0 <= number < len(names):
                on_press(of, number, had)

    with st.container(key="keys_aside"):
        component("keys", "keys", QUEUE)(
            data=data | {"queue": key, "taken": taken(key)},
            key=key,
            on_keys_change=hears(key, "keys", "presses", pressed),
        )


def taken(key: str) -> int:
    """The number of the last press that was taken, which the browser need not send again."""
    return int(st.session_state.get(state.PRESSES, {}).get(key, 0))


def new_presses(key: str, message: Any) -> list[tuple[int, int, int]]:
    """Take the new presses of a browser's message, in order; malformed ones are left out."""
    last, found = taken(key), []
    for press in message[:MOST] if isinstance(message, list) else []:
        whole = isinstance(press, list) and [type(part) for part in press] == [int] * 4
        if whole and press[0] > last:
            last, *one = press
            found.append(tuple(one))
    st.session_state.setdefault(state.PRESSES, {})[key] = last
    return found
