// What is drawn anew under a pressed pointer or a held Space would lose the drag or the click: it waits for the end of the press.
// What moves away under a mouse that rests, as the page grows above it, gets its click all the same.

const ENDS = { pointerdown: ["pointerup", "pointercancel"], keydown: ["keyup", "blur"] };
const CLICK = 300; // ms in which a tap's click follows it
const RESTS = 8; // px within which a pointer counts as at rest

function afterPress(root, paint) {
  const begins = (event) => (event.button === 0 || (event.key === " " && !event.repeat)) && hold(root, event);
  if (!root.paint) for (const name in ENDS) root.addEventListener(name, begins);
  root.paint = paint;
  if (!root.held) paint();
}

// Each finger holds until its own end.
function hold(root, pressed) {
  root.held = (root.held ?? 0) + 1;
  const mouse = pressed.pointerType === "mouse";
  const target = mouse && pressed.target.closest("button, tr");
  const place = () => JSON.stringify(target && target.getBoundingClientRect());
  const before = place();
  let lost = target; // until it is clicked, or scrolled away
  const ended = new AbortController();
  const hear = (name, heard) => addEventListener(name, heard, { capture: true, signal: ended.signal });
  const release = () => {
    if (ended.signal.aborted) return;
    ended.abort();
    setTimeout(() => {
      root.held -= 1;
      if (!root.held) root.paint();
    });
  };
  const end = ({ type, pointerId, key, clientX, clientY }) => {
    if (type !== "blur" && (pointerId !== pressed.pointerId || key !== pressed.key)) return;
    if (type !== "pointerup") return release();
    hear("click", release);
    lost &&= Math.hypot(clientX - pressed.clientX, clientY - pressed.clientY) < RESTS;
    setTimeout(() => {
      if (lost && target.getClientRects().length && place() !== before) target.click();
      release();
    }, mouse ? 0 : CLICK);
  };
  hear("click", (event) => (lost &&= !event.composedPath().includes(target)));
  hear("wheel", () => (lost = false));
  for (const name of ENDS[pressed.type]) hear(name, end);
}
