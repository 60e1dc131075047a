// Lines of equal density over the dots: each encloses a share of the galaxies that are chosen, or of all.

const CELLS = 160; // of the grid across the map
const MARGIN = 10; // cells around it, so that every line closes
const BLUR = 2; // cells: half the width of each of three box filters, together about a Gaussian of 2.4 cells
const ENCLOSED = [0.95, 0.8, 0.6, 0.4, 0.2];

function densityGrid(points, bright) {
  const side = CELLS + 2 * MARGIN;
  const size = (UNITS + 1) / CELLS;
  let grid = new Float32Array(side * side);
  for (let i = 0; i < points.n; i++) {
    if (bright && !bright[i]) continue;
    grid[(Math.floor(points.xy[2 * i + 1] / size) + MARGIN) * side + Math.floor(points.xy[2 * i] / size) + MARGIN]++;
  }
  for (let pass = 0; pass < 6; pass++) grid = blurred(grid, side, pass % 2 ? side : 1);
  return { side, size, grid };
}

// Mean over 2 · BLUR + 1 cells across (step 1) or up (step side); the margin stays empty enough to need no care.
function blurred(grid, side, step) {
  const made = new Float32Array(grid.length);
  const other = step === 1 ? side : 1;
  for (let line = 0; line < side; line++) {
    let sum = 0;
    for (let k = 0; k < side + BLUR; k++) {
      if (k < side) sum += grid[line * other + k * step];
      if (k > 2 * BLUR) sum -= grid[line * other + (k - 2 * BLUR - 1) * step];
      if (k >= BLUR) made[line * other + (k - BLUR) * step] = sum / (2 * BLUR + 1);
    }
  }
  return made;
}

// The densities above which these shares of all galaxies lie.
function levelsOf(grid) {
  const ordered = grid.filter((value) => value > 1e-6).sort().reverse();
  const total = ordered.reduce((sum, value) => sum + value, 0);
  let [inside, k] = [0, 0];
  return [...ENCLOSED].reverse().map((share) => {
    while (k < ordered.length && inside < share * total) inside += ordered[k++];
    return ordered[Math.max(0, k - 1)];
  });
}

// Marching squares: the line's pieces in map units, [x, y, x, y, ...].
function linesAt({ side, size, grid }, level) {
  const found = [];
  const unit = (cell) => (cell + 0.5 - MARGIN) * size;
  for (let y = 0; y < side - 1; y++) {
    for (let x = 0; x < side - 1; x++) {
      const at = y * side + x;
      const below = (grid[at] < level) + (grid[at + 1] < level) + (grid[at + side] < level) + (grid[at + side + 1] < level);
      if (below % 4 === 0) continue; // no line crosses this cell
      const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]];
      const values = corners.map(([cx, cy]) => grid[cy * side + cx] - level);
      const cuts = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [values[k], values[(k + 1) % 4]];
        if (a < 0 === b < 0) continue;
        const [t, from, to] = [a / (a - b), corners[k], corners[(k + 1) % 4]];
        cuts.push(unit(from[0] + t * (to[0] - from[0])), unit(from[1] + t * (to[1] - from[1])));
      }
      found.push(...cuts); // two cuts, or four at a saddle, taken in pairs
    }
  }
  return found;
}

function contoursOf(state) {
  const key = `${state.points.header.layout} ${state.brightKey}`;
  if (state.contourKey !== key) {
    state.contourKey = key;
    const density = densityGrid(state.points, state.bright);
    state.contours = levelsOf(density.grid).map((level) => linesAt(density, level));
  }
  return state.contours;
}

function drawContours(ctx, state) {
  const { view, theme } = state;
  if (!state.contoursOn || state.moving) return;
  ctx.strokeStyle = theme.text;
  contoursOf(state).forEach((line, k) => {
    ctx.globalAlpha = 0.75 - 0.1 * k; // the innermost is the strongest
    ctx.lineWidth = 1.25;
    ctx.beginPath();
    for (let i = 0; i < line.length; i += 4) {
      ctx.moveTo(...toScreen(view, line[i], line[i + 1]));
      ctx.lineTo(...toScreen(view, line[i + 2], line[i + 3]));
    }
    ctx.stroke();
  });
  ctx.globalAlpha = 1;
}
