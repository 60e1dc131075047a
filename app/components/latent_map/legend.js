// The legend: one button per group with its count, which follows the selection; a scale with its two ends for numbers.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function plain(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

function withUnit(colour, text) {
  return colour.unit ? `${text} ${colour.unit}` : text;
}

function valueText(colour, code) {
  if (colour.kind === "groups") return colour.isClass ? "" : `${colour.title}: ${colour.groups.find((g) => g.code === code)?.name ?? "unknown"}`;
  if (code === 255) return `${colour.title}: unknown`;
  return `${colour.title} ≈ ${withUnit(colour, plain(colour.low + ((colour.high - colour.low) * code) / 254))}`;
}

// How many of each code lie inside what was drawn; null where nothing was. Of a large store the server counts: not all are here.
function countInside(state) {
  if (state.points.header.tile) return state.counted?.polygons === JSON.stringify(state.polygons) ? state.counted.counts : null;
  if (!state.inside) return null;
  const counts = new Uint32Array(256);
  for (let i = 0; i < state.points.n; i++) counts[state.points.colours[i]] += state.inside[i];
  return counts;
}

function drawLegend(state) {
  afterPress(state.legend, () => fillLegend(state));
}

function fillLegend(state) {
  const { legend, points, theme } = state;
  const { colour } = points.header;
  const inside = countInside(state);
  const key = JSON.stringify([colour, points.header.standsIn, theme.key, [...state.off], inside && [...inside]]);
  if (state.legendKey === key) return;
  state.legendKey = key;
  const focused = legend.getRootNode().activeElement?.dataset?.code;
  legend.replaceChildren(...(colour.kind === "ramp" ? scale(state, colour, inside) : colour.groups.map((group) => chip(state, group, inside))));
  if (focused !== undefined) legend.querySelector(`[data-code="${focused}"]`)?.focus();
}

function scale(state, colour, inside) {
  const bar = element("span", "ramp");
  const stops = state.theme.dark ? colour.stops : colour.light;
  bar.style.background = `linear-gradient(90deg, ${stops.join(",")})`;
  const low = (colour.below ? "≤ " : "") + plain(colour.low);
  const high = (colour.above ? "≥ " : "") + withUnit(colour, plain(colour.high));
  const made = [element("span", "end", colour.title), element("span", "end", low), bar, element("span", "end", high)];
  const unknown = colour.unknown ? `${colour.unknown.toLocaleString("en")} unknown, grey` : "";
  if (unknown) made.push(element("span", "count", unknown));
  if (inside) {
    let [sum, n] = [0, 0];
    for (let code = 0; code < 255; code++) [sum, n] = [sum + inside[code] * code, n + inside[code]];
    const mean = colour.low + ((colour.high - colour.low) * sum) / n / 254;
    if (n) made.push(element("span", "count", `mean inside ≈ ${withUnit(colour, plain(mean))}`));
  }
  return made;
}

// Drawn four times as large as it is shown, so that its edges stay smooth on every screen.
function drawSign(colour, shape) {
  const sign = Object.assign(document.createElement("canvas"), { width: 57, height: 57 });
  const ctx = sign.getContext("2d");
  ctx.fillStyle = colour;
  traceShape(ctx, shape, 28.5, 16.8);
  ctx.fill();
  return sign;
}

function chip(state, group, inside) {
  const { points, theme } = state;
  const { colour, shapes } = points.header;
  const made = element("button", "chip");
  made.type = "button";
  made.dataset.code = String(group.code);
  if (!points.header.standsIn) made.title = "Click to show or hide; double-click to show only this one";
  made.setAttribute("aria-pressed", String(!state.off.has(group.code)));
  const shape = colour.isClass ? shapes[group.code] ?? "circle" : "circle";
  const stamp = drawSign(state.off.has(group.code) ? theme.grey : state.table[group.code], shape);
  const total = group.count.toLocaleString("en");
  const count = inside ? `${inside[group.code].toLocaleString("en")} of ${total}` : total;
  made.append(stamp, element("span", "label", group.name), element("span", "count", count));
  made.disabled = Boolean(points.header.standsIn);
  made.addEventListener("click", (event) => colour.title === state.points.header.colour.title && toggle(state, group.code, event.detail > 1));
  return made;
}

function tellHidden(state) {
  tell(state, "legend", "off", [...state.off].sort((a, b) => a - b), { of: state.points.header.colour.title });
}

// Toggled twice by a double click, a group is as it was; then it alone is shown, or everybody if it was alone already.
function toggle(state, code, alone) {
  if (state.off.has(code)) state.off.delete(code);
  else state.off.add(code);
  if (alone) {
    const others = state.points.header.colour.groups.map((group) => group.code).filter((other) => other !== code);
    const was = others.every((other) => state.off.has(other));
    state.off = new Set(was ? [] : others);
  }
  chooseBright(state);
  tellHidden(state);
}
