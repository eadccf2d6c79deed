import { Arrangement, groupOfHead, headOf } from "./arrangement.js";
import { Camera } from "./camera.js";

const LOWEST_WITH_HEADS = 12; // pixels of a row
const MARGIN = 0.4; // of an interval that the window is fitted to, on each side

// What the reader looks at: the window, the rows and their groups, the selection. Everything that draws or
// lists anything listens here; nothing else holds such state.
export class View {
  #listeners = [];
  #announced = false;

  constructor(model) {
    this.model = model;
    this.camera = new Camera(model.duration);
    this.query = "";
    this.only = -1; // the one coroutine whose tasks are shown, by its group, or -1
    this.groups = null; // by what the rows are grouped, or null
    this.folded = new Set();
    this.arrangement = new Arrangement(model.count);
    this.table = null; // how the statistics are sorted, or null while they are closed
    this.cursor = model.count ? 0 : -1; // an entry: a task or the head of a group
    this.selected = -1;
    this.finding = -1; // the finding that is shown, by its place in the list, or -1
    this.span = -1; // the selected span of the selected task, or -1
    this.phase = -1; // what that moment went into, where a phase of the selected task is there, or -1
    this.item = -1; // the selected mark, region or collection, or -1
    this.foundItems = null; // which of them the search finds, or null for all
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
    return this.arrangement.length;
  }

  // The task or head at a position of the timeline, as an entry of the arrangement.
  rowAt(position) {
    return this.arrangement.entryAt(position);
  }

  positionOf(entry) {
    return this.arrangement.positionOf(entry);
  }

  // The whole run, all tasks of it if they can be told apart.
  fit() {
    this.camera.fit();
    this.#fitRows();
    this.changed();
  }

  // How high rows are when all are to be in view; the heads of groups have to be read.
  get fittingRow() {
    return this.camera.fittingRow(this.rowCount, this.rowsHeight, this.groups ? LOWEST_WITH_HEADS : 0);
  }

