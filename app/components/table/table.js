// A table whose headings sort: here, or, of rows that are the first of more, where `order` is from. Where its rows do not fit, short cells take two lines; in a narrow frame, rows are cards. Text only.

const NARROW = 800; // px
const SHORT = 21; // characters that stand on one line
const INTERVAL = /(\[[^\]]*), /g; // [low, high], which is not broken
const { compare } = new Intl.Collator(undefined, { numeric: true });

export default function show({ parentElement, data, setTriggerValue }) {
  if (!data) return;
  const frame = parentElement.querySelector(".frame");
  const table = frame.querySelector("table");
  Object.assign(table, { send: setTriggerValue, data });
  afterPress(frame, () => draw(frame, table, data));
}

function draw(frame, table, { selected, ...content }) {
  const key = JSON.stringify(content);
  if (table.shown !== key) fill(frame, table, content);
  if (table.order !== content.order?.now) frame.scrollTop = 0;
  [table.shown, table.order] = [key, content.order?.now];
  for (const row of table.tBodies[0].rows) row.ariaCurrent = row.number === selected ? "true" : null;
}

function fill(frame, table, data) {
  const body = make("tbody", "rowgroup");
  const focused = table.getRootNode().activeElement;
  const heading = table.tHead?.contains(focused) ? focused.textContent : null;
  body.append(...data.rows.map((cells, number) => rowOf(table, data, cells, number)));
  table.role = "table";
  table.setAttribute("aria-label", data.label);
  table.replaceChildren(headOf(table, data, body), body);
  if (heading !== null) [...table.tHead.querySelectorAll("button")].find((one) => one.textContent === heading)?.focus({ preventScroll: true });
  frame.className = data.clicks ? "frame clicks" : "frame";
  frame.watch ??= new ResizeObserver(() => fit(frame, table));
  frame.watch.observe(frame);
  fit(frame, table);
}

function fit(frame, table) {
  frame.classList.remove("cards", "tight");
  if (frame.scrollWidth > frame.clientWidth) frame.classList.add(frame.clientWidth < NARROW ? "cards" : "tight");
  const scrolls = frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;
  if (scrolls) frame.tabIndex = 0;
  else frame.removeAttribute("tabindex");
}

function make(tag, role, text = "") {
  const made = document.createElement(tag);
  if (role) made.role = role;
  made.textContent = text;
  return made;
}

function headOf(table, data, body) {
  const head = make("thead", "rowgroup");
  const row = make("tr", "row");
  if (data.images.length) row.append(make("td", ""));
  data.titles.forEach((title, column) => {
    const cell = make("th", "columnheader");
    const way = data.order ? data.order.ways[column] : "none"; // null: it does not sort
    const named = make(way ? "button" : "span", "", title);
    if (way) named.type = "button";
    if (data.helps[column]) named.title = data.helps[column];
    if (data.numeric[column]) cell.className = "number";
    if (way && way !== "none") cell.setAttribute("aria-sort", way);
    if (way) named.addEventListener("click", () => (data.order ? tell(table, "sort", { column: placeOf(data.titles, column, table.data.titles) }) : sort(data, body, cell, column)));
    cell.append(named);
    row.append(cell);
  });
  head.append(row);
  return head;
}

function rowOf(table, data, cells, number) {
  const row = make("tr", "row");
  row.number = number;
  if (data.images.length) {
    const cell = make("td", "cell");
    const image = make("img");
    image.loading = "lazy";
    image.alt = "";
    image.src = data.images[number];
    cell.className = "image";
    cell.append(image);
    row.append(cell);
  }
  cells.forEach((text, column) => {
    const cell = column ? make("td", "cell", text.replace(INTERVAL, "$1,\u00a0")) : make("th", "rowheader");
    if (column) cell.dataset.title = data.titles[column];
    else cell.append(data.clicks ? make("button", "", text) : text);
    cell.classList.toggle("number", data.numeric[column]);
    cell.classList.toggle("short", text.length <= SHORT);
    row.append(cell);
  });
  if (data.clicks) row.addEventListener("click", () => tell(table, "click", { row: placeOf(data.names, number, table.data.names) }));
  return row;
}

// Where what was seen stands among what came during the press; -1 where it does not.
function placeOf(seen, number, now) {
  return now[number] === seen[number] ? number : now.indexOf(seen[number]);
}

function tell(table, event, part) {
  if (Object.values(part)[0] >= 0) table.send(event, part);
}

// What is unknown stays at the end both ways.
function sort(data, body, cell, column) {
  const down = cell.getAttribute("aria-sort") === "ascending";
  for (const other of cell.parentElement.children) other.removeAttribute("aria-sort");
  cell.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = ({ number }) => {
    const text = data.rows[number][column];
    return data.numeric[column] ? Number.parseFloat(text.replaceAll(",", "").replaceAll("\u2212", "-")) : text;
  };
  const unknown = (value) => value === "" || Number.isNaN(value);
  const order = (a, b) => unknown(a) - unknown(b) || (down ? -1 : 1) * (data.numeric[column] ? a - b || 0 : compare(a, b));
  body.append(...[...body.children].sort((a, b) => order(value(a), value(b))));
}
