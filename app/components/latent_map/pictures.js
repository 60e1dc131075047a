// Galaxies instead of dots where there is room for them, and the album that their pictures come from: one row number everywhere.

const PICTURE = 48; // side of a picture on the map, CSS pixels
const SHEET = 40; // pictures per request; the server's limit is 64
const SHEETS = 60; // kept; 60 x 40 pictures of 96 px are 88 MB at most
const FORESEEN = 24;
const SHUFFLE = 611953; // a prime: steps of so many rows come by every row once

// When it is a galaxy's turn to be shown, uint32 (n,): first one of every class, then a second one, each time from all over the
// data, which is often sorted.
function turnsOf(points) {
  const turns = new Uint32Array(points.n);
  const seen = new Uint32Array(256);
  const stride = points.n % SHUFFLE ? SHUFFLE % points.n : 1;
  for (let k = 0, i = 0; k < points.n; k++, i = (i + stride) % points.n) turns[i] = seen[points.classes[i]]++;
  return turns;
}

// The number that the server knows a galaxy by: of a tile, the row in the store.
function rowOf(points, i) {
  return points.rows ? points.rows[i] : i;
}

function hasImage(points, i) {
  return !points.header.imageless && !(points.pictured && !points.pictured[i]);
}

function sideAt(zoom) {
  return Math.min(112, PICTURE * Math.max(1, Math.sqrt(zoom / 12)));
}

// Which pictures are shown: of all classes in turn, none over another, by a step that changes with the zoom only in jumps.
function picturesInView(state) {
  const { points, view, index } = state;
  if (state.pictures === "off" || state.moving || points.header.imageless) return [];
  if (state.pictures === "auto" && countInView(index, view) > 4000) return [];
  const [x0, y1] = toData(view, 0, 0);
  const [x1, y0] = toData(view, view.width, view.height);
  const visible = [];
  eachInBox(index, x0, y0, x1, y1, (i) => {
    const [x, y] = [points.xy[2 * i], points.xy[2 * i + 1]];
    if (x >= x0 && x <= x1 && y >= y0 && y <= y1) visible.push(i);
  });
  if (state.pictures === "auto" && visible.length > 160) return [];
  visible.sort((a, b) => state.turns[a] - state.turns[b] || a - b);
  const jump = Math.pow(2, Math.floor(Math.log2(view.zoom) * 2) / 2);
  const step = (sideAt(jump) + 4) / (view.base * jump);
  const taken = new Map(); // square of the grid -> the picture in it; a picture overlaps none of the nine squares around it
  return visible.filter((i) => {
    if ((state.bright && !state.bright[i]) || !hasImage(points, i)) return false;
    const [x, y] = [points.xy[2 * i], points.xy[2 * i + 1]];
    const [gx, gy] = [Math.floor(x / step), Math.floor(y / step)];
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const j = taken.get((gx + dx) * 1e6 + gy + dy);
        if (j !== undefined && Math.abs(points.xy[2 * j] - x) < step && Math.abs(points.xy[2 * j + 1] - y) < step) return false;
      }
    }
    taken.set(gx * 1e6 + gy, i);
    return true;
  });
}

function drawPictures(ctx, state) {
  const shown = picturesInView(state);
  state.shown = shown;
  state.album.want(shown.map((i) => rowOf(state.points, i)));
  const side = sideAt(state.view.zoom);
  state.pictureSide = side;
  for (const i of shown) {
    const [x, y] = toScreen(state.view, state.xy[2 * i], state.xy[2 * i + 1]);
    const tile = state.album.get(rowOf(state.points, i));
    ctx.fillStyle = state.theme.background;
    ctx.fillRect(x - side / 2, y - side / 2, side, side);
    if (tile) ctx.drawImage(tile.image, tile.x, tile.y, tile.side, tile.side, x - side / 2, y - side / 2, side, side);
    ctx.strokeStyle = state.table[state.points.colours[i]];
    ctx.lineWidth = 1.5;
    ctx.strokeRect(x - side / 2, y - side / 2, side, side);
  }
}

// Where the server has a sheet of the images of some rows. A notebook has no server: its sheets are promised.
function sheetAddress(source, side, rows) {
  return `${source}/${side}?rows=${rows.join(",")}`;
}

