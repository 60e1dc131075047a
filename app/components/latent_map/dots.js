// The dots, blended into the picture's bytes here: 18,000 drawImage calls take ten times as long where no graphics card helps.

const QUARTERS = 4; // a dot is placed to a quarter of a pixel, across and down

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

// How much of each pixel a shape covers, 0 to 255, for each of its places inside a pixel: planes[4 * down + across][side * y + x].
function makeStamp(shape, radius) {
  const side = Math.ceil(2.9 * radius) + 3;
  const sheet = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const ctx = sheet.getContext("2d", { willReadFrequently: true });
  const planes = [];
  for (let place = 0; place < QUARTERS * QUARTERS; place++) {
    ctx.clearRect(0, 0, side, side);
    ctx.setTransform(1, 0, 0, 1, ((place % QUARTERS) + 0.5) / QUARTERS - 0.5, (Math.floor(place / QUARTERS) + 0.5) / QUARTERS - 0.5);
    traceShape(ctx, shape, side / 2, radius);
    ctx.fill();
    ctx.resetTransform();
    planes.push(ctx.getImageData(0, 0, side, side).data.filter((_, k) => k % 4 === 3));
  }
  return { side, planes };
}

function dotRadius(view, n) {
  const base = n > 50000 ? 1.4 : n > 8000 ? 2.1 : n > 2000 ? 2.7 : n > 500 ? 3.6 : 4.6;
  return Math.min(7, base * Math.pow(view.zoom, 0.28));
}

// Lay a colour over the bytes (RGBA, opaque) of a picture `width` pixels wide, as strongly as the stamp covers each pixel.
function blend(bytes, width, height, stamp, x, y, [r, g, b], opacity) {
  const { side, planes } = stamp;
  const left = x - side / 2 + 0.5;
  const top = y - side / 2 + 0.5;
  const [x0, y0] = [Math.floor(left), Math.floor(top)];
  const plane = planes[Math.floor((top - y0) * QUARTERS) * QUARTERS + Math.floor((left - x0) * QUARTERS)];
  const [firstX, lastX] = [Math.max(0, -x0), Math.min(side, width - x0)];
  const lastY = Math.min(side, height - y0);
  for (let v = Math.max(0, -y0); v < lastY; v++) {
    let at = ((y0 + v) * width + x0 + firstX) * 4;
    for (let u = firstX; u < lastX; u++, at += 4) {
      const cover = plane[v * side + u];
      if (cover === 0) continue;
      const share = (cover * opacity) / 255;
      bytes[at] += (r - bytes[at]) * share;
      bytes[at + 1] += (g - bytes[at + 1]) * share;
      bytes[at + 2] += (b - bytes[at + 2]) * share;
    }
  }
}

// Fill the canvas: background and dots. Whoever is not `bright` lies below, in grey.
function drawDots(ctx, state) {
  const { points, view, table, ratio, xy, bright, theme, canvas } = state;
  const { width, height } = canvas;
  const radius = (Math.round(dotRadius(view, points.n) * 4) / 4) * ratio;
  if (state.stampRadius !== radius) Object.assign(state, { stampRadius: radius, stamps: new Map() });
  if (state.sheet?.width !== width || state.sheet?.height !== height) state.sheet = ctx.createImageData(width, height);
  const bytes = state.sheet.data;
  const [r, g, b] = rgb(theme.background);
  new Uint32Array(bytes.buffer).fill((255 << 24) | (b << 16) | (g << 8) | r);
  const shapes = [...points.header.shapes, "circle"];
  const stamps = shapes.map((shape) => {
    if (!state.stamps.has(shape)) state.stamps.set(shape, makeStamp(shape, radius));
    return state.stamps.get(shape);
  });
  const colours = table.map(rgb);
  const grey = rgb(theme.grey);
  const k = pixelsPerUnit(view);
  const put = (i, opacity) => {
    const x = (view.width / 2 + (xy[2 * i] - view.cx) * k) * ratio;
    const y = (view.height / 2 - (xy[2 * i + 1] - view.cy) * k) * ratio;
    const stamp = stamps[points.classes[i]] ?? stamps.at(-1);
    blend(bytes, width, height, stamp, x, y, bright && !bright[i] ? grey : colours[points.colours[i]], opacity);
  };
  if (bright) {
    for (let i = 0; i < points.n; i++) if (!bright[i]) put(i, 0.7);
    for (let i = 0; i < points.n; i++) if (bright[i]) put(i, 1);
  } else {
    const opacity = points.n > 6000 && view.zoom < 4 ? 0.8 : 0.95;
    for (let i = 0; i < points.n; i++) put(i, opacity);
  }
  ctx.putImageData(state.sheet, 0, 0);
}
