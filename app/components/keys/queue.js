// Presses that the server has not taken yet, oldest first. A busy server reads only the last message that waits for it, so that each
// has them all; they are numbered, so that it takes each once. What a run of the page swallowed is sent again when the page rests.

const REST = 1000; // ms
const TRIES = 5;
const queues = {}; // by component and galaxies, for as long as the page is open: a component that is taken away may come back

function queued(name, element, send) {
  const waiting = Object.assign((queues[name] ??= []), { element, send });
  if (waiting.length) watch(waiting);
  return waiting;
}

function wait(waiting, ...press) {
  const number = Math.max(Date.now(), (waiting.last ?? 0) + 1);
  waiting.last = number;
  waiting.push([number, ...press]);
  waiting.send([...waiting]);
  waiting.tries = 0;
  waiting.rested = false;
  watch(waiting);
}

function watch(waiting) {
  waiting.timer ??= setInterval(() => again(waiting), REST);
}

function drop(waiting, taken) {
  while (waiting.length && waiting[0][0] <= taken) waiting.shift();
}

function again(waiting) {
  const app = document.querySelector('[data-testid="stApp"]');
  const rests = app?.dataset.testScriptState === "notRunning";
  if (!waiting.length || waiting.tries >= TRIES || !waiting.element.isConnected) {
    clearInterval(waiting.timer);
    waiting.timer = undefined;
  } else if (rests && waiting.rested) {
    waiting.tries += 1;
    waiting.send([...waiting]);
  }
  waiting.rested = rests;
}
