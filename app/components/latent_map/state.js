// Who is selected, beside whom, inside what, and who matches the filter: told to the map, which lies on the same page and may be
// there already or not yet. Each of the two messages replaces its own part.

export default function latentMapState({ data }) {
  globalThis.latentMapState = { ...globalThis.latentMapState, ...data };
  document.dispatchEvent(new CustomEvent("latent-map-state"));
}
