// Keeps texts in the browser's local storage, by the galaxies that they are about. Whatever else is there, of an earlier visit or of
// another tab, is sent with what this page knew of it, and nothing written until the server has taken it. A browser that allows no
// storage keeps nothing, and the session goes on.

const PREFIX = "astrojepa:";
const known = {}; // by session and galaxies: what this page wrote, or sent and was taken
let sent = {}; // what the server has yet to take

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
  const names = Object.keys(data.texts);
  if (data.taken === sent.number) {
    Object.assign(known, sent.texts);
    sent = {};
  }
  const kept = Object.fromEntries(names.map((name) => [name, [known[key(name)] ?? "", stored(name)]]));
  if (Object.values(kept).some(([before, now]) => before !== now)) {
    const texts = Object.fromEntries(names.map((name) => [key(name), kept[name][1]]));
    if (JSON.stringify(texts) !== JSON.stringify(sent.texts)) sent = { number: Math.random(), texts };
    setTriggerValue("found", { found: { kept, number: sent.number } });
    return;
  }
  try {
    for (const [name, text] of Object.entries(data.texts)) {
      if (text) localStorage.setItem(PREFIX + name, text);
      else localStorage.removeItem(PREFIX + name);
      known[key(name)] = text;
    }
  } catch {
    // no storage, or it is full
  }
}
