// A picture with a scale bar and a frame: numbers become lengths, words become text.

export default function cutout({ parentElement, data }) {
  if (!data) return;
  const root = parentElement.querySelector(".cutout");
  const picture = root.querySelector("img");
  if (picture.getAttribute("src") !== data.image) picture.src = data.image;
  picture.alt = data.alt;
  const percent = (share) => `${(100 * share).toFixed(3)}%`;
  root.style.aspectRatio = data.aspect;
  root.style.maxWidth = `${data.widest}px`; // a small picture is not blown up to the page
  const bar = root.querySelector(".bar");
  bar.style.width = percent(data.bar);
  bar.querySelector("span").textContent = data.length;
  const seen = root.querySelector(".seen");
  seen.hidden = !data.box;
  if (data.box) [seen.style.left, seen.style.top, seen.style.width, seen.style.height] = data.box.map(percent);
}
