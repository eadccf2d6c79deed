import { STATE_NAMES } from "./spans.js";

const STATES = STATE_NAMES.length;

// What is seen of the rows that have phases: the states, and over them the phases. Such a row is cut into segments that touch:
// each is one phase, or a part of one span that no phase lies over. Rows without phases have none, and cost nothing.
// `before[code][i]` is what the row has spent in that code before segment i began: a share is one difference, as in Spans.
export class Layers {
  constructor(phases, spans) {
    this.names = [...STATE_NAMES, ...phases.names]; // by code
    this.first = null;
    if (!phases.count) return;
    const rows = phases.first.length - 1;
    this.first = new Uint32Array(rows + 1);
    const most = countSegments(phases, spans, rows);
    this.code = new Uint8Array(most);
    this.start = new Float64Array(most);
    this.source = new Uint32Array(most); // the phase, or the span
    this.before = this.names.map(() => new Float64Array(most));
    let at = 0;
    for (let row = 0; row < rows; row++) {
      this.first[row] = at;
      if (phases.first[row] < phases.first[row + 1]) at = this.#cut(row, at, phases, spans);
    }
    this.first[rows] = at;
  }

  has(row) {
    return this.first !== null && this.first[row] < this.first[row + 1];
  }

  isPhase(code) {
    return code >= STATES;
  }

  end(row, segment, spans) {
    return segment + 1 < this.first[row + 1] ? this.start[segment + 1] : spans.rowEnd[row];
  }

  // What the row of `segment` has spent in each code by `time`, which lies in that segment.
  spentUntil(time, segment, into) {
    for (let code = 0; code < into.length; code++) into[code] = this.before[code][segment];
    into[this.code[segment]] += time - this.start[segment];
  }

  #cut(row, at, phases, spans) {
    const totals = this.names.map(() => 0);
    let time = spans.rowStart(row);
    const add = (code, source, end) => {
      if (end <= time) return;
      this.code[at] = code;
      this.start[at] = time;
      this.source[at] = source;
      totals.forEach((total, known) => (this.before[known][at] = total));
      totals[code] += end - time;
      time = end;
      at++;
    };
    let span = spans.first[row];
    const last = spans.first[row + 1];
    const addStates = (until) => {
      for (; span < last; span++) {
        const end = spans.end(row, span);
        add(spans.state[span], span, Math.min(end, until));
        if (end > until) return;
      }
    };
    for (let phase = phases.first[row]; phase < phases.first[row + 1]; phase++) {
      addStates(phases.start[phase]);
      add(STATES + phases.kind[phase], phase, Math.min(phases.end(phase), spans.rowEnd[row]));
    }
    addStates(spans.rowEnd[row]);
    return at;
  }
}

// A phase cuts one span in two at most, so there are never more.
function countSegments(phases, spans, rows) {
  let most = 0;
  for (let row = 0; row < rows; row++) {
    const own = phases.first[row + 1] - phases.first[row];
    if (own) most += 2 * own + spans.first[row + 1] - spans.first[row];
  }
  return most;
}
