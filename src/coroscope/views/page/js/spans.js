import { firstOf, sumDeltas, unzigzag } from "./load.js";

export const READY = 0;
export const RUNNING = 1;
export const WAITING = 2;
export const STATE_NAMES = ["ready", "running", "waiting"];

// The states of all tasks over time. Spans of a row are `first[row]` up to `first[row + 1]`.
// `run[i]` and `ready[i]` are what the row has spent in these states before span i began, so that the share of a
// state in any interval is one difference, however many spans lie in it.
export class Spans {
  constructor(columns) {
    this.first = firstOf(columns["task.spans"]);
    this.state = columns["span.state"];
    this.created = sumDeltas(columns["task.created"]);
    const count = this.state.length;
    this.start = new Float64Array(count);
    this.run = new Float64Array(count);
    this.ready = new Float64Array(count);
    this.rowEnd = new Float64Array(this.created.length);
    this.rowTotals = [0, 1, 2].map(() => new Float64Array(this.created.length));
    this.#sum(columns["span.length"], columns["task.first"]);
  }

  #sum(length, offset) {
    for (let row = 0; row < this.created.length; row++) {
      let time = this.created[row] + unzigzag(offset[row]);
      const totals = [0, 0, 0];
      for (let i = this.first[row]; i < this.first[row + 1]; i++) {
        this.start[i] = time;
        this.run[i] = totals[RUNNING];
        this.ready[i] = totals[READY];
        totals[this.state[i]] += length[i];
        time += length[i];
      }
      this.rowEnd[row] = time;
      for (let state = 0; state < 3; state++) this.rowTotals[state][row] = totals[state];
    }
  }

  rowStart(row) {
    return this.first[row] < this.first[row + 1] ? this.start[this.first[row]] : this.created[row];
  }

  end(row, index) {
    return index + 1 < this.first[row + 1] ? this.start[index + 1] : this.rowEnd[row];
  }

  // The span of `row` at `time`, or -1 where the task is not alive.
  at(row, time) {
    const low = this.first[row];
    const high = this.first[row + 1];
    if (low === high || time < this.start[low] || time >= this.rowEnd[row]) return -1;
    return lastNotAfter(this.start, time, low, high);
  }
}

// The last index of low..high-1 whose value is at most `limit`; `low` if there is none.
export function lastNotAfter(values, limit, low, high) {
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (values[middle] <= limit) low = middle;
    else high = middle;
  }
  return low;
}

// As lastNotAfter, from a `low` that is probably close: doubling steps first. O(log distance).
export function gallop(values, limit, low, high) {
  let step = 1;
  while (low + step < high && values[low + step] <= limit) {
    low += step;
    step *= 2;
  }
  return lastNotAfter(values, limit, low, Math.min(high, low + step));
}
