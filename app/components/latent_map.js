// The latent map: a canvas, a toolbar, a legend. It is mounted once; every run of the page calls it again with fresh bytes.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function build(parentElement) {
  const root = parentElement.querySelector(".latent-map");
  const stage = root.querySelector(".stage");
  const canvas = root.querySelector("canvas");
  const state = {
    root, stage, canvas, ctx: canvas.getContext("2d"), card: root.querySelector(".hover"), legend: root.querySelector(".legend"),
    status: root.querySelector(".status"), buttons: {}, view: makeView(), mode: "pan", pictures: "auto", polygons: [], shown: [],
    hovered: null, drawn: null, focus: null, bright: null, points: null, fitted: "", pointers: new Map(),
  };
  root.querySelectorAll("button[data-do]").forEach((button) => {
    state.buttons[button.dataset.do] = button;
    button.addEventListener("click", () => act(state, button.dataset.do, false));
  });
  state.resizer = new ResizeObserver(() => resize(state));
  state.resizer.observe(stage);
  listen(state);
  canvas.galaxyAt = (px, py) => nearest(state, px, py); // for tests: who is at this pixel of the canvas, and where is this row
  canvas.pixelOf = (row) => toScreen(state.view, state.points.xy[2 * row], state.points.xy[2 * row + 1]);
  canvas.hasPicture = (row) => Boolean(state.album.get(row));
  return state;
}

function resize(state) {
  const { stage, canvas, view } = state;
  const [width, height] = [stage.clientWidth, stage.clientHeight];
  if (!width || !height) return;
  state.ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * state.ratio);
  canvas.height = Math.round(height * state.ratio);
  Object.assign(view, { width, height });
  if (state.points) {
    const { zoom, cx, cy } = view;
    fitView(view, state.points);
    if (state.fitted) Object.assign(view, zoom === 1 ? {} : { zoom, cx, cy });
  }
  redraw(state);
}

function redraw(state) {
  if (state.pending || !state.points) return;
  state.pending = requestAnimationFrame(() => {
    state.pending = 0;
    const { ctx, view, ratio } = state;
    if (!ratio) return;
    const began = performance.now();
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = "#0B0E14";
    ctx.fillRect(0, 0, view.width, view.height);
    drawDots(ctx, state);
    drawPictures(ctx, state);
    drawMarks(ctx, state);
    state.canvas.dataset.drawn = String(state.points.n);
    state.canvas.dataset.milliseconds = (performance.now() - began).toFixed(1);
  });
}

// Bright: inside the lasso, and of the class chosen in the legend or the search. Nothing chosen: everybody.
function chooseBright(state) {
  const { points, polygons, focus } = state;
  const lasso = polygons.length ? rowsInside(points, polygons) : null;
  const codes = points.header.colour.kind === "groups" ? points.colours : points.classes;
  state.bright = null;
  if (lasso || focus !== null) {
    state.bright = new Uint8Array(points.n);
    for (let i = 0; i < points.n; i++) state.bright[i] = (!lasso || lasso[i]) && (focus === null || codes[i] === focus) ? 1 : 0;
  }
  const count = state.bright ? state.bright.reduce((sum, one) => sum + one, 0) : 0;
  state.status.textContent = state.bright ? `${count.toLocaleString("en")} of ${points.n.toLocaleString("en")}` : "";
  state.buttons.clear.hidden = !state.bright;
  redraw(state);
}

