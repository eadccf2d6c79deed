import { duration, size } from "./format.js";
import { firstOf, sumDeltas } from "./load.js";
import { lastNotAfter } from "./spans.js";

// What stretches of threads' and processes' time went into, where that is known: by row, in order of time, `first[row]` up to
// `first[row + 1]`. They lie over the states; none lies over another.
export class Phases {
  constructor(facts, columns) {
    this.names = facts.phases;
    this.first = firstOf(columns["task.phases"]);
    this.kind = columns["phase.kind"];
    this.start = sumDeltas(columns["phase.start"]);
    this.length = columns["phase.length"];
    this.sizePlusOne = columns["phase.size"];
  }

  get count() {
    return this.start.length;
  }

  end(phase) {
    return this.start[phase] + this.length[phase];
  }

  name(phase) {
    return this.names[this.kind[phase]];
  }

  // The phase of `row` at `time`, or -1.
  at(row, time) {
    const low = this.first[row];
    const high = this.first[row + 1];
    if (low === high || time < this.start[low]) return -1;
    const phase = lastNotAfter(this.start, time, low, high);
    return time < this.end(phase) ? phase : -1;
  }

  // Those of `row` that reach into an interval: [from, to).
  within(row, start, end) {
    const low = this.first[row];
    const high = this.first[row + 1];
    let from = low === high ? low : lastNotAfter(this.start, start, low, high);
    if (from < high && this.end(from) <= start) from++;
    let to = from;
    while (to < high && this.start[to] < end) to++;
    return [from, to];
  }

  // "serialising for 4.00 ms · 1.20 MB"; the bytes only where they are known.
  inWords(phase, joint = " for ") {
    const bytes = this.sizePlusOne[phase] ? ` · ${size(this.sizePlusOne[phase] - 1)}` : "";
    return `${this.name(phase)}${joint}${duration(this.length[phase])}${bytes}`;
  }

  // Of each kind that occurs among the phases from `from` up to `to`: its name, count, time and bytes.
  totals(from = 0, to = this.count) {
    const totals = this.names.map((name) => ({ name, count: 0, time: 0, bytes: 0 }));
    for (let phase = from; phase < to; phase++) {
      const total = totals[this.kind[phase]];
      total.count++;
      total.time += this.length[phase];
      total.bytes += Math.max(0, this.sizePlusOne[phase] - 1);
    }
    return totals.filter(({ count }) => count);
  }
}
