import { groupOfHead } from "./arrangement.js";
import { byId, el } from "./dom.js";
import { fact } from "./lists.js";

const CAPTION = "Every way in which the work was run; a name leads to its rows in the timeline";

// The figures of the runs and what to conclude from them, above the timeline; a row leads to its run there.
export class Comparison {
  #lines = [];
  #shown = null;

  constructor(model, view) {
    this.model = model;
    this.view = view;
    const { comparison } = model.facts;
    byId("comparison").hidden = !comparison;
    if (comparison) byId("comparison").replaceChildren(...this.#parts(comparison));
  }

  #parts({ columns, rows, best, sentence, facts, notes, runs }) {
    const head = el("tr", {}, ...columns.map((column) => el("th", { scope: "col" }, column)));
    this.#lines = rows.map((cells, row) => this.#line(cells, runs[row], row === best));
    return [
      el("h2", { className: "sentence" }, sentence),
      facts.length ? el("dl", { className: "common" }, ...facts.map(([term, value]) => el("div", {}, ...fact(term, value)))) : null,
      rows.length ? el("div", { className: "scroll" }, el("table", {}, el("caption", {}, CAPTION), el("thead", {}, head), el("tbody", {}, ...this.#lines))) : null,
      notes.length ? el("ul", { className: "notes" }, ...notes.map((note) => el("li", {}, note))) : null,
    ].filter(Boolean);
  }

  #line([name, ...cells], run, isBest) {
    const title = run ? el("button", { type: "button", title: "Show it in the timeline" }, name) : name;
    const mark = isBest ? el("small", {}, "recommended") : null;
    const line = el("tr", { className: isBest ? "best" : "" }, el("th", { scope: "row" }, title, mark), ...cells.map((cell) => el("td", {}, cell)));
    if (!run) return line;
    line.dataset.run = run;
    line.addEventListener("click", () => {
      this.view.goToRun(run);
      byId("timeline").scrollIntoView({ block: "nearest" });
    });
    return line;
  }

  // The line of the run that the keys, or a click, have come to; at the first task is where everybody begins.
  update() {
    const run = this.#lines.length && this.view.cursor !== 0 ? this.#runAtCursor() : 0;
    if (run === this.#shown) return;
    this.#shown = run;
    for (const line of this.#lines) {
      if (run && Number(line.dataset.run) === run) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    }
  }

  #runAtCursor() {
    const { view, model } = this;
    const group = groupOfHead(view.cursor);
    const row = group >= 0 ? view.groups?.first[group] : view.cursor;
    return view.grouping !== "strategy" && group >= 0 ? 0 : model.columns["task.run"][row] ?? 0;
  }
}
