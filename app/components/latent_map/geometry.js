// What the map knows about points: the wire format, the screen transform, the nearest point, who is inside a polygon.
// Positions are the quantised integers that Python sent (0..65535), so both sides answer "inside?" alike.

const UNITS = 65535;
const BUCKETS = 96;
const CORNERS = 48; // of a lasso, at most: so that it fits into a link
const NEAR_LINE = 0.6; // cosine: an arrow key looks within 53 degrees of its direction

// Of a map that is sent in tiles (tiles.py) the places count in the tile's box; rows and cells follow.
// bytes: uint32 length of the JSON header | header | pad to 4 | uint16 x, y per galaxy | uint8 class | uint8 colour | uint8 rank
function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headerLength)));
  const start = Math.ceil((4 + headerLength) / 4) * 4;
  const n = header.count;
  const sent = new Uint16Array(bytes.slice(start, start + 4 * n).buffer);
  const column = (k) => bytes.slice(start + (4 + k) * n, start + (5 + k) * n);
  const points = { header, n, xy: sent, classes: column(0), colours: column(1), ranks: column(2), rows: null, cells: null };
  return header.tile ? { ...points, ...decodeTile(bytes, start + 7 * n, points) } : points;
}

// A tile's galaxies lie in its box and have rows of their own; where they are too many, cells say how many there are and their colour.
function decodeTile(bytes, start, { header, n, xy: sent }) {
  const { box: [x0, y0, x1, y1], cells, pictured: bits } = header.tile;
  const xy = Float32Array.from(sent, (q, k) => (k % 2 ? y0 + ((y1 - y0) * q) / UNITS : x0 + ((x1 - x0) * q) / UNITS));
  const rows = new Uint32Array(bytes.slice(start, start + 4 * n).buffer);
  const pictured = bits ? unpackBits(bits, n) : null;
  if (!cells) return { xy, rows, pictured };
  const [down, across] = cells;
  const part = (k) => bytes.slice(start + 4 * n + k * down * across, start + 4 * n + (k + 1) * down * across);
  return { xy, rows, cells: { down, across, levels: part(0), colours: part(1) } };
}

