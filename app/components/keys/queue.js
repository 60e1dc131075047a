// Presses that the server has not taken yet, oldest first. A busy server reads only the last message that waits for it, so that each
// has them all; they are numbered, so that it takes each once. What a run of the page swallowed is sent again when the page rests.

const REST = 1000; // ms
const TRIES = 5;

function wait(waiting, element, send, ...press) {
  const number = Math.max(Date.now(), (waiting.last ?? 0) + 1);
  waiting.last = number;
  waiting.push([number, ...press]);
  send([...waiting]);
  waiting.tries = 0;
  waiting.rested = false;
  waiting.timer ??= setInterval(() => again(waiting, element, send), REST);
}

function drop(waiting, taken) {
  while (waiting.length && waiting[0][0] <= taken) waiting.shift();
}

function again(waiting, element, send) {
  const app = document.querySelector('[data-testid="stApp"]');
  const rests = app?.dataset.testScriptState === "notRunning";
  if (!waiting.length || !element.isConnected || waiting.tries >= TRIES) {
    clearInterval(waiting.timer);
    waiting.timer = undefined;
  } else if (rests && waiting.rested) {
    waiting.tries += 1;
    send([...waiting]);
  }
  waiting.rested = rests;
}
