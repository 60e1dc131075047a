// The first look: the map, drawn while the browser fetches Streamlit. It goes as soon as Streamlit's own map is drawn, or when the
// page has something else to say.

{
  const host = document.getElementById("first-look");
  const shadow = host.attachShadow({ mode: "closed" }); // not to be taken for the explorer's own map
  shadow.append(document.getElementById("first-look-map").content.cloneNode(true));
  const theme = localStorage.getItem(`stActiveTheme-${location.pathname}-v2`) ?? "";
  host.classList.toggle("light", /Light/.test(theme) || (!/Dark/.test(theme) && matchMedia("(prefers-color-scheme: light)").matches));
  host.hidden = false;

  const data = Uint8Array.from(atob(host.dataset.map), (letter) => letter.charCodeAt(0));
  const address = location.pathname;
  const end = () => {
    leave();
    changes.disconnect();
    document.removeEventListener("latent-map-drawn", drawn);
    host.remove();
  };
  const drawn = (event) => {
    if (event.composedPath().includes(host)) host.dataset.drawn = String(decode(data).n);
    else end();
  };
  const changes = new MutationObserver(() => {
    if (location.pathname !== address || document.querySelector("[data-testid=stAlert], [data-testid=stException], [role=dialog]")) end();
  });
  document.addEventListener("latent-map-drawn", drawn);
  const leave = latentMap({ parentElement: shadow, data, setTriggerValue() {} });
  changes.observe(document.body, { childList: true, subtree: true });
}
