// A map that is sent in tiles: the browser says which box it shows, the server sends what is in it.

const SETTLED = 160; // ms without a move until the server is asked

function tellView(state) {
  const { view, points } = state;
  if (!points.header.tile || state.pointers.size) return;
  const [x0, y1] = toData(view, 0, 0);
  const [x1, y0] = toData(view, view.width, view.height);
  const box = [x0, y0, x1, y1].map((value) => Math.round(value * 100) / 100);
  if (String(box) === String(state.toldView)) return;
  state.toldView = box;
  clearTimeout(state.telling);
  state.telling = setTimeout(() => state.send("view", { box }), SETTLED);
}

// Galaxies have other places in another tile: whoever is meant is found again by row.
function enterTile(state) {
  Object.assign(state, { selected: null, neighbours: [], hovered: null, shown: [] });
  state.card.hidden = true;
  state.buttons.contours.hidden = true;
  look(state);
}

// Where the server wants the view to be, once for each wish.
function look(state) {
  const wish = state.points.header.tile.look;
  if (!wish || !state.ratio || wish.number === state.looked) return;
  fitView(state.view, state.points);
  Object.assign(state.view, { zoom: wish.zoom, cx: wish.at[0], cy: wish.at[1] });
  state.looked = wish.number;
}

function drawCells(ctx, state) {
  const { points, view, table, theme, off } = state;
  const { down, across, levels, colours } = points.cells;
  const [x0, y0, x1, y1] = points.header.tile.box;
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, view.width, view.height);
  const sheet = Object.assign(document.createElement("canvas"), { width: across, height: down });
  const sheetCtx = sheet.getContext("2d");
  const image = sheetCtx.createImageData(across, down);
  const known = table.map(rgb);
  const grey = rgb(theme.grey);
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const cell = row * across + column;
      if (!levels[cell]) continue;
      const [r, g, b] = off.has(colours[cell]) ? grey : known[colours[cell]];
      image.data.set([r, g, b, 70 + (levels[cell] * 185) / 255], 4 * ((down - 1 - row) * across + column));
    }
  }
  sheetCtx.putImageData(image, 0, 0);
  const [left, top] = toScreen(view, x0, y1);
  const [right, bottom] = toScreen(view, x1, y0);
  ctx.drawImage(sheet, left, top, right - left, bottom - top);
}
