import { byId } from "./dom.js";
import { details } from "./details.js";
import { findingDetails } from "./findings.js";
import { overview } from "./overview.js";

// The panel beside the timeline: the finding that is shown, the selected task, or where the time went while there is neither.
export class Panel {
  #shown = null;
  #announced = 0; // the first task is where everybody begins

  constructor(model, view) {
    this.model = model;
    this.view = view;
    this.element = byId("panel");
    this.announcer = byId("announcer");
  }

  update() {
    this.#announce();
    const { view } = this;
    const wanted = `${view.selected}/${view.span}/${view.finding}`;
    if (wanted === this.#shown) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.#shown = wanted;
    this.element.replaceChildren(...this.#parts().filter(Boolean));
    this.element.scrollTop = 0;
    if (hadFocus) this.element.focus(); // the button that was pressed is gone
  }

  #parts() {
    const { model, view } = this;
    const finding = view.finding >= 0 ? findingDetails(model, view) : null;
    if (view.selected >= 0) return [finding, ...details(model, view)];
    return finding ? [finding] : overview(model, view);
  }

  // For those who hear the page: the task that the keys have come to.
  #announce() {
    const row = this.view.cursor;
    if (row === this.#announced) return;
    this.#announced = row;
    this.announcer.textContent = row < 0 ? "" : `${this.model.name(row)}, ${this.model.coroutine(row)}, ${this.model.outcome(row)}`;
  }
}
