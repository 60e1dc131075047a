// Streamlit runs no script when the theme changes. This element has the colour of the page's background (theme_change.css), and the
// end of its transition tells that it has another one.

export default function themeChange({ parentElement, setTriggerValue }) {
  const mark = parentElement.querySelector("i");
  mark.ontransitionend = () => setTriggerValue("changed", { background: getComputedStyle(mark).color });
}
