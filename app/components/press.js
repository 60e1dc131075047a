// What is drawn anew under a pressed pointer would lose the drag or the click: it waits for the end of the press.

function afterPress(root, paint) {
  if (!root.paint) root.addEventListener("pointerdown", (event) => event.button === 0 && hold(root));
  root.paint = paint;
  if (!root.held) paint();
}

function hold(root) {
  root.held = true;
  const ended = new AbortController();
  const release = () => {
    ended.abort();
    setTimeout(() => {
      root.held = false;
      root.paint();
    });
  };
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, { capture: true, signal: ended.signal });
}
