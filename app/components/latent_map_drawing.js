// How the map looks: stamps for the dots, pictures when they fit, the hover card. Text goes in by textContent only.

const STAMP = 2; // stamps are drawn at twice the size and scaled down, so that edges stay smooth
const PICTURE = 48; // side of a picture on the map, CSS pixels
const SHEET = 40; // pictures per request

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

function mix(a, b, t) {
  const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  return "rgb(" + [0, 1, 2].map((k) => Math.round(part(a, k) * (1 - t) + part(b, k) * t)).join(",") + ")";
}

// One colour per code: the groups' own, or 255 steps of a ramp; the last is "unknown".
function makeColours(header) {
  const { colour } = header;
  const table = new Array(256).fill("#5B6474");
  if (colour.kind === "ramp") {
    const stops = colour.stops;
    for (let i = 0; i < 255; i++) {
      const t = (i / 254) * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(t));
      table[i] = mix(stops[k], stops[k + 1], t - k);
    }
  } else colour.groups.forEach((group) => (table[group.code] = group.colour));
  return table;
}

function dotRadius(view, n) {
  const base = n > 8000 ? 2.1 : n > 2000 ? 2.7 : n > 500 ? 3.6 : 4.6;
  return Math.min(7, base * Math.pow(view.zoom, 0.28));
}

function drawDots(ctx, state) {
  const { points, view, table, ratio } = state;
  const radius = Math.round(dotRadius(view, points.n) * 4) / 4;
  if (state.stampKey !== `${radius}/${ratio}/${points.header.look}`) {
    state.stampKey = `${radius}/${ratio}/${points.header.look}`;
    state.stamps = new Map();
  }
  const stampOf = (colour, shape) => {
    const key = colour + shape;
    if (!state.stamps.has(key)) state.stamps.set(key, makeStamp(colour, shape, radius, ratio));
    return state.stamps.get(key);
  };
  const k = pixelsPerUnit(view);
  const shapes = points.header.shapes;
  const bright = state.bright;
  const put = (i) => {
    const x = view.width / 2 + (points.xy[2 * i] - view.cx) * k;
    const y = view.height / 2 - (points.xy[2 * i + 1] - view.cy) * k;
    if (x < -8 || y < -8 || x > view.width + 8 || y > view.height + 8) return;
    const shape = shapes[points.classes[i]] ?? "circle";
    const stamp = stampOf(bright && !bright[i] ? "#3A4357" : table[points.colours[i]], shape);
    ctx.drawImage(stamp.canvas, x - stamp.size / 2, y - stamp.size / 2, stamp.size, stamp.size);
  };
  ctx.globalAlpha = points.n > 6000 && view.zoom < 4 ? 0.8 : 0.95;
  if (bright) {
    ctx.globalAlpha = 0.55;
    for (let i = 0; i < points.n; i++) if (!bright[i]) put(i);
    ctx.globalAlpha = 1;
    for (let i = 0; i < points.n; i++) if (bright[i]) put(i);
  } else for (let i = 0; i < points.n; i++) put(i);
  ctx.globalAlpha = 1;
}

// Which pictures are shown: lowest row first, none over another, by a step that changes with the zoom only in jumps.
function picturesInView(state) {
  const { points, view, index } = state;
  const [x0, y1] = toData(view, 0, 0);
  const [x1, y0] = toData(view, view.width, view.height);
  const visible = [];
  eachInBox(index, x0, y0, x1, y1, (i) => {
    const [x, y] = [points.xy[2 * i], points.xy[2 * i + 1]];
    if (x >= x0 && x <= x1 && y >= y0 && y <= y1) visible.push(i);
  });
  if (state.pictures === "off" || (state.pictures === "auto" && visible.length > 160)) return [];
  visible.sort((a, b) => a - b);
  const step = (PICTURE + 4) / (view.base * Math.pow(2, Math.floor(Math.log2(view.zoom) * 2) / 2));
  const taken = new Map(); // square of the grid -> the picture in it; a picture overlaps none of the nine squares around it
  return visible.filter((i) => {
    if (state.bright && !state.bright[i]) return false;
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
  state.album.want(shown);
  const side = Math.min(112, PICTURE * Math.max(1, Math.pow(state.view.zoom / 12, 0.5)));
  state.pictureSide = side;
  for (const i of shown) {
    const [x, y] = toScreen(state.view, state.points.xy[2 * i], state.points.xy[2 * i + 1]);
    const tile = state.album.get(i);
    ctx.fillStyle = "#0B0E14";
    ctx.fillRect(x - side / 2, y - side / 2, side, side);
    if (tile) ctx.drawImage(tile.image, tile.x, tile.y, tile.side, tile.side, x - side / 2, y - side / 2, side, side);
    ctx.strokeStyle = state.table[state.points.colours[i]];
    ctx.lineWidth = 1.5;
    ctx.strokeRect(x - side / 2, y - side / 2, side, side);
  }
}

function drawMarks(ctx, state) {
  const ring = (i, radius, colour, width) => {
    const [x, y] = toScreen(state.view, state.points.xy[2 * i], state.points.xy[2 * i + 1]);
    const side = state.shown.includes(i) ? state.pictureSide + 6 : 0;
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    if (side) ctx.rect(x - side / 2, y - side / 2, side, side);
    else ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.stroke();
  };
  const { neighbours, selected } = state.points.header;
  for (const i of neighbours) ring(i, 7, "rgba(230,234,242,0.8)", 1.25);
  if (selected !== null) {
    ring(selected, 9, "#0B0E14", 5);
    ring(selected, 9, "#FFB454", 2.5);
  }
  if (state.hovered !== null && state.hovered !== selected) ring(state.hovered, 8, "#E6EAF2", 1.5);
  ctx.strokeStyle = "#FFB454";
  ctx.fillStyle = "rgba(255,180,84,0.08)";
  ctx.lineWidth = 1.25;
  const outlines = state.drawn ? [...state.polygons, state.drawn] : state.polygons;
  for (const polygon of outlines) {
    ctx.beginPath();
    polygon.forEach(([x, y], k) => ctx[k ? "lineTo" : "moveTo"](...toScreen(state.view, x, y)));
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
}

// Pictures come in sheets of the rows asked for, one request for many; the oldest sheets are let go.
function makeAlbum(source, changed) {
  const tiles = new Map();
  const asked = new Set();
  const sheets = [];
  let failures = 0;
  const load = (rows, side) => {
    rows.forEach((row) => asked.add(row));
    const image = new Image();
    const across = Math.ceil(Math.sqrt(rows.length));
    image.onload = () => {
      rows.forEach((row, k) => tiles.set(row, { image, side, x: (k % across) * side, y: Math.floor(k / across) * side }));
      sheets.push(rows);
      while (sheets.length > 60) sheets.shift().forEach((row) => tiles.delete(row) && asked.delete(row));
      changed();
    };
    image.onerror = () => ++failures < 4 && rows.forEach((row) => asked.delete(row));
    image.src = `${source}/${side}?rows=${rows.join(",")}`;
  };
  const want = (rows) => {
    const missing = rows.filter((row) => !asked.has(row));
    for (let k = 0; k < missing.length; k += SHEET) load(missing.slice(k, k + SHEET), 96);
  };
  return { get: (row) => tiles.get(row), want, source };
}
