// How the patch panel is painted: the picture's own pixels, one flat square per patch, outlines of what was hidden.

const [TARGET, CONTEXT] = ["#FFB454", "#5AC8FA"]; // pictures are dark in both themes

function mix(stops, share) {
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const k = Math.min(stops.length - 2, Math.floor(at));
  const part = (stop, i) => parseInt(stop.slice(1 + 2 * i, 3 + 2 * i), 16);
  return [0, 1, 2].map((i) => Math.round(part(stops[k], i) + (at - k) * (part(stops[k + 1], i) - part(stops[k], i))));
}

// What is known of a patch now: while a drawn mask waits for its answer, only patches that are hidden in both keep their value.
function valueAt(state, cell) {
  const { data, hidden } = state;
  return data.values && (!data.editable || hidden[cell]) ? data.values[cell] : null;
}

function colourAt(state, cell) {
  const value = valueAt(state, cell);
  return value === null ? null : mix(state.data.stops, (value - state.data.low) / (state.data.high - state.data.low));
}

function roleAt(state, cell) {
  if (state.data.editable) return state.hidden[cell] ? "t" : "c";
  return state.data.roles[cell];
}

function paint(state) {
  const { data } = state;
  if (!data) return;
  const beside = data.layout === "beside";
  paintBoard(state, state.canvas, true, beside ? 0 : data.opacity);
  if (beside) paintBoard(state, state.second, false, 1);
  state.canvas.dataset.painted = data.token;
}

function paintBoard(state, canvas, withPicture, opacity) {
  const { data, picture } = state;
  const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1));
  if (!side) return;
  if (canvas.width !== side) [canvas.width, canvas.height] = [side, side];
  const ctx = canvas.getContext("2d");
  ctx.clearRect(0, 0, side, side);
  ctx.imageSmoothingEnabled = false;
  if (withPicture && picture.complete && picture.naturalWidth) ctx.drawImage(picture, 0, 0, side, side);
  const edge = (k) => Math.round((k * side) / data.grid);
  const box = (cell) => {
    const [row, column] = [Math.floor(cell / data.grid), cell % data.grid];
    return [edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row)];
  };
  for (let cell = 0; cell < data.grid ** 2; cell++) {
    const colour = opacity > 0 ? colourAt(state, cell) : null;
    const role = roleAt(state, cell);
    if (withPicture && ((role === "o") || (role === "t" && (colour === null || opacity < 0.3)))) {
      ctx.fillStyle = "rgba(11, 14, 20, 0.6)";
      ctx.fillRect(...box(cell));
    }
    if (colour === null) continue;
    ctx.fillStyle = `rgba(${colour.join(",")},${opacity})`;
    ctx.fillRect(...box(cell));
  }
  const thick = Math.max(2, Math.round(side / 240));
  outline(ctx, state, box, "c", CONTEXT, Math.max(1, Math.round(thick / 2)));
  outline(ctx, state, box, "t", TARGET, thick);
  if (state.cursor !== null && (state.keyed || state.pointed)) {
    const [x, y, w, h] = box(state.cursor);
    ctx.strokeStyle = "#FFFFFF";
    ctx.lineWidth = Math.max(1, thick / 2);
    ctx.strokeRect(x + 1, y + 1, w - 2, h - 2);
  }
}

// A line along every border of the patches with this letter, drawn inside them.
function outline(ctx, state, box, letter, colour, width) {
  const { grid } = state.data;
  ctx.fillStyle = colour;
  for (let cell = 0; cell < grid * grid; cell++) {
    if (roleAt(state, cell) !== letter) continue;
    const [row, column] = [Math.floor(cell / grid), cell % grid];
    const [x, y, w, h] = box(cell);
    const other = (r, c) => r < 0 || c < 0 || r >= grid || c >= grid || roleAt(state, r * grid + c) !== letter;
    if (other(row - 1, column)) ctx.fillRect(x, y, w, width);
    if (other(row + 1, column)) ctx.fillRect(x, y + h - width, w, width);
    if (other(row, column - 1)) ctx.fillRect(x, y, width, h);
    if (other(row, column + 1)) ctx.fillRect(x + w - width, y, width, h);
  }
}
