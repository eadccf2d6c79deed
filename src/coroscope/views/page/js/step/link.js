import { byId } from "../dom.js";
import { asksForSteps, changeView } from "../views.js";
import { visible } from "./words.js";

// The step as the part of the address after "#". An address may hold anything; what is no step is said, until the next one.

const SETTLE_MS = 150;
const LONGEST_QUOTE = 40;

export class StepLink {
  #written = "";
  #timer = 0;

  constructor(view) {
    this.view = view;
    addEventListener("click", () => this.#settle(), true); // it may lead away: what is left must be what was looked at
    addEventListener("hashchange", () => {
      if (location.hash === this.#written) return;
      if (byId("other-view") && !asksForSteps()) changeView();
      else this.restore();
    });
  }

  restore() {
    this.#written = location.hash;
    const text = new URLSearchParams(location.hash.slice(1)).get("step");
    const last = this.view.recording.count - 1;
    const step = /^\d+$/.test(text ?? "") ? Number(text) : 0;
    this.view.show(Math.min(step, last));
    if (text !== null && !/^\d+$/.test(text)) say(`The address asks for step “${quoted(text)}”, which is no step: this is step 0.`);
    else if (step > last) say(`The address asks for step ${quoted(text)}, which there is not: this is the last one, ${last.toLocaleString("en")}.`);
  }

  // Browsers limit how often the address may change, so it is written when the step has settled.
  update() {
    say("");
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
    const wanted = `#step=${this.view.step}`;
    if (location.hash !== this.#written || location.hash === wanted) return;
    history.replaceState(null, "", wanted);
    this.#written = location.hash;
  }
}

function say(sentence) {
  byId("address").hidden = !sentence;
  byId("address").textContent = sentence;
}

function quoted(text) {
  const characters = [...text];
  return visible(characters.length > LONGEST_QUOTE ? `${characters.slice(0, LONGEST_QUOTE - 1).join("")}…` : text);
}
