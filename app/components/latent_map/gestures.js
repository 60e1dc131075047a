// Pointer, wheel and keys: drag pans, a tap selects, lasso and box draw, two fingers zoom. Everything else is in latent_map.js.

const GESTURE = 200; // ms without a turn of the wheel until it belongs to the map that the page was scrolled to

function place(state, event) {
  const box = state.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function listen(state) {
  const { canvas, root } = state;
  canvas.addEventListener("pointerdown", (event) => pressed(state, event));
  canvas.addEventListener("pointermove", (event) => moved(state, event));
  canvas.addEventListener("pointerup", (event) => released(state, event));
  canvas.addEventListener("pointercancel", (event) => {
    state.pointers.delete(event.pointerId);
    state.drawn = null;
  });
  canvas.addEventListener("pointerleave", () => state.pointers.size || showCard(state, null));
  canvas.addEventListener("dblclick", (event) => {
    zoomAt(state.view, ...place(state, event), event.shiftKey ? 0.5 : 2);
    redraw(state);
  });
  state.scroll = (event) => (state.scrolledAt = event.timeStamp);
  document.addEventListener("scroll", state.scroll, true);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && event.timeStamp - state.scrolledAt < GESTURE) return void state.scroll(event);
    event.preventDefault();
    const amount = event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY;
    zoomAt(state.view, ...place(state, event), Math.exp(-Math.max(-120, Math.min(120, amount)) * 0.0028));
    showCard(state, null);
    redraw(state);
  }, { passive: false });
  root.addEventListener("keydown", (event) => keyed(state, event));
}

function pressed(state, event) {
  if (state.moving) return;
  state.canvas.setPointerCapture(event.pointerId);
  state.canvas.focus({ preventScroll: true });
  const at = place(state, event);
  state.pointers.set(event.pointerId, at);
  state.press = { at, last: at, travelled: 0 };
  if (state.pointers.size > 1) state.drawn = null;
  else if (state.mode !== "pan") state.drawn = [toData(state.view, ...at)];
}

function moved(state, event) {
  if (state.moving) return;
  const at = place(state, event);
  if (!state.pointers.has(event.pointerId)) return void (event.pointerType !== "touch" && showCard(state, nearest(state, ...at), ...at));
  const before = state.pointers.get(event.pointerId);
  if (state.pointers.size === 2) return pinch(state, event.pointerId, at);
  state.pointers.set(event.pointerId, at);
  const [dx, dy] = [at[0] - before[0], at[1] - before[1]];
  state.press.travelled += Math.hypot(dx, dy);
  if (state.drawn) extend(state, at);
  else if (state.press.travelled > 4) {
    pan(state, dx, dy);
    showCard(state, null);
    state.canvas.style.cursor = "grabbing";
  }
  redraw(state);
}

function pan(state, dx, dy) {
  const k = pixelsPerUnit(state.view);
  state.view.cx -= dx / k;
  state.view.cy += dy / k;
}

// Two fingers: their spread zooms, their middle pans.
function pinch(state, id, at) {
  const other = [...state.pointers].find(([key]) => key !== id)[1];
  const before = state.pointers.get(id);
  const spread = (a) => Math.max(20, Math.hypot(a[0] - other[0], a[1] - other[1]));
  zoomAt(state.view, (before[0] + other[0]) / 2, (before[1] + other[1]) / 2, spread(at) / spread(before));
  pan(state, (at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
  state.pointers.set(id, at);
  state.press.travelled = 99;
  redraw(state);
}

function extend(state, at) {
  const { drawn, view, press } = state;
  if (state.mode === "box") {
    const [x0, y0] = toData(view, ...press.at);
    const [x1, y1] = toData(view, ...at);
    state.drawn = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  } else if (Math.hypot(at[0] - press.last[0], at[1] - press.last[1]) >= 3) {
    drawn.push(toData(view, ...at));
    press.last = at;
  }
}

function released(state, event) {
  if (!state.pointers.delete(event.pointerId)) return;
  const at = place(state, event);
  if (state.drawn && state.press.travelled > 6) return finishShape(state, event.shiftKey);
  state.drawn = null;
  if (state.press.travelled > (event.pointerType === "touch" ? 10 : 4) || state.pointers.size) return redraw(state);
  const row = nearest(state, ...at, event.pointerType === "touch" ? 24 : 14);
  if (row !== null) select(state, row, 0);
  redraw(state);
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ACTIONS = { l: "lasso", b: "box", p: "pictures", c: "contours", Escape: "clear", "+": "in", "=": "in", "-": "out", 0: "fit" };

function keyed(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || state.moving) return;
  const direction = event.target === state.canvas ? DIRECTIONS[event.key] : undefined;
  if (direction && event.shiftKey) pan(state, -60 * direction[0], 60 * direction[1]);
  else if (direction) step(state, ...direction);
  else if (ACTIONS[event.key]) act(state, ACTIONS[event.key]);
  else return;
  event.preventDefault();
  event.stopPropagation();
  redraw(state);
}

// An arrow goes to the next galaxy that way; from nobody, or from somebody greyed, to whoever is nearest the middle.
function step(state, dx, dy) {
  const { points, view, selected, bright } = state;
  let next = selected === null ? null : nextInDirection(points, selected, dx, dy, bright);
  if (selected === null) next = nearest(state, view.width / 2, view.height / 2, Math.max(view.width, view.height));
  if (next === null) return;
  showCard(state, null);
  select(state, next, 160); // whoever walks fast is not asked about at every step
  reveal(state, next);
}

// "/" anywhere on the page goes to the search field, as long as nobody is writing.
function slash(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.composedPath()[0];
  if (target instanceof Element && target.closest("input, textarea, select, [contenteditable=true]")) return;
  const field = document.querySelector(".st-key-find input");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}
