import { byId, el } from "./dom.js";
import { duration } from "./format.js";
import { MEASURES, NAME, coroutineStatistics } from "./statistics.js";

const ROWS_FIRST = 100;
const FIRST_SORT = "running";

// The statistics per coroutine, under the timeline. A row shows only that coroutine's tasks, and again all of them.
export class Table {
  #rows = null;
  #drawn = "";
  #buttons = new Map(); // of the rows that are listed, by group

  constructor(model, view) {
    this.model = model;
    this.view = view;
    this.groups = null;
    this.element = byId("statistics");
    this.opener = byId("open-statistics");
    this.heads = [NAME, ...MEASURES].map((column) => this.#head(column));
    this.body = el("tbody", { onkeydown: (event) => this.#key(event) });
    this.more = el("button", { type: "button", className: "more", onclick: () => this.#list(Infinity) }, "Show all");
    this.opener.addEventListener("click", () => this.toggle());
  }

  toggle() {
    this.view.table = this.view.table ? null : { sort: FIRST_SORT, isUp: false };
    this.view.changed();
  }

  update() {
    const { table, only } = this.view;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = !table;
    this.opener.setAttribute("aria-expanded", String(!!table));
    if (!table && hadFocus) this.opener.focus();
    if (!table) return;
    if (!this.#rows) this.#build();
    const wanted = `${table.sort}/${table.isUp}`;
    if (wanted !== this.#drawn) this.#sort(table);
    this.#drawn = wanted;
    for (const [group, button] of this.#buttons) button.setAttribute("aria-pressed", String(group === only));
  }

  #build() {
    this.groups = this.model.groups("coroutine");
    this.#rows = coroutineStatistics(this.model).map((row) => ({ ...row, name: this.groups.title(row.group) }));
    const span = (columns, text) => el("th", { colSpan: columns, scope: "colgroup" }, text);
    const over = el("tr", { className: "over" }, el("td"), el("td"), span(3, "all tasks added up"), span(4, "a task lived at most"));
    const heads = el("tr", {}, ...this.heads.map(({ cell }) => cell));
    this.element.append(el("table", {}, el("caption", {}, "Statistics per coroutine"), el("thead", {}, over, heads), this.body), this.more);
  }

  #head({ key, title }) {
    const button = el("button", { type: "button", onclick: () => this.#sortBy(key) }, title);
    return { key, cell: el("th", { scope: "col" }, button) };
  }

  // A second time turns the order round; a name begins at A, a number at the largest.
  #sortBy(key) {
    const { table } = this.view;
    const isUp = table.sort === key ? !table.isUp : key === NAME.key;
    this.view.table = { sort: key, isUp };
    this.view.changed();
  }

  #sort({ sort, isUp }) {
    const direction = isUp ? 1 : -1;
    const compare = sort === NAME.key ? (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) : (a, b) => a[sort] - b[sort];
    this.#rows.sort((a, b) => direction * compare(a, b) || a.group - b.group);
    for (const { key, cell } of this.heads) {
      if (key === sort) cell.setAttribute("aria-sort", isUp ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    }
    this.#list(ROWS_FIRST);
  }

  #list(number) {
    const listed = this.#rows.slice(0, number);
    this.#buttons.clear();
    this.body.replaceChildren(...listed.map((row) => this.#row(row)));
    this.more.hidden = listed.length === this.#rows.length;
    this.view.changed();
  }

  #row(row) {
    const { view, groups } = this;
    const onclick = () => view.showOnly(view.only === row.group ? -1 : row.group);
    const detail = el("small", {}, groups.detail(row.group));
    const button = el("button", { type: "button", onclick }, el("span", {}, row.name), " ", detail);
    this.#buttons.set(row.group, button);
    const cell = ({ key, is }) => el("td", {}, is === "time" ? duration(row[key]) : row[key].toLocaleString("en"));
    return el("tr", {}, el("th", { scope: "row" }, button), ...MEASURES.map(cell));
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.#buttons.values()];
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
  }
}
