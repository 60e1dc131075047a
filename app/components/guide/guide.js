// One line of text. At a first visit it is the first of a few steps; the browser remembers that they were read or closed.

const SEEN = "astrojepa:tour";

function seen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return true; // a browser that keeps nothing would start again at every visit
  }
}

function remember() {
  try {
    localStorage.setItem(SEEN, "read");
  } catch {
    // no storage: closed for as long as this page is open
  }
}

export default function guide({ parentElement, data }) {
  if (!data) return;
  const root = parentElement.querySelector(".guide");
  const [said, on, off] = [".said", ".on", ".off"].map((name) => root.querySelector(name));
  root.at ??= seen() ? null : 0;
  const draw = () => {
    const { at } = root;
    const touring = at !== null;
    said.textContent = touring ? `${at + 1} of ${data.steps.length}: ${data.steps[at]}` : data.line;
    on.textContent = !touring ? "Tour" : at + 1 < data.steps.length ? "Next" : "Done";
    off.hidden = !touring;
  };
  const go = (at) => {
    root.at = at !== null && at < data.steps.length ? at : null;
    if (root.at === null) remember();
    draw();
  };
  on.onclick = () => go(root.at === null ? 0 : root.at + 1);
  off.onclick = () => {
    go(null);
    on.focus();
  };
  root.onkeydown = (event) => {
    if (event.key !== "Escape" || root.at === null) return;
    event.stopPropagation();
    off.onclick();
  };
  draw();
}
