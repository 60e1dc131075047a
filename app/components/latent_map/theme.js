// The page's own colours, read from its CSS variables at every frame, so that the canvas follows the theme. No colour is chosen here
// but for what lies between two of them.

const DARK = { background: "#0B0E14", panel: "#131824", line: "#232B3B", text: "#E6EAF2", accent: "#FFB454" };
const VARIABLES = { background: "background", panel: "secondary-background", line: "border", text: "text", accent: "primary" };

function rgb(hex) {
  const text = hex.trim().replace("#", "");
  const full = text.length === 3 ? [...text].map((digit) => digit + digit).join("") : text.slice(0, 6);
  return [0, 2, 4].map((k) => parseInt(full.slice(k, k + 2), 16));
}

function mix(a, b, t) {
  const [from, to] = [rgb(a), rgb(b)];
  return "#" + from.map((part, k) => Math.round(part * (1 - t) + to[k] * t).toString(16).padStart(2, "0")).join("");
}

function luminance(hex) {
  const [r, g, b] = rgb(hex);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

function readTheme(root) {
  const style = getComputedStyle(root);
  const theme = {};
  for (const [role, name] of Object.entries(VARIABLES)) {
    const value = style.getPropertyValue(`--st-${name}-color`).trim();
    theme[role] = /^#([0-9a-f]{3}|[0-9a-f]{6,8})$/i.test(value) ? value : DARK[role];
  }
  theme.dark = luminance(theme.background) < 0.5;
  theme.muted = mix(theme.background, theme.text, 0.6);
  theme.grey = mix(theme.background, theme.text, theme.dark ? 0.22 : 0.17); // whoever is not chosen
  theme.unknown = mix(theme.background, theme.text, theme.dark ? 0.4 : 0.36);
  theme.key = Object.values(theme).join();
  return theme;
}

// One colour per code: the groups' own, or 255 steps of a ramp; the last is "unknown".
function makeColours(colour, theme) {
  const table = new Array(256).fill(theme.unknown);
  if (colour.kind === "ramp") {
    const stops = theme.dark ? colour.stops : colour.light;
    for (let i = 0; i < 255; i++) {
      const t = (i / 254) * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(t));
      table[i] = mix(stops[k], stops[k + 1], t - k);
    }
  } else for (const group of colour.groups) if (group.code !== 255) table[group.code] = theme.dark ? group.colour : group.light;
  return table;
}

// Called before every frame: nothing happens unless theme or colouring have changed since the last one.
function dress(state) {
  const theme = readTheme(state.root);
  const key = `${theme.key}/${state.points.header.look}`;
  if (state.dressed === key) return;
  state.dressed = key;
  state.theme = theme;
  state.table = makeColours(state.points.header.colour, theme);
  drawLegend(state);
}
