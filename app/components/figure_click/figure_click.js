// Streamlit tells nothing of clicks in Plotly figures in space; this listens on the figure itself and sends the row that was clicked.

export default function figureClick({ data, setTriggerValue }) {
  const listen = () => {
    const figure = document.querySelector(`.st-key-${data.figure} .js-plotly-plot`);
    if (!figure?.on) return;
    figure.sendRow = (row) => setTriggerValue("click", { row });
    if (figure.dataset.listening) return;
    figure.dataset.listening = "yes";
    figure.on("plotly_click", ({ points }) => {
      const row = [points[0]?.customdata].flat()[0];
      if (Number.isInteger(row)) figure.sendRow(row);
    });
  };
  const again = setInterval(listen, 400); // the figure comes later than this, and another one may take its place
  listen();
  return () => clearInterval(again);
}
