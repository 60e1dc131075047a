// Copies the address of this view. Where the clipboard is closed (plain http on another machine), the address is shown, selected.

export default function copyLink({ parentElement, data }) {
  const root = parentElement.querySelector(".copy");
  const button = root.querySelector("button");
  const field = root.querySelector("input");
  root.query = data.query;
  field.hidden = true;
  button.onclick = async () => {
    const address = new URL(window.location.href);
    address.search = root.query;
    address.hash = "";
    try {
      await navigator.clipboard.writeText(address.href);
      button.textContent = "Copied";
    } catch {
      field.value = address.href;
      field.hidden = false;
      field.select();
      button.textContent = "Copy from the field";
    }
    root.dataset.link = address.href;
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  };
}
