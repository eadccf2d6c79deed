import { countUpTo } from "./numbers.js";

// Which step comes next, or came before, in one sense or another. -1: there is none.

export const EVENT_GROUPS = [
  { name: "call", key: "c", kinds: ["call", "c call", "create"] },
  { name: "return", key: "r", kinds: ["return"] },
  { name: "yield or resume", key: "y", kinds: ["yield", "resume", "throw", "create"] },
  { name: "task switch", key: "t", kinds: ["task switch"] },
  { name: "exception", key: "x", kinds: ["raise", "handle", "unwind"] },
  { name: "output", key: "p", kinds: ["output"] },
];

export class Moves {
  constructor(recording) {
    this.recording = recording;
    this.lines = Int32Array.from(recording.codes.flatMap((code) => code.lines.map((line) => line ?? -1)));
  }

  // The next step of the same frame or of one that waits for it: what is called is passed over.
  over(step, direction) {
    const { columns, count } = this.recording;
    const moment = this.recording.at(step);
    const stack = new Set([moment.frameNumber, ...(moment.state.stacks.get(moment.thread) ?? [])]);
    const { run_steps: starts, run_frames: frames, run_threads: threads } = columns;
    let run = this.recording.runOf(step);
    const next = step + direction;
    if (next < 0 || next >= count) return -1;
    if (this.recording.runOf(next) === run) return next;
    for (run += direction; run >= 0 && run < starts.length; run += direction) {
      if (threads[run] !== moment.thread || !stack.has(frames[run])) continue;
      return direction > 0 ? starts[run] : (run + 1 < starts.length ? starts[run + 1] : count) - 1;
    }
    return next;
  }

  // An instruction that the compiler gave none belongs to that of the one before, if the same frame ran it.
  #line(step) {
    const { instructions, run_steps } = this.recording.columns;
    const first = run_steps[this.recording.runOf(step)];
    let at = step;
    while (at > first && this.lines[instructions[at]] < 0) at--;
    return this.lines[instructions[at]];
  }

  // Where another line, or another frame, begins; backwards first where this one began.
  line(step, direction) {
    return direction > 0 ? this.#nextLine(step) : this.#previousLine(step);
  }

  #nextLine(step) {
    const { run_steps: starts, instructions } = this.recording.columns;
    const run = this.recording.runOf(step);
    const line = this.#line(step);
    for (let next = step + 1; next < this.recording.count; next++) {
      if (run + 1 < starts.length && starts[run + 1] <= next) return next;
      const other = this.lines[instructions[next]];
      if (other >= 0 && other !== line) return next;
    }
    return -1;
  }

  #previousLine(step) {
    if (step <= 0) return -1;
    const start = this.#startOfLine(step);
    return start < step ? start : this.#startOfLine(step - 1);
  }

  #startOfLine(step) {
    const first = this.recording.columns.run_steps[this.recording.runOf(step)];
    const line = this.#line(step);
    let start = step;
    while (start > first && this.#line(start - 1) === line) start--;
    return start;
  }

  event(step, group, direction) {
    const { recording } = this;
    const { event_steps: steps, event_kinds } = recording.columns;
    const wanted = new Set(group.kinds.map((kind) => recording.kinds[kind]));
    let event = direction > 0 ? countUpTo(steps, step) : countUpTo(steps, step - 1) - 1;
    for (; event >= 0 && event < steps.length; event += direction) {
      const at = Math.min(steps[event], recording.count - 1);
      if (wanted.has(event_kinds[event]) && at !== step) return at;
    }
    return -1;
  }

  // The next step whose instruction is one of the marked ones; after the last comes the first.
  marked(step, isMarked, direction, wraps = true) {
    const { instructions } = this.recording.columns;
    const count = instructions.length;
    for (let distance = 1; distance <= count; distance++) {
      const plain = step + direction * distance;
      if (!wraps && (plain < 0 || plain >= count)) return -1;
      const at = ((plain % count) + count) % count;
      if (isMarked[instructions[at]]) return at;
    }
    return -1;
  }
}
