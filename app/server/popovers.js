// Streamlit draws an open popover at the end of the page. Here Tab goes from its button into it, and from its end to what comes after
// the button; Shift and Tab go the other way.
if (!globalThis.explorerPopovers) {
  globalThis.explorerPopovers = true;
  addEventListener("keydown", (event) => {
    const button = document.querySelector('[data-testid="stPopoverButton"][aria-expanded="true"]');
    const body = document.querySelector('[data-testid="stPopoverBody"]');
    if (event.key !== "Tab" || !button || !body) return;
    const inside = [...body.querySelectorAll("button, input, textarea, summary, a[href], [tabindex]")];
    const stops = inside.filter((one) => one.tabIndex >= 0 && !one.disabled && one.getClientRects().length);
    const at = document.activeElement;
    if (at === button && !event.shiftKey && stops.length) {
      stops[0].focus();
      event.preventDefault();
    } else if (at && at === stops.at(event.shiftKey ? 0 : -1)) {
      button.focus();
      if (event.shiftKey) event.preventDefault();
    }
  }, true);
}
