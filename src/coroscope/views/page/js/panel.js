import { byId } from "./dom.js";
import { details } from "./details.js";
import { overview } from "./overview.js";

// The panel beside the timeline: the selected task, or where the time went while none is selected.
export class Panel {
  #shown = null;

  constructor(model, view) {
    this.model = model;
    this.view = view;
    this.element = byId("panel");
    this.announcer = byId("announcer");
  }

  update() {
    const { view } = this;
    const wanted = `${view.selected}/${view.span}`;
    if (wanted === this.#shown) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.#shown = wanted;
    const parts = view.selected >= 0 ? details(this.model, view) : overview(this.model, view);
    this.element.replaceChildren(...parts.filter(Boolean));
    this.element.scrollTop = 0;
    if (hadFocus) this.element.focus(); // the button that was pressed is gone
    this.announcer.textContent =
      view.selected >= 0 ? `${this.model.name(view.selected)}, ${this.model.coroutine(view.selected)}, ${this.model.outcome(view.selected)}` : "";
  }
}
