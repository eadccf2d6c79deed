// Why a wait ended, in words.

const CAUSES = {
  timer: "a timer",
  io: "I/O: a socket or pipe was ready",
  thread: "another thread",
  signal: "a signal",
  yield: "nobody: it only gave up its turn",
  task: "a task that the trace does not hold",
};

export function causeOf(model, wait) {
  if (model.waits.isOpen(wait)) return "nothing yet: it still waited at the end of the recording";
  const cause = model.facts.wakers[model.waits.wokenBy(wait)];
  return CAUSES[cause] ?? "not known";
}

export function shortCause(model, wait) {
  if (model.waits.isOpen(wait)) return "never woken";
  const waker = model.waits.waker(wait);
  if (waker >= 0) return `woken by ${model.name(waker)}`;
  const cause = model.facts.wakers[model.waits.wokenBy(wait)];
  if (cause === "io") return "woken by I/O";
  if (cause === "yield") return "gave up its turn";
  return cause ? `woken by a ${cause}` : "waker not known";
}
