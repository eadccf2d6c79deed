// The view as the part of the address after "#": a link to the page brings back what was looked at.
// Times are whole nanoseconds; a task is named by its id, and a moment in it selects what it did then.

const SETTLE_MS = 150;

export class HashLink {
  #written = "";
  #timer = 0;

  constructor(model, view) {
    this.model = model;
    this.view = view;
    addEventListener("hashchange", () => {
      if (location.hash.slice(1) !== this.#written) this.restore();
    });
  }

  restore() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const { view, model } = this;
    view.search(wanted.get("q") ?? "");
    const row = wanted.has("task") ? model.ids.indexOf(Number(wanted.get("task"))) : -1;
    const at = wanted.has("at") ? Number(wanted.get("at")) : NaN;
    view.select(row, row >= 0 && !Number.isNaN(at) ? model.spans.at(row, at) : -1);
    const [start, end] = (wanted.get("t") ?? "").split("-").map(Number);
    if (end > start) view.camera.show(start, end);
    else view.camera.fit();
    if (row >= 0) {
      view.camera.makeRowsReadable();
      view.moveCursorTo(row);
    } else view.followRows();
    view.changed();
  }

  // Browsers limit how often the address may change, so it is written when the view has settled.
  update() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), SETTLE_MS);
  }

  #write() {
    const { view, model } = this;
    const parts = new URLSearchParams();
    if (view.camera.span < model.duration) parts.set("t", `${Math.round(view.camera.start)}-${Math.round(view.camera.end)}`);
    if (view.selected >= 0) parts.set("task", model.ids[view.selected]);
    if (view.span >= 0) parts.set("at", model.spans.start[view.span]);
    if (view.query) parts.set("q", view.query);
    const text = parts.toString();
    if (text === location.hash.slice(1)) return;
    this.#written = text;
    history.replaceState(null, "", text ? `#${text}` : "#");
  }
}
