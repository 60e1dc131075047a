// Small histograms. A number: drag over bars to choose a range, click for one bar. A word: click on its bar. Text only, no markup.

const HEIGHT = 48; // of the bars of numbers, px

export default function histograms({ parentElement, data, setTriggerValue }) {
  if (!data) return;
  const root = parentElement.querySelector(".panels");
  root.send = (choice) => setTriggerValue("choice", { choice });
  afterPress(root, () => draw(root, data.panels));
}

function draw(root, panels) {
  const key = JSON.stringify(panels);
  if (root.shown === key) return;
  root.shown = key;
  const focused = root.getRootNode().activeElement?.dataset?.focus;
  root.replaceChildren(...panels.map((panel) => (panel.words.length ? drawWords(root, panel) : drawNumbers(root, panel))));
  if (focused) [...root.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused)?.focus();
}

function make(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const thousands = (count) => count.toLocaleString("en");
const said = (panel, k) => (panel.matching ? `${thousands(panel.matching[k])} of ${thousands(panel.all[k])}` : thousands(panel.all[k]));

function frame(root, panel) {
  const made = make("section", "panel");
  const head = make("div", "head");
  head.append(make("span", "title", panel.title));
  if (panel.chosen) {
    const clear = make("button", "clear", "Clear");
    clear.type = "button";
    clear.setAttribute("aria-label", `Clear the filter of ${panel.title}`);
    clear.addEventListener("click", () => root.send([panel.column]));
    head.append(clear);
  }
  made.append(head);
  made.dataset.column = panel.column;
  return made;
}

// Heights of bars 0..1: all galaxies and those that match, each to its own highest.
function shares(panel, count) {
  const scaled = (counts) => {
    const most = Math.max(1, ...counts.slice(0, count));
    return counts.slice(0, count).map((one) => one / most);
  };
  return [scaled(panel.all), panel.matching && scaled(panel.matching)];
}

function drawNumbers(root, panel) {
  const made = frame(root, panel);
  const count = Math.max(0, panel.edges.length - 1);
  if (!count) {
    made.append(make("div", "note", "no values"));
    return made;
  }
  const [all, matching] = shares(panel, count);
  const bars = make("div", "bars");
  bars.style.height = `${HEIGHT}px`;
  bars.tabIndex = 0;
  bars.dataset.focus = panel.column;
  bars.setAttribute("role", "group");
  const columns = all.map((share, k) => {
    const bar = make("span", "bar");
    bar.append(layer("all", share), ...(matching ? [layer("matching", matching[k])] : []));
    bars.append(bar);
    return bar;
  });
  const note = make("div", "note");
  const chosen = panel.chosen?.slice(0, count) ?? [];
  const range = [chosen.indexOf(true), chosen.lastIndexOf(true)];
  const mark = ([first, last]) => {
    columns.forEach((bar, k) => bar.classList.toggle("chosen", k >= first && k <= last));
    const unknown = panel.all[count + 1] ? `, ${thousands(panel.all[count + 1])} unknown` : "";
    note.textContent = first < 0 ? `${panel.edges[0]} to ${panel.edges[count]}${unknown}` : rangeText(panel, count, first, last);
    bars.setAttribute("aria-label", `${panel.title}, ${note.textContent}. Arrow keys choose a bar, with Shift a range; Escape clears.`);
  };
  mark(range);
  listen(root, panel, bars, count, range, mark);
  made.append(bars, note);
  return made;
}

function rangeText(panel, count, first, last) {
  if (!first && last === count - 1) return "all known values";
  if (!first) return `below ${panel.edges[last + 1]}`;
  return last === count - 1 ? `${panel.edges[first]} and above` : `${panel.edges[first]} to ${panel.edges[last + 1]}`;
}

function layer(name, share) {
  const made = make("i", name);
  made.style.height = share ? `max(2px, ${(100 * share).toFixed(1)}%)` : "0";
  return made;
}

function listen(root, panel, bars, count, range, mark) {
  let from = null;
  const at = (event) => {
    const box = bars.getBoundingClientRect();
    return Math.max(0, Math.min(count - 1, Math.floor(((event.clientX - box.left) / box.width) * count)));
  };
  const span = (event) => [Math.min(from, at(event)), Math.max(from, at(event))];
  bars.addEventListener("pointerdown", (event) => {
    bars.setPointerCapture(event.pointerId);
    from = at(event);
    mark([from, from]);
  });
  bars.addEventListener("pointermove", (event) => from !== null && mark(span(event)));
  bars.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [first, last] = span(event);
    from = null;
    const again = first === last && range[0] === first && range[1] === last; // a click on the one bar that is chosen
    root.send(again ? [panel.column] : [panel.column, first, last]);
  });
  bars.addEventListener("pointercancel", () => {
    from = null;
    mark(range);
  });
  bars.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") root.send([panel.column]);
    else if (step) {
      const end = range[0] < 0 ? (step > 0 ? -1 : count) : step > 0 || event.shiftKey ? range[1] : range[0];
      const next = Math.max(0, Math.min(count - 1, end + step));
      root.send([panel.column, event.shiftKey && range[0] >= 0 ? Math.min(range[0], next) : next, next]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function drawWords(root, panel) {
  const made = frame(root, panel);
  const count = panel.words.length;
  const [all, matching] = shares(panel, count);
  panel.words.forEach((word, k) => made.append(wordRow(root, panel, word, k, all[k], matching?.[k])));
  if (panel.all[count]) made.append(make("div", "note", `other values: ${said(panel, count)}`));
  if (panel.all[count + 1]) made.append(wordRow(root, panel, "unknown", count, 0, 0, count + 1));
  return made;
}

function wordRow(root, panel, word, k, share, matching, at = k) {
  const row = make("button", "word");
  row.type = "button";
  row.dataset.focus = `${panel.column}/${k}`;
  row.title = `${word}: ${said(panel, at)}`;
  row.setAttribute("aria-pressed", String(Boolean(panel.chosen?.[k])));
  const length = make("span", "length");
  for (const [name, part] of [["all", share], ["matching", matching]]) {
    if (part === undefined) continue;
    const made = make("i", name);
    made.style.width = part ? `max(2px, ${(100 * part).toFixed(1)}%)` : "0";
    length.append(made);
  }
  row.append(make("span", "name", word), make("span", "count", said(panel, at)), length);
  row.addEventListener("click", () => root.send([panel.column, k]));
  return row;
}
