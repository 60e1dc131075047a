// A grid of galaxies: one picture sheet, one button per galaxy. Captions are text, never markup.

const GAP = 8; // px between columns, as in gallery.css

export default function gallery({ parentElement, data, setTriggerValue }) {
  if (!data) return;
  const grid = parentElement.querySelector(".gallery");
  grid.send = setTriggerValue;
  if (data.marks) {
    grid.waiting = queued(data.queue, grid, (presses) => setTriggerValue("mark", { presses }));
    drop(grid.waiting, data.taken);
  }
  afterPress(grid, () => draw(grid, data));
}

function draw(grid, { taken, ...data }) {
  const key = JSON.stringify(data);
  if (grid.dataset.shown === key) return;
  grid.dataset.shown = key;
  if (!grid.listens) grid.addEventListener("keydown", (event) => press(grid, event));
  grid.listens = true;
  grid.marks = data.marks;
  grid.given = data.given;
  const focused = grid.getRootNode().activeElement?.dataset?.row;
  const across = Math.ceil(Math.sqrt(data.rows.length));
  const down = Math.ceil(data.rows.length / across);
  const sheet = `url("${data.pictures}/${data.side}?rows=${data.rows.join(",")}")`;
  grid.replaceChildren(
    ...data.rows.map((row, k) => {
      const tile = document.createElement("button");
      tile.type = "button";
      tile.className = "tile";
      tile.dataset.row = String(row);
      tile.setAttribute("aria-pressed", String(row === data.selected));
      const picture = document.createElement("span");
      picture.className = "picture";
      picture.style.backgroundImage = sheet;
      picture.style.backgroundSize = `${across * 100}% ${down * 100}%`;
      const place = (index, count) => (count > 1 ? (100 * index) / (count - 1) : 0);
      picture.style.backgroundPosition = `${place(k % across, across)}% ${place(Math.floor(k / across), down)}%`;
      tile.append(picture);
      for (const line of data.captions[k]) {
        const caption = document.createElement("span");
        caption.className = "caption";
        caption.textContent = line;
        caption.title = line;
        tile.append(caption);
      }
      tile.setAttribute("aria-label", data.captions[k].join(", "));
      tile.addEventListener("click", () => grid.send("click", { row }));
      return tile;
    }),
  );
  if (focused !== undefined) grid.querySelector(`[data-row="${focused}"]`)?.focus();
  grid.tile = data.tile;
  grid.watch ??= new ResizeObserver(() => fit(grid));
  grid.watch.observe(grid);
  fit(grid);
}

// As many columns as fit, or a few less where that fills the last of several rows.
function fit(grid) {
  const [width, count] = [grid.clientWidth, grid.childElementCount];
  const most = Math.max(1, Math.floor((width + GAP) / (Math.min(grid.tile, 0.45 * width) + GAP)));
  let columns = most;
  while (count > most && count % columns && columns - 1 > most / 2) columns -= 1;
  grid.style.gridTemplateColumns = `repeat(${count % columns ? most : columns}, minmax(0, 1fr))`;
}

// Arrow keys move between the tiles, digits mark the one that has the focus.
function press(grid, event) {
  const tiles = [...grid.children];
  const at = tiles.indexOf(event.target.closest(".tile"));
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const across = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
  const digit = event.key.length === 1 && grid.marks.includes(event.key);
  if (step) tiles[at + step]?.focus();
  else if (digit) wait(grid.waiting, Number(tiles[at].dataset.row), Number(event.key), grid.given[at] ?? -1);
  if (step || digit) event.preventDefault();
  if (step || digit) event.stopPropagation();
}