// Pictures come in sheets of the rows asked for, one request for many; the oldest sheets are let go.
function makeAlbum(source, changed, addressOf) {
  const tiles = new Map();
  const asked = new Set();
  const sheets = [];
  let failures = 0;
  let coming = 0; // sheets on their way
  const load = (rows, side) => {
    rows.forEach((row) => asked.add(row));
    coming++;
    const image = new Image();
    const across = Math.ceil(Math.sqrt(rows.length));
    image.onload = () => {
      coming--;
      rows.forEach((row, k) => tiles.set(row, { image, side, x: (k % across) * side, y: Math.floor(k / across) * side }));
      sheets.push(rows);
      while (sheets.length > SHEETS) sheets.shift().forEach((row) => tiles.delete(row) && asked.delete(row));
      changed();
    };
    image.onerror = () => {
      coming--;
      if (++failures < 4) rows.forEach((row) => asked.delete(row));
    };
    Promise.resolve(addressOf(source, side, rows)).then((address) => (image.src = address));
  };
  const want = (rows) => {
    const missing = rows.filter((row) => !asked.has(row));
    for (let k = 0; k < missing.length; k += SHEET) load(missing.slice(k, k + SHEET), 96);
  };
  // Whom the pointer may meet next: asked for in one small sheet, and only while nothing else is on its way.
  const foresee = (rows) => {
    const missing = rows.filter((row) => !asked.has(row));
    if (!coming && missing.length) load(missing.slice(0, FORESEEN), 96);
  };
  return { get: (row) => tiles.get(row), want, foresee, source };
}

function whoIsAround(state, px, py) {
  const { points, view, index } = state;
  const reach = 90;
  const [x0, y1] = toData(view, px - reach, py - reach);
  const [x1, y0] = toData(view, px + reach, py + reach);
  const [x, y] = toData(view, px, py);
  const found = [];
  eachInBox(index, x0, y0, x1, y1, (i) => found.length < 4000 && found.push(i));
  const gap = (i) => (points.xy[2 * i] - x) ** 2 + (points.xy[2 * i + 1] - y) ** 2;
  return found.map((i) => [gap(i), i]).sort((a, b) => a[0] - b[0]).slice(0, FORESEEN).map((pair) => rowOf(points, pair[1]));
}

function showCard(state, row, px, py) {
  const { card, points, view } = state;
  const changed = state.hovered !== row;
  state.hovered = row;
  card.hidden = row === null;
  state.canvas.style.cursor = state.mode !== "pan" ? "crosshair" : row === null ? "grab" : "pointer";
  if (changed) redraw(state);
  if (row === null) return;
  card.style.left = `${Math.max(4, px + 18 + 184 > view.width ? px - 184 - 18 : px + 18)}px`;
  card.style.top = `${Math.max(4, Math.min(py - 60, view.height - 258))}px`;
  if (changed) fillCard(state, row);
  if (!points.header.imageless) state.album.foresee(whoIsAround(state, px, py));
}

// The small picture is there at once where its sheet is; the sharp one lies over it as soon as it comes.
function fillCard(state, row) {
  const { card, points } = state;
  const { header } = points;
  const small = card.querySelector("canvas").getContext("2d");
  const tile = state.album.get(rowOf(points, row));
  small.clearRect(0, 0, 160, 160);
  if (tile) small.drawImage(tile.image, tile.x, tile.y, tile.side, tile.side, 0, 0, 160, 160);
  const picture = card.querySelector("img");
  picture.removeAttribute("src");
  picture.parentElement.hidden = !hasImage(points, row);
  if (hasImage(points, row))
    Promise.resolve(state.sheets(header.pictures, 160, [rowOf(points, row)])).then((address) => {
      if (state.hovered === row) picture.src = address;
    });
  card.querySelector(".name").textContent = header.classes[points.classes[row]] ?? "no label";
  card.querySelector(".rank").textContent = header.ranked ? `anomaly percentile ${Math.floor((points.ranks[row] / 255) * 100)}` : "";
  card.querySelector(".value").textContent = valueText(header.colour, points.colours[row]);
  card.dataset.row = String(row); // for tests; a row is no name of a galaxy, since it changes with what is open
}
