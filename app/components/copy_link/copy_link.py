"""The Copy link button: copies the URL of this view, or shows it if the browser refuses."""

from __future__ import annotations

from ..browser import component

_HTML = (
    '<div class="copy"><button type="button">Copy link</button>'
    '<input readonly hidden aria-label="Link to this view"></div>'
)


def copy_link(query: str) -> None:
    """Show the button; `query` is the query string, the browser adds the page's address."""
    component("copy_link", html=_HTML)(data={"query": query}, key="copy_link", width="content")