// One bit per galaxy, the first in the highest bit of the first byte, as text in base64.
function unpackBits(text, n) {
  const bytes = atob(text);
  return Uint8Array.from({ length: n }, (_, i) => (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1);
}

// Counting sort of the points into square buckets: who is near is found without looking at everyone.
function bucketIndex(points) {
  const size = (UNITS + 1) / BUCKETS;
  const start = new Uint32Array(BUCKETS * BUCKETS + 1);
  const cell = new Uint16Array(points.n);
  for (let i = 0; i < points.n; i++) {
    cell[i] = Math.floor(points.xy[2 * i + 1] / size) * BUCKETS + Math.floor(points.xy[2 * i] / size);
    start[cell[i] + 1]++;
  }
  for (let b = 0; b < BUCKETS * BUCKETS; b++) start[b + 1] += start[b];
  const rows = new Uint32Array(points.n);
  const next = start.slice();
  for (let i = 0; i < points.n; i++) rows[next[cell[i]]++] = i;
  return { size, start, rows };
}

function eachBucket(index, x0, y0, x1, y1, visit) {
  const clamp = (value) => Math.max(0, Math.min(BUCKETS - 1, Math.floor(value / index.size)));
  for (let by = clamp(y0); by <= clamp(y1); by++) {
    for (let bx = clamp(x0); bx <= clamp(x1); bx++) visit(index.start[by * BUCKETS + bx], index.start[by * BUCKETS + bx + 1]);
  }
}
function eachInBox(index, x0, y0, x1, y1, visit) {
  eachBucket(index, x0, y0, x1, y1, (from, to) => {
    for (let k = from; k < to; k++) visit(index.rows[k]);
  });
}
function countInView(index, view) {
  let count = 0;
  const [x0, y1] = toData(view, 0, 0);
  const [x1, y0] = toData(view, view.width, view.height);
  eachBucket(index, x0, y0, x1, y1, (from, to) => (count += to - from));
  return count;
}

// Even-odd rule, the same comparison order as points_in_polygon in app/geometry.py.
function inPolygon(x, y, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

function rowsInside(points, polygons) {
  const chosen = new Uint8Array(points.n);
  for (const polygon of polygons) {
    const [xs, ys] = [polygon.map((corner) => corner[0]), polygon.map((corner) => corner[1])];
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    for (let i = 0; i < points.n; i++) {
      const [x, y] = [points.xy[2 * i], points.xy[2 * i + 1]];
      if (x >= x0 && x <= x1 && y >= y0 && y <= y1 && !chosen[i] && inPolygon(x, y, polygon)) chosen[i] = 1;
    }
  }
  return chosen;
}

// Screen = data around a centre, y upwards; one scale for both axes, so distances mean the same in every direction.
function makeView() {
  return { width: 1, height: 1, zoom: 1, base: 1, cx: UNITS / 2, cy: UNITS / 2 };
}
function fitView(view, points) {
  let [x0, y0, x1, y1] = points.header.tile ? [0, 0, UNITS, UNITS] : [UNITS, UNITS, 0, 0];
  for (let i = 0; i < points.n; i++) {
    const [x, y] = [points.xy[2 * i], points.xy[2 * i + 1]];
    x0 = Math.min(x0, x);
    x1 = Math.max(x1, x);
    y0 = Math.min(y0, y);
    y1 = Math.max(y1, y);
  }
  const [sx, sy] = [Math.max(1, x1 - x0), Math.max(1, y1 - y0)];
  view.base = Math.max(1e-4, Math.min((view.width - 64) / sx, (view.height - 112) / sy));
  Object.assign(view, { zoom: 1, cx: (x0 + x1) / 2, cy: (y0 + y1) / 2 + 16 / view.base }); // the tools stand above
}
function pixelsPerUnit(view) {
  return view.base * view.zoom;
}
function toScreen(view, x, y) {
  const k = pixelsPerUnit(view);
  return [view.width / 2 + (x - view.cx) * k, view.height / 2 - (y - view.cy) * k];
}
function toData(view, px, py) {
  const k = pixelsPerUnit(view);
  return [view.cx + (px - view.width / 2) / k, view.cy - (py - view.height / 2) / k];
}
function zoomAt(view, px, py, factor) {
  const [x, y] = toData(view, px, py);
  view.zoom = Math.max(0.5, Math.min(400, view.zoom * factor));
  const [qx, qy] = toScreen(view, x, y);
  const k = pixelsPerUnit(view);
  view.cx += (qx - px) / k;
  view.cy -= (qy - py) / k;
}

// Who comes next from a galaxy in a direction of the map: near, and not far off the line. Null at the edge.
function nextInDirection(points, row, dx, dy, allowed) {
  const [x0, y0] = [points.xy[2 * row], points.xy[2 * row + 1]];
  let [best, least] = [null, Infinity];
  for (let i = 0; i < points.n; i++) {
    const [x, y] = [points.xy[2 * i] - x0, points.xy[2 * i + 1] - y0];
    const along = x * dx + y * dy;
    if (along <= 0 || (allowed && !allowed[i])) continue;
    const square = x * x + y * y;
    if (along * along < NEAR_LINE * NEAR_LINE * square) continue;
    const cost = (square * square) / (along * along); // (distance / cosine)², so that straight ahead wins among equals
    if (cost < least) [best, least] = [i, cost];
  }
  return best;
}

// The corners that matter (Douglas and Peucker), as integers and few: a lasso is a third of a kilobyte, whatever was drawn.
function simplify(polygon, most = CORNERS) {
  const whole = polygon.map(([x, y]) => [Math.round(x), Math.round(y)]);
  const spread = Math.max(...[0, 1].map((k) => Math.max(...whole.map((c) => c[k])) - Math.min(...whole.map((c) => c[k]))));
  for (let tolerance = spread / 400; ; tolerance *= 1.5) {
    const kept = whole.length > 4 ? keepCorners(whole, tolerance) : whole;
    if (kept.length <= most) return kept;
  }
}
function keepCorners(line, tolerance) {
  const [[x0, y0], [x1, y1]] = [line[0], line[line.length - 1]];
  const length = Math.hypot(x1 - x0, y1 - y0);
  let [far, at] = [0, 0];
  for (let i = 1; i < line.length - 1; i++) {
    const [x, y] = [line[i][0] - x0, line[i][1] - y0];
    const off = length ? Math.abs((x * (y1 - y0) - y * (x1 - x0)) / length) : Math.hypot(x, y);
    if (off > far) [far, at] = [off, i];
  }
  if (far <= tolerance) return [line[0], line[line.length - 1]];
  return [...keepCorners(line.slice(0, at + 1), tolerance).slice(0, -1), ...keepCorners(line.slice(at), tolerance)];
}
