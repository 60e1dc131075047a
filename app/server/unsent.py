"""Nothing that a part of a page has drawn is lost, whatever runs next.

Streamlit clears what waits to be sent when a run begins, and marks the run before as cut short, so
that the browser removes nothing that it no longer drew. A run of another part drops nothing, and
marks it all the same: beside a progress bar, which runs by itself, one of seven lassos that were
cleared left its galaxies on the page. So what waits is sent; only a run of the whole page, which
draws everything anew, clears it.
"""

from __future__ import annotations

from inspect import signature

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue


def mend() -> None:
    """Have Streamlit send what waits before it sends what a run of a part of the page draws.

    Raises:
        AttributeError: in a version of Streamlit whose internals differ; nothing is changed.

    """
    forget = ForwardMsgQueue.clear
    known = ["self", "retain_lifecycle_msgs", "fragment_ids_this_run"]
    if list(signature(forget).parameters) != known or "_delta_index_map" not in vars(
        ForwardMsgQueue()
    ):
        raise AttributeError("ForwardMsgQueue.clear")

    def clear(
        self: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if fragment_ids_this_run is None:
            forget(self, retain_lifecycle_msgs)
        else:
            self._delta_index_map = {}  # what is drawn anew comes after the start of its run

    ForwardMsgQueue.clear = clear  # type: ignore[method-assign]
