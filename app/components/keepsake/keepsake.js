// Keeps texts in the browser's local storage, by the galaxies that they are about. What was kept before is sent, and nothing written
// until the server has heard it. A browser that allows no storage keeps nothing, and the session goes on.

const PREFIX = "astrojepa:";
const last = {}; // what this page wrote, by session and galaxies: that is not what was kept before

function stored(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? "";
  } catch {
    return "";
  }
}

export default function keepsake({ data, setTriggerValue }) {
  if (!data) return;
  const key = (name) => `${data.session} ${name}`;
  const kept = Object.fromEntries(Object.keys(data.texts).map((name) => [name, stored(name)]));
  if (!data.heard && Object.entries(kept).some(([name, text]) => text !== (last[key(name)] ?? ""))) {
    setTriggerValue("found", { kept });
    return;
  }
  try {
    for (const [name, text] of Object.entries(data.texts)) {
      if (text) localStorage.setItem(PREFIX + name, text);
      else localStorage.removeItem(PREFIX + name);
      last[key(name)] = text;
    }
  } catch {
    // no storage, or it is full
  }
}
