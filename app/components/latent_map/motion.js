// From one map to the next: every galaxy walks from where it was to where it is now, in 0.4 s; at once for who asked for less motion.

const WALK = 400; // ms
const remembered = new Map(); // pictures' address -> the last map of those galaxies, kept while the page shows something else

function remember(state) {
  const { points, view } = state;
  if (!points || !state.ratio || state.moving) return;
  remembered.set(points.header.pictures, { layout: points.header.layout, xy: points.xy, view: { ...view } });
  while (remembered.size > 4) remembered.delete(remembered.keys().next().value);
}

// Called when positions are new: the view fits them, and what is drawn starts from the places that are remembered.
function settleOrWalk(state) {
  const { points, view } = state;
  const before = remembered.get(points.header.pictures);
  const from = before && { ...before.view };
  fitView(view, points);
  stopWalk(state);
  if (!state.ratio) return; // not measured yet: called again when it is
  if (points.header.tile) return void (before && Object.assign(view, { zoom: from.zoom, cx: from.cx, cy: from.cy }), look(state));
  if (!before || before.xy.length !== points.xy.length) return;
  if (before.layout === points.header.layout) return void Object.assign(view, { zoom: from.zoom, cx: from.cx, cy: from.cy });
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  walk(state, before.xy, from, { ...view });
}

function walk(state, old, from, to) {
  const { points, view } = state;
  const began = performance.now();
  const now = new Float32Array(points.xy.length);
  const kFrom = pixelsPerUnit(from);
  const kTo = pixelsPerUnit(to);
  Object.assign(state, { moving: true, xy: now, walked: (state.walked ?? 0) + 1 });
  state.canvas.dataset.walks = String(state.walked);
  const step = () => {
    const t = Math.min(1, (performance.now() - began) / WALK);
    const e = t < 0.5 ? 4 * t * t * t : 1 - Math.pow(2 - 2 * t, 3) / 2;
    for (let i = 0; i < now.length; i++) now[i] = old[i] + (points.xy[i] - old[i]) * e;
    const mean = (a, b) => a + (b - a) * e;
    view.zoom = (Math.exp(mean(Math.log(kFrom), Math.log(kTo))) / view.base) || 1;
    Object.assign(view, { cx: mean(from.cx, to.cx), cy: mean(from.cy, to.cy) });
    if (t === 1) {
      stopWalk(state);
      Object.assign(view, { zoom: to.zoom, cx: to.cx, cy: to.cy });
    } else state.walking = requestAnimationFrame(step);
    redraw(state);
  };
  step();
}

function stopWalk(state) {
  cancelAnimationFrame(state.walking);
  Object.assign(state, { moving: false, xy: state.points.xy });
}
