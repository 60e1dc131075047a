// Keys and clicks on the buttons of some containers, with the galaxy that is shown. Streamlit's own would mean the galaxy that the
// server has gone on to, which a slow page does not show yet.

export default function keys({ parentElement, data, setTriggerValue }) {
  if (!data) return undefined;
  const waiting = (parentElement.waiting ??= []);
  drop(waiting, data.taken);
  // a group of buttons that was just clicked keeps the arrow keys for itself; this lets go of it, so that they mean the galaxies
  const active = document.activeElement;
  if (active?.closest(`.st-key-${data.frees}`)) active.blur();
  const buttons = () => data.groups.flatMap((name) => [...document.querySelectorAll(`.st-key-${name} button`)]);
  const press = (event, at) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!buttons()[at]?.disabled) setTriggerValue("keys", { presses: wait(waiting, data.row, at, data.given) });
  };
  const typed = (event) => {
    const at = data.keys.indexOf(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const target = event.composedPath()[0];
    const own = target.matches?.("input, textarea, select, [contenteditable]") || target.closest?.(".tile, [role=radiogroup], [role=listbox]");
    if (at >= 0 && !own && !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey) press(event, at);
  };
  const clicked = (event) => {
    const at = buttons().indexOf(event.target.closest?.("button"));
    if (at >= 0) press(event, at);
  };
  parentElement.ended?.abort();
  const ended = (parentElement.ended = new AbortController());
  addEventListener("keydown", typed, { capture: true, signal: ended.signal });
  addEventListener("click", clicked, { capture: true, signal: ended.signal });
  return () => ended.abort();
}