  #fitRows() {
    this.camera.rowHeight = this.fittingRow;
    this.camera.scroll = 0;
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
      if (row < 0) continue;
      if (spans.rowStart(row) < this.camera.end && spans.rowEnd[row] > this.camera.start) return position;
    }
    return -1;
  }

  // Without a `time`, of what the span began with.
  select(row, span = -1, time = this.model.spans.start[span]) {
    this.selected = row;
    this.span = span;
    this.phase = span < 0 ? -1 : this.model.phases.at(row, time);
    this.finding = -1;
    this.item = -1;
    if (row >= 0) this.moveCursorTo(row);
    this.changed();
  }

  // Select what `row` did at `time` and bring it into view, whatever a search or a fold hides.
  goTo(row, time) {
    this.#uncover(row);
    this.select(row, this.model.spans.at(row, time), time);
    this.camera.reveal(time);
  }

  // As goTo, with the window fitted to the interval and some of its surroundings.
  zoomTo(row, start, end) {
    const margin = Math.max((end - start) * MARGIN, 1000);
    this.#uncover(row);
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

  // When the selected phase was, or else the selected span.
  get selectedStretch() {
    const { spans, phases } = this.model;
    if (this.phase >= 0) return [phases.start[this.phase], phases.end(this.phase)];
    return [spans.start[this.span], spans.end(this.selected, this.span)];
  }

  moveFindingBy(step) {
    const last = this.model.facts.findings.length - 1;
    const next = this.finding < 0 ? (step > 0 ? 0 : last) : this.finding + step;
    if (next >= 0 && next <= last) this.showFinding(next);
  }

  // A mark, region or collection, and the window about it; it need not move where all of it can be seen already.
  showItem(item, mayZoom = true) {
    const { lanes } = this.model;
    const { camera } = this;
    const [start, end] = [lanes.start[item], lanes.end(item)];
    this.select(-1);
    this.item = item;
    if (lanes.row(item) >= 0 && this.positionOf(lanes.row(item)) >= 0) this.moveCursorTo(lanes.row(item));
    const isTiny = end - start < camera.span / 50 && !lanes.isInstant(item);
    if (mayZoom && (start < camera.start || end > camera.end || isTiny)) {
      if (lanes.isInstant(item)) camera.reveal(start);
      else camera.show(start - (end - start) * MARGIN, end + (end - start) * MARGIN);
      this.followRows();
    }
    this.changed();
  }

  // Where an item stands among those that the search finds, in order of time.
  placeOfItem(item) {
    const items = this.#itemsByTime();
    return { at: items.indexOf(item), of: items.length };
  }

  // Without one selected, from where the window begins.
  moveItemBy(step) {
    const items = this.#itemsByTime();
    if (!items.length) return;
    const { start } = this.model.lanes;
    const following = items.findIndex((item) => start[item] >= this.camera.start);
    const ahead = following < 0 ? items.length - 1 : following;
    const next = this.item < 0 ? (step > 0 ? ahead : Math.max(0, ahead - 1)) : items.indexOf(this.item) + step;
    if (next >= 0 && next < items.length) this.showItem(items[next]);
  }

  #itemsByTime() {
    const { byTime } = this.model.lanes;
    return this.foundItems ? byTime.filter((item) => this.foundItems[item]) : byTime;
  }

  #uncover(row) {
    if (this.positionOf(row) < 0 && this.folded.delete(this.groups?.of[row])) this.#arrange();
    if (this.positionOf(row) < 0) this.clearSearch();
  }

  // The head of a run's group at the top, and its tasks below it, whatever a search or a fold hides.
  goToRun(run) {
    if (this.query || this.only >= 0) this.clearSearch();
    if (this.grouping !== "strategy") this.groupBy("strategy");
    const group = this.groups?.ofRun(run) ?? -1;
    if (group < 0) return;
    if (this.folded.delete(group)) this.#arrange();
    this.select(-1);
    this.moveCursorTo(headOf(group));
    const { camera } = this;
    if (camera.start >= this.model.facts.runs[run - 1].duration) camera.fit();
    camera.scroll = this.positionOf(headOf(group)) * camera.rowHeight;
    camera.scrollBy(0, this.rowCount, this.rowsHeight);
  }

  moveCursorTo(entry) {
    this.cursor = entry;
    const position = this.positionOf(entry);
    if (position >= 0) this.camera.revealRow(position, this.rowCount, this.rowsHeight);
    this.changed();
  }

  // With a task selected, the selection moves along, so that its details can be read task by task.
  moveCursorBy(steps) {
    if (!this.rowCount) return;
    const position = Math.max(0, this.positionOf(this.cursor));
    const entry = this.rowAt(Math.min(Math.max(0, position + steps), this.rowCount - 1));
    if (this.selected >= 0 && entry >= 0) this.select(entry);
    else this.moveCursorTo(entry);
  }

  search(query) {
    this.query = query;
    this.#arrangeAnew();
  }

  // Only the tasks of one coroutine, by its group; -1 for all.
  showOnly(coroutine) {
    this.only = coroutine;
    this.#arrangeAnew();
  }

  clearSearch() {
    this.query = "";
    this.showOnly(-1);
  }

  // One of the model's groupings; anything else is no grouping.
  groupBy(grouping) {
    this.groups = this.model.groupings.includes(grouping) ? this.model.groups(grouping) : null;
    this.folded = new Set();
    this.#arrangeAnew();
  }

  get grouping() {
    return this.groups?.by ?? "";
  }

  groupByNext() {
    const { groupings } = this.model;
    this.groupBy(groupings[groupings.indexOf(this.grouping) + 1]);
  }

  // The group of the entry that the keys are at, folded or unfolded; its head is what stays.
  toggleFold(entry) {
    if (!this.groups || entry === -1) return;
    const group = entry >= 0 ? this.groups.of[entry] : groupOfHead(entry);
    if (!this.folded.delete(group)) this.folded.add(group);
    this.#arrange();
    this.moveCursorTo(headOf(group));
  }

  toggleAllFolds() {
    if (!this.groups) return;
    const isAnyOpen = this.folded.size < this.groups.length;
    this.fold(isAnyOpen ? [...Array(this.groups.length).keys()] : []);
  }

  fold(groups) {
    this.folded = new Set(groups);
    this.#arrangeAnew();
  }

  #arrange() {
    const { model } = this;
    const isAll = !this.query && this.only < 0;
    this.foundItems = model.lanes.find(this.query);
    const rows = isAll ? null : findRows(model, this.query.toLowerCase(), this.only);
    this.arrangement = new Arrangement(model.count, rows, this.groups, this.folded);
    this.camera.scrollBy(0, this.rowCount, this.rowsHeight);
    this.changed();
  }

  // As arrange, for so many other rows that the cursor and the rows' height have to follow.
  #arrangeAnew() {
    this.#arrange();
    const target = this.selected >= 0 ? this.selected : this.cursor;
    const group = target >= 0 ? this.groups?.of[target] : undefined;
    if (this.positionOf(target) >= 0) this.cursor = target;
    else if (this.folded.has(group) && this.arrangement.counts[group]) this.cursor = headOf(group);
    else this.cursor = this.rowAt(Math.max(0, this.arrangement.nextTask(0)));
    this.#fitRows();
    this.moveCursorTo(this.cursor);
  }
}

function findRows(model, wanted, only) {
  const isCoroutineWanted = model.facts.strings.map((text) => text !== null && text.toLowerCase().includes(wanted));
  const coroutine = model.columns["task.coroutine"];
  const groups = only < 0 ? null : model.groups("coroutine");
  const rows = [];
  for (let row = 0; row < model.count; row++) {
    if (groups && groups.of[row] !== only) continue;
    if (isCoroutineWanted[coroutine[row]] || model.name(row).toLowerCase().includes(wanted)) rows.push(row);
  }
  return Uint32Array.from(rows);
}
