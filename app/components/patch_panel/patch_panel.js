// The patch panel: a picture under its grid of patches. Masks can be drawn on it; what is drawn goes to Python a moment later.

const WAIT = 250; // milliseconds of quiet before a drawn mask is sent

function unpack(text, count) {
  const hidden = new Uint8Array(count);
  for (let i = 0; i < count; i++) hidden[i] = (parseInt(text.slice(2 * (i >> 3), 2 * (i >> 3) + 2), 16) >> (7 - (i % 8))) & 1;
  return hidden;
}

function pack(hidden) {
  const bytes = new Uint8Array(Math.ceil(hidden.length / 8));
  hidden.forEach((one, i) => (bytes[i >> 3] |= one << (7 - (i % 8))));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function build(parentElement) {
  const root = parentElement.querySelector(".panel");
  const [canvas, second] = root.querySelectorAll("canvas");
  const state = { root, canvas, second, picture: new Image(), hidden: null, data: null, cursor: null, awaiting: null, timer: 0 };
  state.picture.addEventListener("load", () => paint(state));
  state.resizer = new ResizeObserver(() => paint(state));
  state.resizer.observe(canvas);
  for (const board of [canvas, second]) {
    board.addEventListener("pointerdown", (event) => pressed(state, event));
    board.addEventListener("pointermove", (event) => moved(state, event));
    board.addEventListener("pointerup", () => released(state));
    board.addEventListener("pointercancel", () => released(state));
    board.addEventListener("pointerleave", () => left(state));
  }
  canvas.addEventListener("keydown", (event) => keyed(state, event));
  canvas.addEventListener("blur", () => point(state, state.cursor, false));
  root.querySelectorAll("button[data-do]").forEach((button) => button.addEventListener("click", () => act(state, button.dataset.do)));
  return state;
}

function cellAt(state, event) {
  const box = event.currentTarget.getBoundingClientRect();
  const { grid } = state.data;
  const index = (at, side) => Math.max(0, Math.min(grid - 1, Math.floor((at / side) * grid)));
  return index(event.clientY - box.top, box.height) * grid + index(event.clientX - box.left, box.width);
}

function pressed(state, event) {
  const cell = cellAt(state, event);
  point(state, cell, false);
  if (!state.data.editable || event.button > 0) return;
  event.currentTarget.setPointerCapture(event.pointerId);
  state.brush = { value: state.hidden[cell] ? 0 : 1, last: cell };
  set(state, [cell], state.brush.value);
}

function moved(state, event) {
  const cell = cellAt(state, event);
  if (!state.brush) return point(state, cell, false);
  const { grid } = state.data;
  const [r0, c0, r1, c1] = [Math.floor(state.brush.last / grid), state.brush.last % grid, Math.floor(cell / grid), cell % grid];
  const steps = Math.max(Math.abs(r1 - r0), Math.abs(c1 - c0), 1);
  const along = [...Array(steps + 1).keys()].map((k) => Math.round(r0 + ((r1 - r0) * k) / steps) * grid + Math.round(c0 + ((c1 - c0) * k) / steps));
  state.brush.last = cell;
  state.cursor = cell;
  set(state, along, state.brush.value);
}

function released(state) {
  state.brush = null;
}

function left(state) {
  if (state.brush) return;
  state.pointed = false;
  point(state, null, false);
}

function set(state, cells, value) {
  const changed = cells.filter((cell) => state.hidden[cell] !== value);
  changed.forEach((cell) => (state.hidden[cell] = value));
  if (changed.length) changedMask(state);
  else describe(state);
}

function changedMask(state) {
  clearTimeout(state.timer);
  state.dirty = true;
  state.timer = setTimeout(() => {
    state.dirty = false;
    state.awaiting = pack(state.hidden);
    state.send("mask", { mask: state.awaiting });
    describe(state);
  }, WAIT);
  describe(state);
  paint(state);
}

function act(state, name) {
  state.hidden.forEach((one, i) => (state.hidden[i] = name === "clear" ? 0 : 1 - one));
  changedMask(state);
}

function point(state, cell, byKey) {
  Object.assign(state, { cursor: cell, keyed: byKey, pointed: !byKey && cell !== null });
  describe(state);
  paint(state);
}

function keyed(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { grid, editable } = state.data;
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (moves[event.key]) {
    const at = state.cursor ?? Math.floor(grid / 2) * (grid + 1);
    const clamp = (value) => Math.max(0, Math.min(grid - 1, value));
    const [row, column] = [clamp(Math.floor(at / grid) + moves[event.key][0]), clamp((at % grid) + moves[event.key][1])];
    point(state, row * grid + column, true);
  } else if (editable && (event.key === " " || event.key === "Enter") && state.cursor !== null) set(state, [state.cursor], 1 - state.hidden[state.cursor]);
  else if (editable && (event.key === "x" || event.key === "i")) act(state, event.key === "x" ? "clear" : "invert");
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// Words under the picture: the patch pointed at, else how the whole mask stands.
function describe(state) {
  const { data, root, cursor } = state;
  const waiting = data.editable && (state.dirty || state.awaiting !== null);
  const find = (name) => root.querySelector(name);
  const signed = (value) => value.toFixed(3);
  let text = data.sentence;
  if (cursor !== null) {
    const value = valueAt(state, cursor);
    const role = { t: "hidden and predicted", c: "visible to the model", o: "hidden, not predicted" }[roleAt(state, cursor)];
    const parts = [`row ${Math.floor(cursor / data.grid) + 1}, column ${(cursor % data.grid) + 1}`];
    if (role) parts.push(role);
    if (value !== null) parts.push(`${data.unit} ${signed(value)}`);
    if (value !== null && data.spread[cursor] !== null) parts.push(`± ${signed(data.spread[cursor])} over ${data.times[cursor]} masks`);
    text = parts.join(", ");
    if (data.editable && !data.values && !waiting) text += `. ${data.sentence}`; // why nothing is measured is said in any case
  } else if (waiting) text = "Measuring";
  find(".value").textContent = text;
  find(".count").textContent = data.editable ? `${state.hidden.reduce((sum, one) => sum + one, 0)} of ${data.grid ** 2} patches hidden` : "";
  root.dataset.waiting = String(Boolean(waiting));
}

function legend(state) {
  const { data, root } = state;
  const roles = data.editable ? "tc" : data.roles;
  const entry = (kind, text) => {
    const made = document.createElement("span");
    const mark = document.createElement("i");
    mark.className = kind;
    made.append(mark, document.createTextNode(text));
    return made;
  };
  const shown = [
    ["t", "target", "target: hidden and predicted"],
    ["c", "context", "context: visible to the model"],
    ["o", "out", "hidden, not predicted"],
  ].filter(([letter]) => roles.includes(letter));
  root.querySelector(".key").replaceChildren(...shown.map(([, kind, text]) => entry(kind, text)));
}

// A scale whose ends values lie beyond says so, as palette.scale_ends does in Python.
function scaleEnds({ values, low, high }) {
  const known = (values ?? []).filter((value) => value !== null);
  const sign = (beyond, text) => (beyond ? `${text} ` : "");
  return [sign(known.some((value) => value < low), "≤") + low.toFixed(2), sign(known.some((value) => value > high), "≥") + high.toFixed(2)];
}

function receive(state, data) {
  const { root, picture } = state;
  const other = state.data?.subject !== data.subject;
  if (other) {
    clearTimeout(state.timer);
    Object.assign(state, { dirty: false, awaiting: null, cursor: null, brush: null });
  }
  const answered = state.awaiting === null || state.awaiting === data.mask;
  if (answered) state.awaiting = null;
  state.data = data;
  if (data.editable && (other || !state.hidden || (answered && !state.dirty))) state.hidden = unpack(data.mask, data.grid ** 2);
  if (!data.editable) state.hidden = null;
  if (picture.dataset.source !== data.image.slice(-64) || other) {
    picture.dataset.source = data.image.slice(-64);
    picture.src = data.image;
  }
  root.dataset.layout = data.layout;
  root.style.setProperty("--widest", `${data.widest}px`);
  root.querySelector(".scale i").style.background = `linear-gradient(90deg, ${data.stops.join(",")})`;
  const [below, above] = scaleEnds(data);
  root.querySelector(".scale .low").textContent = below;
  root.querySelector(".scale .high").textContent = above;
  root.querySelector(".scale").hidden = !data.values;
  root.querySelector(".name").textContent = data.name;
  root.querySelector(".tools").hidden = !data.editable;
  for (const board of [state.canvas, state.second]) board.classList.toggle("editable", data.editable);
  state.canvas.setAttribute("aria-label", data.label);
  state.second.setAttribute("aria-label", data.name);
  legend(state);
  describe(state);
  paint(state);
}

export default function patchPanel({ parentElement, data, setTriggerValue }) {
  if (!data) return undefined;
  const state = (parentElement.patchPanel ??= build(parentElement));
  const call = (state.calls = (state.calls ?? 0) + 1);
  state.send = setTriggerValue;
  receive(state, data);
  state.canvas.panel = { values: data.values, mask: () => state.hidden && pack(state.hidden), colourOf: (cell) => colourAt(state, cell) }; // for tests
  return () => {
    // Streamlit also ends a call that the next one overtook while the script was loading: the panel is the next one's then.
    setTimeout(() => {
      if (state.calls !== call) return;
      state.resizer.disconnect();
      clearTimeout(state.timer);
      delete parentElement.patchPanel;
    });
  };
}
