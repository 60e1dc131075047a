// A confusion matrix whose cells are buttons: rows true, columns named. Shade = share of the true class. Text only.

export default function confusion({ parentElement, data, setTriggerValue }) {
  if (!data) return;
  const table = parentElement.querySelector("table");
  const { chosen, ...content } = data;
  const key = JSON.stringify(content);
  table.send = setTriggerValue;
  if (table.dataset.shown !== key) fill(table, content);
  table.dataset.shown = key;
  for (const button of table.querySelectorAll("button")) {
    button.ariaPressed = String(JSON.stringify(button.cell) === JSON.stringify(chosen));
  }
}

function fill(table, data) {
  table.style.setProperty("--cell", data.classes.length > 6 ? "40px" : "48px");
  const make = (tag, text, className) => {
    const made = document.createElement(tag);
    made.textContent = text ?? "";
    if (className) made.className = className;
    return made;
  };
  const head = make("tr");
  head.append(make("th", "true \\ predicted", "corner"), ...data.classes.map((name) => make("th", name, "named")));
  const rows = data.counts.map((line, i) => {
    const row = make("tr");
    const total = line.reduce((sum, count) => sum + count, 0);
    row.append(make("th", data.classes[i], "true"));
    line.forEach((count, j) => {
      const cell = make("td");
      const button = make("button", String(count));
      const share = total ? count / total : 0;
      button.type = "button";
      button.disabled = !count;
      button.style.setProperty("--share", `${Math.round(share * 100)}%`);
      button.cell = [i, j];
      button.setAttribute("aria-label", `${count} ${count === 1 ? "galaxy" : "galaxies"}, true ${data.classes[i]}, predicted ${data.classes[j]}`);
      button.title = `true ${data.classes[i]}, predicted ${data.classes[j]}: ${count} (${Math.round(share * 100)} %)`;
      button.addEventListener("click", () => table.send("cell", { cell: button.cell }));
      cell.append(button);
      row.append(cell);
    });
    return row;
  });
  table.replaceChildren(head, ...rows);
}
