// Two wrongs of Streamlit's page in the browser's history. A page is opened without a query, which is filled in at once: without this,
// Back would stop at both addresses. And a page that was just being drawn again when its visitor left it by Back or Forward would come
// back as a new step, and cut off what lay ahead.
if (!globalThis.explorerHistory) {
  globalThis.explorerHistory = true;
  const push = history.pushState.bind(history);
  let path = location.pathname;
  const left = new Set(); // the pages that Back and Forward have left, until their visitor does something else
  const other = (event) => event.altKey || event.metaKey || left.clear(); // Alt and an arrow are Back and Forward themselves
  for (const kind of ["pointerdown", "keydown", "click"]) addEventListener(kind, other, true);
  addEventListener("popstate", () => {
    left.add(path);
    path = location.pathname;
    left.delete(path);
  }, true);
  history.pushState = (state, title, address) => {
    const target = new URL(address ?? "", location.href).pathname;
    if (left.has(target)) return;
    const filled = location.search === "" && target === location.pathname;
    (filled ? history.replaceState.bind(history) : push)(state, title, address);
    path = location.pathname;
  };
}