function nearest(state, px, py) {
  const { points, view, index } = state;
  const side = state.pictureSide / 2;
  for (let k = state.shown.length - 1; k >= 0; k--) {
    const [x, y] = toScreen(view, points.xy[2 * state.shown[k]], points.xy[2 * state.shown[k] + 1]);
    if (Math.abs(x - px) <= side && Math.abs(y - py) <= side) return state.shown[k];
  }
  const reach = 14;
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

function showCard(state, row, px, py) {
  const { card, points, view } = state;
  state.hovered = row;
  card.hidden = row === null;
  state.canvas.style.cursor = state.mode !== "pan" ? "crosshair" : row === null ? "grab" : "pointer";
  redraw(state);
  if (row === null) return;
  const { header } = points;
  const picture = card.querySelector("img");
  const source = `${header.pictures}/160?rows=${row}`;
  if (picture.dataset.row !== String(row)) {
    picture.removeAttribute("src");
    picture.dataset.row = String(row);
    picture.src = source;
  }
  card.querySelector(".name").textContent = header.classes[points.classes[row]] ?? "no label";
  card.querySelector(".rank").textContent = header.ranked ? `stranger than ${Math.floor((points.ranks[row] / 255) * 100)} %` : "";
  const code = points.colours[row];
  card.querySelector(".value").textContent = valueText(header.colour, code);
  card.querySelector(".row").textContent = `galaxy ${row}`;
  const [w, h] = [184, 258];
  card.style.left = `${Math.max(4, px + 18 + w > view.width ? px - w - 18 : px + 18)}px`;
  card.style.top = `${Math.max(4, Math.min(py - 60, view.height - h))}px`;
}

function valueText(colour, code) {
  if (colour.kind === "groups") return colour.isClass ? "" : `${colour.title}: ${colour.groups.find((g) => g.code === code)?.name ?? "unknown"}`;
  if (code === 255) return `${colour.title}: unknown`;
  return `${colour.title} ≈ ${Number((colour.low + ((colour.high - colour.low) * code) / 254).toPrecision(3))}`;
}

function setMode(state, mode) {
  state.mode = state.mode === mode ? "pan" : mode;
  for (const name of ["lasso", "box"]) state.buttons[name].setAttribute("aria-pressed", String(state.mode === name));
  state.canvas.style.cursor = state.mode === "pan" ? "grab" : "crosshair";
}

function act(state, name) {
  const { view } = state;
  if (name === "lasso" || name === "box") setMode(state, name);
  else if (name === "in" || name === "out") zoomAt(view, view.width / 2, view.height / 2, name === "in" ? 1.5 : 1 / 1.5);
  else if (name === "fit") fitView(view, state.points);
  else if (name === "pictures") {
    state.pictures = state.pictures === "on" ? "off" : "on";
    state.buttons.pictures.setAttribute("aria-pressed", String(state.pictures === "on"));
  } else if (name === "clear") {
    const had = state.polygons.length;
    Object.assign(state, { polygons: [], focus: null, drawn: null });
    if (state.mode !== "pan") setMode(state, state.mode);
    drawLegend(state);
    chooseBright(state);
    if (had || state.points.header.focus !== null) state.send("lasso", { polygons: [] });
  }
  redraw(state);
}

function finishShape(state, add) {
  const polygon = simplify(state.drawn);
  state.drawn = null;
  if (polygon.length < 3) return redraw(state);
  state.polygons = add ? [...state.polygons, polygon].slice(-8) : [polygon];
  chooseBright(state);
  state.send("lasso", { polygons: state.polygons });
}

function drawLegend(state) {
  const { legend, points } = state;
  const { colour, shapes } = points.header;
  legend.replaceChildren();
  if (colour.kind === "ramp") {
    const bar = element("span", "ramp");
    bar.style.background = `linear-gradient(90deg, ${colour.stops.join(",")})`;
    const number = (value) => String(Number(value.toPrecision(3)));
    legend.append(element("span", "end", `${colour.title}  ${number(colour.low)}`), bar, element("span", "end", number(colour.high)));
    return;
  }
  for (const group of colour.groups) {
    const chip = element("button", "chip");
    chip.type = "button";
    chip.setAttribute("aria-pressed", String(state.focus === group.code));
    const stamp = makeStamp(group.colour, colour.isClass ? shapes[group.code] ?? "circle" : "circle", 4.2, 2).canvas;
    chip.append(stamp, element("span", "", group.name), element("span", "count", group.count.toLocaleString("en")));
    chip.addEventListener("click", () => {
      state.focus = state.focus === group.code ? null : group.code;
      drawLegend(state);
      chooseBright(state);
    });
    legend.append(chip);
  }
}

function receive(state, bytes) {
  const points = decode(bytes);
  const before = state.points?.header;
  const { header } = points;
  state.points = points;
  if (before?.layout !== header.layout) {
    state.index = bucketIndex(points);
    fitView(state.view, points);
    state.fitted = header.layout;
  }
  if (state.album?.source !== header.pictures) state.album = makeAlbum(header.pictures, () => redraw(state));
  if (before?.look !== header.look) state.table = makeColours(header);
  if (before?.nonce !== header.nonce || before?.look !== header.look) state.focus = header.focus;
  state.polygons = header.polygons;
  state.canvas.setAttribute("aria-label", `Latent map of ${header.count} galaxies, ${header.title}`);
  if (header.selected !== null && before?.selected !== header.selected) reveal(state, header.selected);
  drawLegend(state);
  chooseBright(state);
}

function reveal(state, row) {
  const [x, y] = toScreen(state.view, state.points.xy[2 * row], state.points.xy[2 * row + 1]);
  if (x > 8 && y > 8 && x < state.view.width - 8 && y < state.view.height - 8) return;
  Object.assign(state.view, { cx: state.points.xy[2 * row], cy: state.points.xy[2 * row + 1] });
}

export default function latentMap({ parentElement, data, setTriggerValue }) {
  if (!data) return undefined;
  const state = (parentElement.latentMap ??= build(parentElement));
  state.send = setTriggerValue;
  receive(state, data);
  return () => {
    state.resizer.disconnect();
    cancelAnimationFrame(state.pending);
    delete parentElement.latentMap;
  };
}
