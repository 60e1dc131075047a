// How the map looks: a stamp per colour and shape for the dots, rings for whoever is meant, outlines for what was drawn.

const STAMP = 2; // stamps are drawn at twice the size and scaled down, so that edges stay smooth

function traceShape(ctx, shape, c, r) {
  ctx.beginPath();
  if (shape === "diamond") {
    ctx.moveTo(c, c - 1.25 * r);
    ctx.lineTo(c + 1.25 * r, c);
    ctx.lineTo(c, c + 1.25 * r);
    ctx.lineTo(c - 1.25 * r, c);
    ctx.closePath();
  } else if (shape === "triangle") {
    ctx.moveTo(c, c - 1.2 * r);
    ctx.lineTo(c + 1.15 * r, c + 0.85 * r);
    ctx.lineTo(c - 1.15 * r, c + 0.85 * r);
    ctx.closePath();
  } else if (shape === "bar") {
    ctx.rect(c - 1.45 * r, c - 0.55 * r, 2.9 * r, 1.1 * r);
  } else {
    ctx.arc(c, c, r, 0, 2 * Math.PI);
  }
}

function makeStamp(colour, shape, radius, ratio) {
  const side = Math.ceil((2.9 * radius + 2) * ratio * STAMP);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = colour;
  traceShape(ctx, shape, side / 2, radius * ratio * STAMP);
  ctx.fill();
  return { canvas, size: side / ratio / STAMP };
}

function dotRadius(view, n) {
  const base = n > 50000 ? 1.4 : n > 8000 ? 2.1 : n > 2000 ? 2.7 : n > 500 ? 3.6 : 4.6;
  return Math.min(7, base * Math.pow(view.zoom, 0.28));
}

function drawDots(ctx, state) {
  const { points, view, table, ratio, xy, bright, theme } = state;
  const radius = Math.round(dotRadius(view, points.n) * 4) / 4;
  if (state.stampKey !== `${radius}/${ratio}`) {
    state.stampKey = `${radius}/${ratio}`;
    state.stamps = new Map();
  }
  const stampOf = (colour, shape) => {
    const key = colour + shape;
    if (!state.stamps.has(key)) state.stamps.set(key, makeStamp(colour, shape, radius, ratio));
    return state.stamps.get(key);
  };
  const k = pixelsPerUnit(view);
  const shapes = points.header.shapes;
  const put = (i) => {
    const x = view.width / 2 + (xy[2 * i] - view.cx) * k;
    const y = view.height / 2 - (xy[2 * i + 1] - view.cy) * k;
    if (x < -8 || y < -8 || x > view.width + 8 || y > view.height + 8) return;
    const shape = shapes[points.classes[i]] ?? "circle";
    const stamp = stampOf(bright && !bright[i] ? theme.grey : table[points.colours[i]], shape);
    ctx.drawImage(stamp.canvas, x - stamp.size / 2, y - stamp.size / 2, stamp.size, stamp.size);
  };
  ctx.globalAlpha = points.n > 6000 && view.zoom < 4 ? 0.8 : 0.95;
  if (bright) {
    ctx.globalAlpha = 0.7;
    for (let i = 0; i < points.n; i++) if (!bright[i]) put(i);
    ctx.globalAlpha = 1;
    for (let i = 0; i < points.n; i++) if (bright[i]) put(i);
  } else for (let i = 0; i < points.n; i++) put(i);
  ctx.globalAlpha = 1;
}

function drawMarks(ctx, state) {
  const { theme, view, xy, selected } = state;
  const ring = (i, radius, colour, width) => {
    const [x, y] = toScreen(view, xy[2 * i], xy[2 * i + 1]);
    const side = state.shown.includes(i) ? state.pictureSide + 6 : 0;
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    if (side) ctx.rect(x - side / 2, y - side / 2, side, side);
    else ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.stroke();
  };
  for (const i of state.neighbours) ring(i, 7, theme.text, 1.25);
  if (selected !== null) {
    ring(selected, 9, theme.background, 5);
    ring(selected, 9, theme.accent, 2.5);
  }
  if (state.hovered !== null && state.hovered !== selected) ring(state.hovered, 8, theme.text, 1.5);
  if (state.moving) return;
  ctx.strokeStyle = ctx.fillStyle = theme.accent;
  ctx.lineWidth = 1.25;
  for (const polygon of state.drawn ? [...state.polygons, state.drawn] : state.polygons) {
    ctx.beginPath();
    polygon.forEach(([x, y], k) => ctx[k ? "lineTo" : "moveTo"](...toScreen(view, x, y)));
    ctx.closePath();
    ctx.globalAlpha = 0.08;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.stroke();
  }
}
