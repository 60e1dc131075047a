// Keys and clicks on the buttons of some containers, with the galaxy that is shown. Streamlit's own would mean the galaxy that the
// server has gone on to, which a slow page does not show yet.

export default function keys({ parentElement, data, setTriggerValue }) {
  if (!data) return undefined;
  const waiting = queued(data.queue, parentElement, (presses) => setTriggerValue("keys", { presses }));
  drop(waiting, data.taken);
  // a group of buttons that was just clicked keeps the arrow keys for itself; this lets go of it, so that they mean the galaxies
  const active = document.activeElement;
  if (active?.closest(`.st-key-${data.frees}`)) active.blur();
  const buttons = () => data.groups.flatMap((name) => [...document.querySelectorAll(`.st-key-${name} button`)]);
  const press = (event, at, repeated = false) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!repeated && !buttons()[at]?.disabled) wait(waiting, data.row, at, data.given);
  };
  const typed = (event) => {
    const at = data.keys.indexOf(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    const target = event.composedPath()[0];
    const arrow = event.key.startsWith("Arrow");
    const tiles = target.closest?.(".gallery"); // which has arrow keys, and digits where they mark, of its own
    const own = target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable], [role=listbox]") || (arrow ? tiles || target.closest?.("[role=radiogroup]") : tiles?.marks);
    const shifted = event.shiftKey && !/^[0-9]$/.test(event.key); // some keyboards have digits with Shift
    if (at < 0 || own || event.ctrlKey || event.metaKey || event.altKey || shifted) return;
    press(event, at, event.repeat && !arrow); // a key that is held down is one press
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
