import { firstOf, unzigzag } from "./load.js";
import { WAITING, lastNotAfter } from "./spans.js";

const OPEN = 0x80;

// The waits of all tasks, those of a row together in order of time: `first[row]` up to `first[row + 1]`.
export class Waits {
  #byWaker = null;

  constructor(columns, spans) {
    this.first = firstOf(columns["task.waits"]);
    this.start = new Float64Array(columns["wait.start"].length);
    this.end = new Float64Array(this.start.length);
    this.row = new Uint32Array(this.start.length);
    this.on = columns["wait.on"];
    this.chain = columns["wait.chain"];
    this.flags = columns["wait.wokenBy"];
    this.wakerPlusOne = columns["wait.waker"];
    for (let row = 0; row + 1 < this.first.length; row++) this.#place(row, columns, spans);
  }

  // A wait's edges are stored as differences from those of the waiting span of the same rank.
  #place(row, columns, spans) {
    const last = spans.first[row + 1];
    let span = spans.first[row] - 1;
    for (let wait = this.first[row]; wait < this.first[row + 1]; wait++) {
      do span++;
      while (span < last && spans.state[span] !== WAITING);
      const start = span < last ? spans.start[span] : 0;
      const end = span < last ? spans.end(row, span) : spans.rowEnd[row];
      this.start[wait] = start + unzigzag(columns["wait.start"][wait]);
      this.end[wait] = end + unzigzag(columns["wait.end"][wait]);
      this.row[wait] = row;
    }
  }

  length(wait) {
    return this.end[wait] - this.start[wait];
  }

  isOpen(wait) {
    return this.flags[wait] >= OPEN;
  }

  wokenBy(wait) {
    return this.flags[wait] & ~OPEN;
  }

  waker(wait) {
    return this.wakerPlusOne[wait] - 1;
  }

  // The wait of `row` that is going on at `time`, or -1.
  at(row, time) {
    const low = this.first[row];
    const high = this.first[row + 1];
    if (low === high || time < this.start[low]) return -1;
    const wait = lastNotAfter(this.start, time, low, high);
    return time < this.end[wait] || this.start[wait] === time ? wait : -1;
  }

  // The waits that `row` ended, in order of the woken task. Sorted once, by counting: O(waits + tasks).
  endedBy(row) {
    this.#byWaker ??= sortByWaker(this.wakerPlusOne, this.first.length - 1);
    const { from, waits } = this.#byWaker;
    return waits.subarray(from[row], from[row + 1]);
  }
}

function sortByWaker(wakerPlusOne, rows) {
  const counts = new Uint32Array(rows);
  for (const waker of wakerPlusOne) if (waker) counts[waker - 1]++;
  const from = firstOf(counts);
  const next = from.slice();
  const waits = new Uint32Array(from[rows]);
  for (let wait = 0; wait < wakerPlusOne.length; wait++) {
    if (wakerPlusOne[wait]) waits[next[wakerPlusOne[wait] - 1]++] = wait;
  }
  return { from, waits };
}
