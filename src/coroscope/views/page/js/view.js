import { Camera } from "./camera.js";

const MARGIN = 0.4; // of an interval that the window is fitted to, on each side

// What the reader looks at: the window, the rows that match the search, the selection. Everything that draws or
// lists anything listens here; nothing else holds such state.
export class View {
  #listeners = [];
  #announced = false;

  constructor(model) {
    this.model = model;
    this.camera = new Camera(model.duration);
    this.query = "";
    this.matches = null; // rows that match the search, or null for all
    this.cursor = model.count ? 0 : -1;
    this.selected = -1;
    this.finding = -1; // the finding that is shown, by its place in the list, or -1
    this.span = -1; // the selected span of the selected task, or -1
    this.hover = -1; // the row under the pointer
    this.rowsHeight = 1; // of the part of the timeline that shows rows, in CSS pixels
  }

  onChange(listener) {
    this.#listeners.push(listener);
  }

  // Listeners run once before the next frame, however many changes there were.
  changed() {
    if (this.#announced) return;
    this.#announced = true;
    requestAnimationFrame(() => {
      this.#announced = false;
      for (const listener of this.#listeners) listener();
    });
  }

  get rowCount() {
    return this.matches ? this.matches.length : this.model.count;
  }

  rowAt(position) {
    if (position < 0 || position >= this.rowCount) return -1;
    return this.matches ? this.matches[position] : position;
  }

  positionOf(row) {
    if (!this.matches) return row;
    let low = 0;
    let high = this.matches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.matches[middle] < row) low = middle + 1;
      else high = middle;
    }
    return this.matches[low] === row ? low : -1;
  }

  // The whole run, all tasks of it if they can be told apart.
  fit() {
    this.camera.fit();
    this.camera.fitRows(this.rowCount, this.rowsHeight);
    this.changed();
  }

  // After a jump in time: where no row in view has anything to show, go to the first that has.
  followRows() {
    const { camera } = this;
    const first = Math.floor(camera.scroll / camera.rowHeight);
    const last = Math.min(this.rowCount, first + Math.ceil(this.rowsHeight / camera.rowHeight));
    if (this.#findLiving(first, last) >= 0) return;
    const living = this.#findLiving(0, this.rowCount);
    if (living >= 0) camera.scrollBy(living * camera.rowHeight - camera.scroll, this.rowCount, this.rowsHeight);
  }

  #findLiving(from, to) {
    const { spans } = this.model;
    for (let position = from; position < to; position++) {
      const row = this.rowAt(position);
      if (spans.rowStart(row) < this.camera.end && spans.rowEnd[row] > this.camera.start) return position;
    }
    return -1;
  }

  select(row, span = -1) {
    this.selected = row;
    this.span = span;
    this.finding = -1;
    if (row >= 0) this.moveCursorTo(row);
    this.changed();
  }

  // Select what `row` did at `time` and bring it into view, whatever the search hides.
  goTo(row, time) {
    if (this.positionOf(row) < 0) this.search("");
    this.select(row, this.model.spans.at(row, time));
    this.camera.reveal(time);
  }

  // As goTo, with the window fitted to the interval and some of its surroundings.
  zoomTo(row, start, end) {
    const margin = Math.max((end - start) * MARGIN, 1000);
    this.camera.makeRowsReadable();
    this.goTo(row, start);
    this.camera.show(start - margin, end + margin);
    this.changed();
  }

  // The finding's task, and the window fitted to when it can be seen there. One without a length has no window of its
  // own: the moment only comes into view.
  showFinding(number) {
    const finding = this.model.facts.findings[number];
    if (!finding) return;
    const { row, start, duration } = finding;
    this.select(-1);
    if (row >= 0 && duration > 0) this.zoomTo(row, start, start + duration);
    else if (row >= 0) this.goTo(row, start);
    else if (duration > 0) this.camera.show(start - duration * MARGIN, start + duration * (1 + MARGIN));
    else this.camera.reveal(start);
    this.finding = number;
    this.changed();
  }

  moveFindingBy(step) {
    const last = this.model.facts.findings.length - 1;
    const next = this.finding < 0 ? (step > 0 ? 0 : last) : this.finding + step;
    if (next >= 0 && next <= last) this.showFinding(next);
  }

  moveCursorTo(row) {
    this.cursor = row;
    const position = this.positionOf(row);
    if (position >= 0) this.camera.revealRow(position, this.rowCount, this.rowsHeight);
    this.changed();
  }

  // With a task selected, the selection moves along, so that its details can be read task by task.
  moveCursorBy(steps) {
    if (!this.rowCount) return;
    const position = Math.max(0, this.positionOf(this.cursor));
    const row = this.rowAt(Math.min(Math.max(0, position + steps), this.rowCount - 1));
    if (this.selected >= 0) this.select(row);
    else this.moveCursorTo(row);
  }

  search(query) {
    this.query = query;
    this.matches = query ? findRows(this.model, query.toLowerCase()) : null;
    const target = this.selected >= 0 ? this.selected : this.cursor;
    if (this.positionOf(target) >= 0) this.cursor = target;
    else this.cursor = this.rowAt(0);
    this.camera.fitRows(this.rowCount, this.rowsHeight);
    if (this.cursor >= 0) this.moveCursorTo(this.cursor);
    this.changed();
  }
}

function findRows(model, wanted) {
  const isCoroutineWanted = model.facts.strings.map((text) => text !== null && text.toLowerCase().includes(wanted));
  const coroutine = model.columns["task.coroutine"];
  const rows = [];
  for (let row = 0; row < model.count; row++) {
    if (isCoroutineWanted[coroutine[row]] || model.name(row).toLowerCase().includes(wanted)) rows.push(row);
  }
  return Uint32Array.from(rows);
}
