import { groupOfHead } from "./arrangement.js";
import { byId } from "./dom.js";
import { details } from "./details.js";
import { findingDetails } from "./findings.js";
import { count, duration, moment } from "./format.js";
import { itemDetails } from "./items.js";
import { overview } from "./overview.js";

// The panel beside the timeline: the finding that is shown, the selected task, or where the time went while there is neither.
export class Panel {
  #shown = null;
  #announced = "0//false"; // the first task is where everybody begins

  constructor(model, view) {
    this.model = model;
    this.view = view;
    this.element = byId("panel");
    this.announcer = byId("announcer");
  }

  update() {
    this.#announce();
    const { view } = this;
    const listed = view.selected < 0 && this.model.lanes.count ? view.query : "";
    const wanted = `${view.selected}/${view.span}/${view.phase}/${view.finding}/${view.item}/${listed}`;
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
    if (view.item >= 0) return [itemDetails(model, view)];
    return finding ? [finding] : overview(model, view);
  }

  #itemInWords(item) {
    const { lanes } = this.model;
    const length = lanes.isInstant(item) ? "" : `, ${duration(lanes.length[item])}`;
    return `${lanes.text(item)}, ${lanes.nouns[lanes.lane(item)]}${length}, at ${moment(lanes.start[item])}`;
  }

  // For those who hear the page: the task or mark that the keys have come to.
  #announce() {
    const { view, model } = this;
    const entry = view.cursor;
    const group = groupOfHead(entry);
    const wanted = `${entry}/${view.grouping}/${group >= 0 && view.folded.has(group)}${view.item < 0 ? "" : `/${view.item}`}`;
    if (wanted === this.#announced) return;
    this.#announced = wanted;
    if (view.item >= 0) this.announcer.textContent = this.#itemInWords(view.item);
    else if (group >= 0) this.announcer.textContent = `${view.groups.title(group)}, ${count(view.groups.counts[group], view.groups.noun(group))}, ${view.folded.has(group) ? "folded" : "open"}`;
    else this.announcer.textContent = entry < 0 ? "" : `${model.name(entry)}, ${model.coroutine(entry)}, ${model.ending(entry)}`;
  }
}
