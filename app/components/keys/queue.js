// Presses that the server has not taken yet, oldest first. A busy server reads only the last message that waits for it, so that each
// has them all; they are numbered, so that it takes each once.

function wait(waiting, ...press) {
  const number = Math.max(Date.now(), (waiting.last ?? 0) + 1);
  waiting.last = number;
  waiting.push([number, ...press]);
  return [...waiting];
}

function drop(waiting, taken) {
  while (waiting.length && waiting[0][0] <= taken) waiting.shift();
}
