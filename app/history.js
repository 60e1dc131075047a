// A page is opened without a query, which is filled in at once. Without this, Back would stop at both addresses.
if (!globalThis.explorerHistory) {
  globalThis.explorerHistory = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, address) => {
    const filled = location.search === "" && new URL(address ?? "", location.href).pathname === location.pathname;
    (filled ? history.replaceState.bind(history) : push)(state, title, address);
  };
}
