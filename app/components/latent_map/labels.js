// Names of clusters over the dots: few when far, more when near, none over another.

const NEAR = 2; // zoom from which on the finer clusters are named
const LINE = 16; // pixels
const SHIFTS = [0, -1, 1, -2, 2, -3, 3]; // half the height of a label, up or down

function labelBox(ctx, label, x, y, view) {
  const lines = label.text.split(", ");
  const [width, height] = [Math.max(...lines.map((line) => ctx.measureText(line).width)) + 8, lines.length * LINE + 4];
  const middle = Math.max(width / 2 + 4, Math.min(view.width - width / 2 - 4, x));
  return { lines, left: middle - width / 2, top: y - height / 2, width, height };
}

function drawLabels(ctx, state) {
  const { points, view, theme, off } = state;
  state.labels = [];
  if (state.moving || !points.header.labels?.length) return;
  const level = view.zoom < NEAR ? "coarse" : "fine";
  ctx.font = `600 13px ${getComputedStyle(state.root).fontFamily}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  for (const label of points.header.labels) {
    if (label.level !== level || (label.code !== null && off.has(label.code))) continue;
    const [x, y] = toScreen(view, label.x, label.y);
    if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
    const box = labelBox(ctx, label, x, y, view);
    const free = SHIFTS.map((shift) => ({ ...box, top: box.top + (shift * box.height) / 2 })).find((one) => hasRoom(state.labels, one, view));
    if (free) state.labels.push({ text: label.text, box: free });
  }
  for (const { box } of state.labels) {
    box.lines.forEach((line, k) => {
      const at = [box.left + box.width / 2, box.top + 2 + (k + 0.5) * LINE];
      ctx.strokeStyle = theme.background;
      ctx.lineWidth = 4;
      ctx.strokeText(line, ...at);
      ctx.fillStyle = theme.text;
      ctx.fillText(line, ...at);
    });
  }
}

function hasRoom(labels, box, view) {
  if (box.top < 44 || box.top + box.height > view.height - 4) return false; // the tools stand above
  return labels.every(({ box: b }) => box.left >= b.left + b.width || b.left >= box.left + box.width || box.top >= b.top + b.height || b.top >= box.top + box.height);
}
