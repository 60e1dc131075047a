// The latent map: a canvas, a toolbar, a legend. It is mounted once. The galaxies come as bytes and only when they change; who is
// selected comes apart from them (state.js), so that a click sends a few numbers and not the map.

const PATIENCE = 4000; // ms that what was done here counts for more than what the server says

function build(parentElement) {
  const root = parentElement.querySelector(".latent-map");
  const stage = root.querySelector(".stage");
  const canvas = root.querySelector("canvas");
  const state = {
    root, stage, canvas, ctx: canvas.getContext("2d"), card: root.querySelector(".hover"), legend: root.querySelector(".legend"),
    status: root.querySelector(".status"), spoken: root.querySelector(".spoken"), buttons: {}, view: makeView(), mode: "pan",
    pictures: "auto", polygons: [], off: new Set(), selected: null, neighbours: [], shown: [], hovered: null, drawn: null,
    matching: "", inside: null, counted: null, bright: null, points: null, xy: null, moving: false, pointers: new Map(), mine: {}, labels: [],
  };
  root.querySelectorAll("button[data-do]").forEach((button) => {
    state.buttons[button.dataset.do] = button;
    button.addEventListener("click", () => act(state, button.dataset.do));
  });
  state.resizer = new ResizeObserver(() => resize(state));
  state.resizer.observe(stage);
  stage.addEventListener("transitionend", () => redraw(state)); // the theme has changed: the stage's colour moves in a millisecond
  state.hear = () => follow(state);
  document.addEventListener("latent-map-state", state.hear);
  document.addEventListener("keydown", slash);
  listen(state);
  canvas.galaxyAt = (px, py) => nearest(state, px, py); // for tests: who is at this pixel of the canvas, and where is this row
  canvas.rowOf = (i) => (i === null ? null : rowOf(state.points, i));
  canvas.pixelOf = (row) => toScreen(state.view, state.points.xy[2 * row], state.points.xy[2 * row + 1]);
  canvas.hasPicture = (row) => Boolean(state.album.get(rowOf(state.points, row)));
  canvas.picturesShown = () => [state.pictureSide, state.shown];
  canvas.contoursShown = () => (state.contoursOn ? contoursOf(state) : []);
  canvas.labelsShown = () => state.labels.map(({ text, box }) => [text, box]);
  canvas.nextFrom = (row, dx, dy) => nextInDirection(state.points, row, dx, dy, state.bright);
  return state;
}

