// Streamlit draws an open popover at the end of the page. Here Tab goes from its button through it and on to what comes after the
// button; Shift and Tab go the other way. After a choice in a menu Streamlit leaves nothing in the order of Tab: then all counts.
if (!globalThis.explorerPopovers) {
  globalThis.explorerPopovers = true;
  addEventListener("keydown", (event) => {
    const button = document.querySelector('[data-testid="stPopoverButton"][aria-expanded="true"]');
    const body = document.querySelector('[data-testid="stPopoverBody"]');
    if (event.key !== "Tab" || !button || !body) return;
    const inside = [...body.querySelectorAll("button, input, textarea, summary, a[href], [tabindex]")];
    const shown = inside.filter((one) => !one.disabled && one.getClientRects().length && !one.matches("[data-testid=stSelectbox] button"));
    const inOrder = shown.filter((one) => one.tabIndex >= 0);
    const stops = [button, ...(inOrder.length ? inOrder : shown)];
    const at = stops.indexOf(document.activeElement);
    const to = at + (event.shiftKey ? -1 : 1);
    if (at < 0 || to < 0) return;
    (stops[to] ?? button).focus();
    if (stops[to]) event.preventDefault();
  }, true);
}
