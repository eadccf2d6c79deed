import { SORTS } from "./statistics.js";
import { asksForSteps, changeView } from "./views.js";

// The view as the part of the address after "#": a link to the page brings back what was looked at.
// Times are whole nanoseconds; a task is named by its id, and a moment in it selects what it did then; a coroutine by the
// id of its first task; findings and items of lanes count from 1, groups from 0.
// Rule: an address may hold anything; what is not understood is left out.

const SETTLE_MS = 150;
const ALL = "all";
const SPAN = "span"; // in place of a window: the one that shows the selected span

export class HashLink {
  #written = "";
  #timer = 0;

  constructor(model, view) {
    this.model = model;
    this.view = view;
    addEventListener("click", () => this.#settle(), true); // it may lead away: what is left must be what was looked at
    addEventListener("hashchange", () => {
      if (location.hash === this.#written) return;
      if (asksForSteps()) changeView();
      else this.restore();
    });
  }

  restore() {
    this.#written = location.hash;
    const wanted = new URLSearchParams(location.hash.slice(1));
    this.#restoreRows(wanted);
    this.#restoreTable(wanted.get("stats") ?? "");
    const hasWindow = this.#restoreWindow(wanted.get("t") ?? "");
    this.#restoreSelection(wanted, hasWindow);
    if (wanted.get("t") === SPAN) this.#showSpan();
    this.#restoreScroll(wanted);
    this.view.changed();
  }

  #restoreRows(wanted) {
    const { view, model } = this;
    const first = this.#rowOf(wanted.get("only"));
    view.query = wanted.get("q") ?? "";
    view.only = first < 0 ? -1 : model.groups("coroutine").of[first];
    view.groupBy(this.#grouping(wanted.get("by")));
    if (view.groups && wanted.has("fold")) view.fold(parseFolds(wanted.get("fold"), view.groups.length));
  }

  // An empty one is none; none at all is the first one.
  #grouping(by) {
    return by === "" || this.model.groupings.includes(by) ? by : this.model.firstGrouping;
  }

  #restoreTable(text) {
    const [sort, direction] = text.split("-");
    this.view.table = SORTS.includes(sort) ? { sort, isUp: direction === "up" } : null;
  }

  #restoreWindow(text) {
    const [start, end] = text.split("-").map(Number);
    if (end > start) this.view.camera.show(start, end);
    else this.view.camera.fit();
    return end > start;
  }

  #restoreSelection(wanted, hasWindow) {
    const { view, model } = this;
    const number = Number(wanted.get("finding")) - 1;
    const finding = model.facts.findings[number];
    if (finding && !hasWindow) return view.showFinding(number);
    const row = finding ? finding.row : this.#rowOf(wanted.get("task"));
    const item = Number(wanted.get("item")) - 1;
    if (Number.isInteger(item) && item >= 0 && item < model.lanes.count) return view.showItem(item, !hasWindow);
    const at = wanted.has("at") ? Number(wanted.get("at")) : NaN;
    view.select(row, row >= 0 && !Number.isNaN(at) ? model.spans.at(row, at) : -1, at);
    if (finding) view.finding = number;
    if (row >= 0) {
      view.camera.makeRowsReadable();
      view.moveCursorTo(row);
    } else view.followRows();
  }

  #showSpan() {
    const { view } = this;
    if (view.span >= 0) view.zoomTo(view.selected, ...view.selectedStretch);
  }

  #restoreScroll(wanted) {
    const { camera, rowCount, rowsHeight } = this.view;
    camera.setRowHeight(Number(wanted.get("rows")));
    const first = wanted.has("y") ? Number(wanted.get("y")) : NaN;
    if (Number.isFinite(first)) camera.scroll = first * camera.rowHeight;
    camera.scrollBy(0, rowCount, rowsHeight);
  }

  #rowOf(id) {
    return id === null ? -1 : this.model.ids.indexOf(Number(id));
  }

  // Browsers limit how often the address may change, so it is written when the view has settled.
  update() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), SETTLE_MS);
  }

  #settle() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#write();
  }

  // Not over an address that the reader has just changed: that one is about to be restored.
  #write() {
    this.#timer = 0;
    if (location.hash !== this.#written) return;
    const text = this.#describe().toString();
    if (text === location.hash.slice(1)) return;
    history.replaceState(null, "", text ? `#${text}` : "#");
    this.#written = location.hash;
  }

  #describe() {
    const { view, model } = this;
    const { camera } = view;
    const parts = new URLSearchParams();
    const isWhole = camera.span >= model.duration;
    if (!isWhole || view.finding >= 0) parts.set("t", `${Math.round(camera.start)}-${Math.round(camera.end)}`);
    if (view.selected >= 0) parts.set("task", model.ids[view.selected]);
    if (view.span >= 0) parts.set("at", Math.max(model.spans.start[view.span], view.phase < 0 ? 0 : model.phases.start[view.phase]));
    if (view.finding >= 0) parts.set("finding", view.finding + 1);
    if (view.item >= 0) parts.set("item", view.item + 1);
    if (view.query) parts.set("q", view.query);
    if (view.only >= 0) parts.set("only", model.ids[model.groups("coroutine").first[view.only]]);
    if (view.grouping !== model.firstGrouping) parts.set("by", view.grouping);
    if (view.folded.size) parts.set("fold", view.folded.size === view.groups.length ? ALL : [...view.folded].join("."));
    if (view.table) parts.set("stats", view.table.sort + (view.table.isUp ? "-up" : ""));
    if (parts.size || camera.scroll > 0 || camera.rowHeight !== view.fittingRow) {
      parts.set("rows", camera.rowHeight);
      parts.set("y", Number((camera.scroll / camera.rowHeight).toFixed(2)));
    }
    return parts;
  }
}

function parseFolds(text, length) {
  if (text === ALL) return Array(length).keys();
  return text.split(".").map(Number).filter((group) => Number.isInteger(group) && group >= 0 && group < length);
}
