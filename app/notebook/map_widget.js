// The map in a notebook: the explorer's own program above, fed by the widget's model instead of a page. HTML and CSS stand before it.

function render({ model, el }) {
  const host = document.createElement("div");
  host.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys, of which b would insert a cell
  const shadow = host.attachShadow({ mode: "open" }); // the map's style is for the map alone
  const style = document.createElement("style");
  style.textContent = CSS;
  shadow.append(style, ...new DOMParser().parseFromString(HTML, "text/html").body.childNodes);
  el.append(host);
  const lit = document.body.dataset.jpThemeLight ?? String(matchMedia("(prefers-color-scheme: light)").matches);
  host.classList.toggle("light", lit === "true");
  shadow.querySelector(".stage").style.height = `${model.get("height")}px`;

  const waiting = new Map(); // number of a request -> what takes the address of its sheet
  let asked = 0;
  const sheets = (source, side, rows) =>
    new Promise((resolve) => {
      waiting.set(++asked, resolve);
      model.send({ sheet: asked, side, rows });
    });
  const receive = (message, buffers) => {
    waiting.get(message.sheet)?.(URL.createObjectURL(new Blob([buffers[0]], { type: "image/jpeg" })));
    waiting.delete(message.sheet);
  };
  const setTriggerValue = (event, part) => {
    const [name, value] = Object.entries(part)[0];
    model.set({ row: "clicked", polygons: "polygons", off: "hidden_codes" }[name], value);
    model.save_changes();
  };

  const map = model.get("packed");
  const data = new Uint8Array(map.buffer.slice(map.byteOffset, map.byteOffset + map.byteLength));
  const pictures = decode(data).header.pictures;
  let leave = () => {};
  const draw = () => {
    const [selected, neighbours] = [model.get("clicked"), model.get("neighbours")];
    globalThis.latentMapState = { pictures, of: pictures, matching: "", selected, neighbours, polygons: model.get("polygons"), off: model.get("hidden_codes") };
    leave = latentMap({ parentElement: shadow, data, setTriggerValue, sheets });
  };
  const changes = "change:clicked change:neighbours change:polygons change:hidden_codes";
  model.on(changes, draw);
  model.on("msg:custom", receive);
  draw();
  return () => {
    model.off(changes, draw);
    model.off("msg:custom", receive);
    leave();
  };
}

export default { render };
