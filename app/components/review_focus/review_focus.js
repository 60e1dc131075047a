// A group of buttons that was just clicked keeps the arrow keys for itself; this lets go of it, so that they mean the galaxies.

export default function reviewFocus({ data }) {
  if (!data) return;
  const active = document.activeElement;
  if (active?.closest(`.st-key-${data.group}`)) active.blur();
}
