// Pointer, wheel and keys: drag pans, a tap selects, lasso and box draw, two fingers zoom. Everything else is in latent_map.js.

function place(state, event) {
  const box = state.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function listen(state) {
  const { canvas, root } = state;
  canvas.addEventListener("pointerdown", (event) => pressed(state, event));
  canvas.addEventListener("pointermove", (event) => moved(state, event));
  canvas.addEventListener("pointerup", (event) => released(state, event));
  canvas.addEventListener("pointercancel", (event) => state.pointers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => state.pointers.size || showCard(state, null));
  canvas.addEventListener("dblclick", (event) => {
    zoomAt(state.view, ...place(state, event), 2);
    redraw(state);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const amount = event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY;
    zoomAt(state.view, ...place(state, event), Math.exp(-Math.max(-120, Math.min(120, amount)) * 0.0028));
    showCard(state, null);
  }, { passive: false });
  root.addEventListener("keydown", (event) => keyed(state, event));
}

function pressed(state, event) {
  state.canvas.setPointerCapture(event.pointerId);
  state.canvas.focus({ preventScroll: true });
  const at = place(state, event);
  state.pointers.set(event.pointerId, at);
  state.press = { at, last: at, travelled: 0 };
  if (state.pointers.size > 1) state.drawn = null;
  else if (state.mode !== "pan") state.drawn = [toData(state.view, ...at)];
}

function moved(state, event) {
  const at = place(state, event);
  if (!state.pointers.has(event.pointerId)) return void (event.pointerType !== "touch" && showCard(state, nearest(state, ...at), ...at));
  const before = state.pointers.get(event.pointerId);
  if (state.pointers.size === 2) return pinch(state, event.pointerId, at);
  state.pointers.set(event.pointerId, at);
  const [dx, dy] = [at[0] - before[0], at[1] - before[1]];
  state.press.travelled += Math.hypot(dx, dy);
  if (state.drawn) extend(state, at);
  else if (state.press.travelled > 4) {
    const k = pixelsPerUnit(state.view);
    state.view.cx -= dx / k;
    state.view.cy += dy / k;
    showCard(state, null);
    state.canvas.style.cursor = "grabbing";
  }
  redraw(state);
}

function pinch(state, id, at) {
  const other = [...state.pointers].find(([key]) => key !== id)[1];
  const before = state.pointers.get(id);
  const spread = (a) => Math.max(20, Math.hypot(a[0] - other[0], a[1] - other[1]));
  zoomAt(state.view, (at[0] + other[0]) / 2, (at[1] + other[1]) / 2, spread(at) / spread(before));
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
  if (state.press.travelled > 4 || state.pointers.size) return redraw(state);
  const row = nearest(state, ...at);
  if (row === null) return redraw(state);
  state.points.header.selected = row;
  state.points.header.neighbours = [];
  state.send("click", { row });
  redraw(state);
}

function keyed(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = 60 / pixelsPerUnit(state.view);
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const actions = { l: "lasso", b: "box", p: "pictures", Escape: "clear", "+": "in", "=": "in", "-": "out", 0: "fit" };
  if (moves[event.key]) {
    state.view.cx += moves[event.key][0];
    state.view.cy += moves[event.key][1];
    redraw(state);
  } else if (actions[event.key]) act(state, actions[event.key]);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
