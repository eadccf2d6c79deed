import { byId } from "./dom.js";
import { count } from "./format.js";

const [HINT, SHORT_HINT] = ["Find tasks  ( / )", "Find tasks"];
const ROOM_FOR_HINT = 124; // pixels

// The field that keeps only the rows whose name or coroutine has the text in it.
export class Search {
  constructor(view) {
    this.view = view;
    this.field = byId("search");
    this.found = byId("found");
    this.field.addEventListener("input", () => view.search(this.field.value.trim()));
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.noun = view.model.rowNoun;
    new ResizeObserver(() => this.#hint()).observe(this.field);
  }

  focus() {
    this.field.focus();
    this.field.select();
  }

  update() {
    const { view } = this;
    if (document.activeElement !== this.field) this.field.value = view.query;
    const shown = view.arrangement.taskCount;
    const isAll = !view.query && view.only < 0;
    const rows = isAll ? "" : `${shown.toLocaleString("en")} of ${count(view.model.count, this.noun)}`;
    const items = view.foundItems ? view.foundItems.reduce((sum, one) => sum + one, 0) : 0;
    this.found.textContent = items ? `${rows}, ${items.toLocaleString("en")} above them` : rows;
  }

  #hint() {
    const { clientWidth } = this.field;
    const { paddingLeft, paddingRight } = getComputedStyle(this.field);
    this.field.placeholder = clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) < ROOM_FOR_HINT ? SHORT_HINT : HINT;
  }

  #key(event) {
    if (event.key === "Escape") {
      this.field.value = "";
      this.view.search("");
      this.field.blur();
    } else if (event.key === "Enter") this.#goToFirst();
  }

  // The task that the keys are at, or else the first mark or region.
  #goToFirst() {
    const { view } = this;
    if (view.cursor >= 0) view.select(view.cursor);
    else if (view.foundItems) view.moveItemBy(1);
    if (view.selected >= 0 || view.item >= 0) byId("timeline").focus();
  }
}
