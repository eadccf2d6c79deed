import { firstOf, sumDeltas } from "./load.js";
import { lastNotAfter } from "./spans.js";

// The instructions of a run that was stepped through, in stretches: each within one span of a row. Of a row they are
// from[row] to from[row + 1] - 1 of `order`, in order of time.
export class Stretches {
  constructor(columns, rows) {
    const taskPlusOne = columns["stretch.task"];
    this.time = sumDeltas(columns["stretch.time"]);
    this.first = sumDeltas(columns["stretch.first"]);
    this.count = columns["stretch.count"];
    this.place = columns["stretch.place"];
    this.handedOn = columns["stretch.handedOn"];
    const counts = new Uint32Array(rows);
    for (const task of taskPlusOne) if (task) counts[task - 1]++;
    this.from = firstOf(counts);
    const next = this.from.slice();
    this.order = new Uint32Array(this.from[rows]);
    for (let i = 0; i < taskPlusOne.length; i++) if (taskPlusOne[i]) this.order[next[taskPlusOne[i] - 1]++] = i;
    this.times = Float64Array.from(this.order, (i) => this.time[i]);
  }

  // How many a row has.
  countOf(row) {
    return this.from[row + 1] - this.from[row];
  }

  // How many instructions are in them, from one position to before another.
  total(row, from = 0, to = this.countOf(row)) {
    let total = 0;
    for (let position = from; position < to; position++) total += this.count[this.at(row, position)];
    return total;
  }

  at(row, position) {
    return this.order[this.from[row] + position];
  }

  // How many of a row's begin before `time`.
  before(row, time) {
    const [low, high] = [this.from[row], this.from[row + 1]];
    if (low === high || this.times[low] >= time) return 0;
    return lastNotAfter(this.times, time - 1, low, high) - low + 1;
  }

  // Of one that a wait follows, the step that the innermost frame waits in: it is handed on to those that await it.
  waitsIn(stretch) {
    return this.last(stretch) - this.handedOn[stretch];
  }

  last(stretch) {
    return this.first[stretch] + this.count[stretch] - 1;
  }
}
