// What lies over the dots: rings for whoever is meant, outlines for what was drawn.

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
