import { el } from "../dom.js";

// A long list of lines of which only a stretch around the current one is in the document, kept for when it comes again.

const STRETCH = 400;
const MOST_KEPT = 24;

export class Listing {
  #kept = new Map();
  #shown = null;
  #row = null;

  constructor(element, make) {
    this.element = element;
    this.make = make;
  }

  // `make(key, position)` makes a row; `key` says which list.
  show(key, count, current) {
    const stretch = Math.floor(Math.max(0, current) / STRETCH);
    const id = `${key} ${stretch}`;
    if (id !== this.#shown) {
      this.element.replaceChildren(this.#list(id, key, count, stretch));
      this.#shown = id;
    }
    this.#row?.classList.remove("current");
    this.#row?.removeAttribute("aria-current");
    this.#row = current < 0 ? null : this.row(current);
    if (!this.#row) return null;
    this.#row.classList.add("current");
    this.#row.setAttribute("aria-current", "step");
    return this.#row;
  }

  row(position) {
    const list = this.element.firstElementChild;
    return list?.children[position - Number(list.dataset.first)] ?? null;
  }

  // Half a stretch before and after it, too.
  #list(id, key, count, stretch) {
    let list = this.#kept.get(id);
    this.#kept.delete(id);
    if (!list) {
      const first = Math.max(0, stretch * STRETCH - STRETCH / 2);
      const end = Math.min(count, (stretch + 1) * STRETCH + STRETCH / 2);
      list = el("div", { className: "rows", "data-first": first });
      for (let position = first; position < end; position++) list.append(this.make(key, position));
    }
    this.#kept.set(id, list);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return list;
  }

  // Once all that is shown of the step has been changed, for it has the page laid out.
  // Not by scrollIntoView, which would move the page as well.
  settle() {
    const { element } = this;
    if (!this.#row) return;
    const [row, box] = [this.#row.getBoundingClientRect(), element.getBoundingClientRect()];
    const margin = Math.min(60, box.height / 4);
    if (row.top < box.top + margin || row.bottom > box.bottom - margin) element.scrollTop += row.top - box.top - box.height / 3;
  }
}
