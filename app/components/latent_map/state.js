// Who is selected, beside whom, inside what: told to the map, which lies on the same page and may be there already or not yet.

export default function latentMapState({ data }) {
  globalThis.latentMapState = data;
  document.dispatchEvent(new CustomEvent("latent-map-state"));
}
