// Keeps texts in the browser's local storage, by the galaxies that they are about. What was kept before is sent, and nothing written
// until the server has heard it. A browser that allows no storage keeps nothing, and the session goes on.

const PREFIX = "astrojepa:";

function stored(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? "";
  } catch {
    return "";
  }
}

export default function keepsake({ data, setTriggerValue }) {
  if (!data) return;
  const kept = Object.fromEntries(Object.keys(data.texts).map((name) => [name, stored(name)]));
  if (!data.heard && Object.values(kept).some(Boolean)) {
    setTriggerValue("found", { kept });
    return;
  }
  try {
    for (const [name, text] of Object.entries(data.texts)) {
      if (text) localStorage.setItem(PREFIX + name, text);
      else localStorage.removeItem(PREFIX + name);
    }
  } catch {
    // no storage, or it is full
  }
}
