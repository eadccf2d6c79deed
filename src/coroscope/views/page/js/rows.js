import { byId, el } from "./dom.js";

// The controls that say which rows there are: by what they are grouped, and the one coroutine that is shown.
export class Rows {
  constructor(model, view) {
    this.model = model;
    this.view = view;
    this.grouping = byId("grouping");
    this.only = byId("only");
    this.grouping.append(el("option", { value: "" }, "not grouped"), ...model.groupings.map((by) => el("option", { value: by }, `by ${by}`)));
    this.grouping.addEventListener("change", () => view.groupBy(this.grouping.value));
    this.only.addEventListener("click", () => view.showOnly(-1));
  }

  update() {
    const { view, only } = this;
    this.grouping.value = view.grouping;
    const name = view.only < 0 ? "" : this.model.groups("coroutine").title(view.only);
    if (view.only < 0 && document.activeElement === only) byId("timeline").focus();
    only.hidden = view.only < 0;
    only.replaceChildren(el("span", {}, `only ${name}`), " ✕");
    only.setAttribute("aria-label", `Only tasks of ${name} are shown: show all`);
  }
}