function resize(state) {
  const { stage, canvas, view } = state;
  const [width, height] = [stage.clientWidth, stage.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  if (!width || !height || (width === view.width && height === view.height && ratio === state.ratio)) return;
  const first = !state.ratio;
  state.ratio = ratio;
  canvas.width = Math.round(width * state.ratio);
  canvas.height = Math.round(height * state.ratio);
  Object.assign(view, { width, height });
  if (state.points && first) settleOrWalk(state);
  else if (state.points) {
    const { zoom, cx, cy } = view;
    fitView(view, state.points);
    if (zoom !== 1) Object.assign(view, { zoom, cx, cy });
  }
  draw(state); // at once: a canvas of a new size is empty, and the first drawing waits for no frame
}

function redraw(state) {
  if (!state.pending && state.points) state.pending = requestAnimationFrame(() => draw(state));
}

function draw(state) {
  cancelAnimationFrame(state.pending);
  state.pending = 0;
  const { ctx, view, ratio, canvas } = state;
  if (!ratio || !state.points) return;
  const began = performance.now();
  dress(state);
  const crowded = isCrowded(state);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (state.points.cells) drawCells(ctx, state);
  else if (crowded) {
    ctx.fillStyle = state.theme.background;
    ctx.fillRect(0, 0, view.width, view.height);
    drawDensity(ctx, state);
  } else drawDots(ctx, state);
  drawContours(ctx, state);
  drawPictures(ctx, state);
  drawMarks(ctx, state);
  drawLabels(ctx, state);
  canvas.dataset.drawn = String(state.points.n);
  canvas.dispatchEvent(new Event("latent-map-drawn", { bubbles: true, composed: true })); // for the first look, which goes then
  canvas.dataset.as = crowded || state.points.cells ? "density" : "dots";
  tellView(state);
  canvas.dataset.milliseconds = (performance.now() - began).toFixed(1);
}

// Bright: matching the filter, inside what was drawn, and of a group that the legend shows. Nothing chosen: everybody.
function chooseBright(state) {
  const { points, polygons, off, matching } = state;
  const key = JSON.stringify([points.header.layout, points.header.look, polygons, [...off], matching, state.counted]);
  if (state.brightKey !== key) {
    state.brightKey = key;
    state.inside = polygons.length ? rowsInside(points, polygons) : null;
    if (matching) state.inside = unpackBits(matching, points.n).map((one, i) => (state.inside ? one & state.inside[i] : one));
    state.bright = null;
    if (state.inside || off.size) {
      state.bright = new Uint8Array(points.n);
      for (let i = 0; i < points.n; i++) state.bright[i] = (!state.inside || state.inside[i]) && !off.has(points.colours[i]) ? 1 : 0;
    }
    const count = state.bright ? state.bright.reduce((sum, one) => sum + one, 0) : 0;
    state.status.textContent = state.bright && !points.header.tile ? `${count.toLocaleString("en")} of ${points.n.toLocaleString("en")}` : "";
    state.buttons.clear.hidden = !polygons.length && !off.size;
    if (state.theme) {
      dress(state); // the colours before the legend that shows them
      drawLegend(state);
    }
  }
  redraw(state);
}

function nearest(state, px, py, reach = 14) {
  const { points, view, index } = state;
  const side = state.pictureSide / 2;
  for (let k = state.shown.length - 1; k >= 0; k--) {
    const [x, y] = toScreen(view, points.xy[2 * state.shown[k]], points.xy[2 * state.shown[k] + 1]);
    if (Math.abs(x - px) <= side && Math.abs(y - py) <= side) return state.shown[k];
  }
  const [x0, y1] = toData(view, px - reach, py - reach);
  const [x1, y0] = toData(view, px + reach, py + reach);
  let best = null;
  let least = reach * reach;
  eachInBox(index, x0, y0, x1, y1, (i) => {
    const [x, y] = toScreen(view, points.xy[2 * i], points.xy[2 * i + 1]);
    const distance = (x - px) ** 2 + (y - py) ** 2;
    const grey = state.bright && !state.bright[i] ? 60 : 0;
    if (distance + grey < least) [best, least] = [i, distance + grey];
  });
  return best;
}

// A tool that is chosen again is put down, or, if it has just drawn, draws anew.
function setMode(state, mode) {
  state.mode = state.mode === mode && !state.used ? "pan" : mode;
  state.used = false;
  for (const name of ["lasso", "box"]) state.buttons[name].setAttribute("aria-pressed", String(state.mode === name));
  state.canvas.style.cursor = state.mode === "pan" ? "grab" : "crosshair";
}

function act(state, name) {
  const { view } = state;
  if (state.buttons[name]?.hidden) return;
  if (name === "lasso" || name === "box") setMode(state, name);
  else if (name === "in" || name === "out") zoomAt(view, view.width / 2, view.height / 2, name === "in" ? 1.5 : 1 / 1.5);
  else if (name === "fit") fitView(view, state.points);
  else if (name === "pictures") {
    state.pictures = state.pictures === "on" ? "off" : "on";
    state.buttons.pictures.setAttribute("aria-pressed", String(state.pictures === "on"));
  } else if (name === "contours") {
    state.contoursOn = !state.contoursOn;
    state.buttons.contours.setAttribute("aria-pressed", String(state.contoursOn));
  } else if (name === "clear") {
    const [drawn, hidden] = [state.polygons.length, state.off.size];
    Object.assign(state, { polygons: [], off: new Set(), drawn: null, used: false });
    if (state.mode !== "pan") setMode(state, state.mode);
    chooseBright(state);
    if (drawn) tell(state, "lasso", "polygons", []);
    if (hidden) tellHidden(state);
  }
  redraw(state);
}

function finishShape(state, add) {
  const polygon = simplify(state.drawn);
  state.drawn = null;
  if (polygon.length < 3) return redraw(state);
  state.used = true;
  state.polygons = add ? [...state.polygons, polygon].slice(-8) : [polygon];
  chooseBright(state);
  tell(state, "lasso", "polygons", state.polygons);
}

// What was done here holds at once; the server's word on it is heard again when it agrees, or after a while.
function tell(state, event, name, value, more = {}, delay = 0) {
  state.mine[name] = { value: JSON.stringify(value), until: performance.now() + PATIENCE };
  clearTimeout(state.mine[name + "Timer"]);
  state.mine[name + "Timer"] = setTimeout(() => state.send(event, { [name]: value, ...more }), delay);
}

function select(state, row, delay) {
  Object.assign(state, { selected: row, neighbours: [] });
  const { points } = state;
  state.spoken.textContent = `Selected: ${points.header.classes[points.classes[row]] ?? "no label"}`;
  tell(state, "click", "row", rowOf(points, row), {}, delay);
  redraw(state);
}

function heard(state, name, value) {
  const mine = state.mine[name];
  if (mine && mine.value !== JSON.stringify(value) && performance.now() < mine.until) return false;
  delete state.mine[name];
  return true;
}

function follow(state) {
  const said = globalThis.latentMapState;
  if (!said || !state.points || said.pictures !== state.points.header.pictures) return;
  const { n, rows, header } = state.points;
  const here = (row) => (row === null ? -1 : rows ? rows.indexOf(row) : row < n ? row : -1);
  if (heard(state, "row", said.selected)) {
    const before = state.selected;
    state.selected = here(said.selected) < 0 ? null : here(said.selected);
    state.neighbours = said.neighbours.map(here).filter((i) => i >= 0);
    if (before !== state.selected && !header.tile && state.selected !== null && state.ratio) reveal(state, state.selected);
  }
  if (heard(state, "polygons", said.polygons)) state.polygons = said.polygons;
  if (said.off && heard(state, "off", said.off)) state.off = new Set(said.off);
  state.counted = said.counts ? { counts: said.counts, polygons: JSON.stringify(said.polygons) } : null;
  state.matching = said.of === said.pictures ? said.matching : "";
  chooseBright(state);
}

function receive(state, bytes) {
  if (state.bytes === bytes) return;
  const points = decode(bytes);
  const before = state.points?.header;
  const { header } = points;
  const moved = before?.layout !== header.layout || before?.pictures !== header.pictures;
  if (moved && state.points) remember(state);
  if (header.standsIn || before?.pictures !== header.pictures || before.colour.title !== header.colour.title) {
    delete state.mine.off; // those were groups of other colours
    state.off = new Set();
  }
  Object.assign(state, { bytes, points });
  if (header.tile) enterTile(state);
  if (moved) {
    state.index = bucketIndex(points);
    state.turns = turnsOf(points);
    state.hovered = null;
    state.card.hidden = true;
    settleOrWalk(state);
  } else if (!state.moving) state.xy = points.xy;
  if (state.album?.source !== header.pictures) state.album = makeAlbum(header.pictures, () => redraw(state), state.sheets);
  state.buttons.pictures.hidden = Boolean(header.imageless);
  const shown = header.tile?.total ?? header.count;
  state.canvas.setAttribute("aria-label", `Map of ${shown} ${shown === 1 ? "galaxy" : "galaxies"}, ${header.title}. Arrow keys select the next galaxy in that direction.`);
  chooseBright(state);
}

function reveal(state, row) {
  const [x, y] = toScreen(state.view, state.points.xy[2 * row], state.points.xy[2 * row + 1]);
  if (state.moving || (x > 8 && y > 8 && x < state.view.width - 8 && y < state.view.height - 8)) return;
  Object.assign(state.view, { cx: state.points.xy[2 * row], cy: state.points.xy[2 * row + 1] });
}

export default function latentMap({ parentElement, data, setTriggerValue, sheets = sheetAddress }) {
  if (!data) return undefined;
  const state = (parentElement.latentMap ??= build(parentElement));
  const call = (state.calls = (state.calls ?? 0) + 1);
  Object.assign(state, { send: setTriggerValue, sheets });
  receive(state, data);
  follow(state);
  if (!state.ratio) resize(state);
  return () => {
    remember(state);
    // Streamlit also ends a call that the next one overtook while the script was loading: the map is the next one's then.
    setTimeout(() => state.calls === call && unmount(state, parentElement));
  };
}

function unmount(state, parentElement) {
  state.resizer.disconnect();
  cancelAnimationFrame(state.pending);
  cancelAnimationFrame(state.walking);
  document.removeEventListener("latent-map-state", state.hear);
  document.removeEventListener("keydown", slash);
  document.removeEventListener("scroll", state.scroll, true);
  delete parentElement.latentMap;
}
