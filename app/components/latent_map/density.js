// A crowd as a surface: where tens of thousands of dots would lie over each other, every pixel shows how many and of which colour.

const CROWD = 50000; // galaxies from which on the map may be a surface
const CROWD_IN_VIEW = 20000; // and as long as so many are in view

function isCrowded(state) {
  return state.points.n >= CROWD && (state.moving || countInView(state.index, state.view) > CROWD_IN_VIEW);
}

function canvasFor(state, width, height) {
  if (state.surface?.width !== width || state.surface?.height !== height) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const ctx = canvas.getContext("2d");
    const image = ctx.createImageData(width, height);
    const sums = [0, 1, 2, 3].map(() => new Float32Array(width * height));
    state.surface = { width, height, canvas, ctx, image, pixels: new Uint32Array(image.data.buffer), sums };
  }
  return state.surface;
}

// Counts per pixel on a logarithmic scale, the mean colour of whoever is there; whoever is not chosen counts a fiftieth.
function drawDensity(ctx, state) {
  const { points, view, xy, bright, table, theme } = state;
  const [width, height] = [Math.ceil(view.width), Math.ceil(view.height)];
  const surface = canvasFor(state, width, height);
  const [weight, red, green, blue] = surface.sums;
  surface.sums.forEach((sum) => sum.fill(0));
  const colours = table.map(rgb);
  const grey = rgb(theme.grey);
  const k = pixelsPerUnit(view);
  const reach = points.n > 200000 ? 0 : 1;
  let most = 0;
  for (let i = 0; i < points.n; i++) {
    const x = (view.width / 2 + (xy[2 * i] - view.cx) * k) | 0;
    const y = (view.height / 2 - (xy[2 * i + 1] - view.cy) * k) | 0;
    if (x < 1 || y < 1 || x >= width - 1 || y >= height - 1) continue;
    const out = bright !== null && !bright[i];
    const [r, g, b] = out ? grey : colours[points.colours[i]];
    const share = out ? 0.02 : 1;
    const at = y * width + x;
    for (let tap = reach ? 0 : 4; tap < 5; tap++) {
      const p = tap === 0 ? at - 1 : tap === 1 ? at + 1 : tap === 2 ? at - width : tap === 3 ? at + width : at;
      const w = tap === 4 ? share : 0.5 * share;
      weight[p] += w;
      red[p] += w * r;
      green[p] += w * g;
      blue[p] += w * b;
    }
    if (weight[at] > most) most = weight[at];
  }
  const { pixels } = surface;
  const scale = 0.62 / Math.log1p(Math.max(2, most));
  for (let p = 0; p < pixels.length; p++) {
    const w = weight[p];
    if (w === 0) {
      pixels[p] = 0;
      continue;
    }
    const alpha = Math.min(1, (w < 0.5 ? 0.55 : 0.38) + Math.log1p(w) * scale) * 255;
    pixels[p] = (alpha << 24) | ((blue[p] / w) << 16) | ((green[p] / w) << 8) | (red[p] / w);
  }
  surface.ctx.putImageData(surface.image, 0, 0);
  ctx.drawImage(surface.canvas, 0, 0, width, height);
}
