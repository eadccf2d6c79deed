import { byId, el } from "../dom.js";
import { visible } from "./words.js";

// Finds functions by name, lines by number or text, instructions by name; what is chosen is gone to from step to step.

const MOST_FOUND = 30;

export class Finder {
  #found = [];
  #chosen = null;
  #active = -1;
  #from = null;

  constructor(recording, source, go) {
    this.recording = recording;
    this.source = source;
    this.go = go;
    this.input = byId("find");
    this.list = byId("finds");
    this.input.addEventListener("input", () => this.#find());
    this.input.addEventListener("keydown", (event) => this.#onKey(event));
    this.input.addEventListener("focus", (event) => {
      this.#from = event.relatedTarget;
    });
    this.input.addEventListener("blur", () => setTimeout(() => this.#close(), 150));
    this.list.addEventListener("pointerdown", (event) => {
      const item = event.target.closest("li");
      event.preventDefault();
      if (item?.dataset.at) this.#choose(Number(item.dataset.at));
    });
  }

  // Instructions to which the chosen thing leads; null if nothing is chosen.
  get marked() {
    return this.#chosen?.marks() ?? null;
  }

  #find() {
    const text = this.input.value.trim().toLowerCase();
    this.#found = text ? [...this.#search(text)] : [];
    this.#active = this.#found.length ? 0 : -1;
    this.#draw();
  }

  *#search(text) {
    const { recording } = this;
    let left = MOST_FOUND;
    for (const code of recording.codes) {
      if (!left || !code.name.toLowerCase().includes(text)) continue;
      left--;
      yield { label: code.name, note: `${code.kind}, line ${code.line}`, marks: () => this.#marks((other, index) => other === code && index === 0) };
    }
    const number = Number(text);
    for (const file of new Set(recording.codes.map((code) => code.file))) {
      for (const [at, line] of this.source.linesOf(file).entries()) {
        if (!left) return;
        if (at + 1 !== number && !line.toLowerCase().includes(text)) continue;
        if (!this.source.ran.get(file)?.has(at + 1)) continue;
        left--;
        yield { label: `${at + 1}: ${line.trim()}`, note: "line", marks: () => this.#marks((code, index) => code.file === file && code.lines[index] === at + 1 && code.lines[index - 1] !== at + 1) };
      }
    }
    const opcodes = new Set(recording.codes.flatMap((code) => code.opcode));
    for (const opcode of opcodes) {
      if (!left || !recording.word(opcode).toLowerCase().includes(text)) continue;
      left--;
      yield { label: recording.word(opcode), note: "instruction", marks: () => this.#marks((code, index) => code.opcode[index] === opcode) };
    }
  }

  #marks(isMarked) {
    const marks = [];
    for (const code of this.recording.codes) for (let index = 0; index < code.lines.length; index++) marks[code.first + index] = isMarked(code, index) ? 1 : 0;
    return Uint8Array.from(marks);
  }

  #draw() {
    const { list, input } = this;
    const isAsked = input.value.trim() !== "";
    list.hidden = !isAsked;
    input.setAttribute("aria-expanded", String(isAsked));
    list.replaceChildren(
      ...this.#found.map((item, at) =>
        el("li", { id: `find-${at}`, role: "option", "aria-selected": String(at === this.#active), "data-at": at }, el("code", {}, visible(item.label)), el("small", {}, ` ${item.note}`)),
      ),
    );
    if (!this.#found.length) list.append(el("li", { className: "quiet" }, "nothing that ran"));
    if (this.#active >= 0) input.setAttribute("aria-activedescendant", `find-${this.#active}`);
    else input.removeAttribute("aria-activedescendant");
    list.children[this.#active]?.scrollIntoView({ block: "nearest" });
  }

  #onKey(event) {
    const count = this.#found.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (count) this.#active = (this.#active + (event.key === "ArrowDown" ? 1 : -1) + count) % count;
      this.#draw();
    } else if (event.key === "Enter" && this.#active >= 0) this.#choose(this.#active);
    else if (event.key === "Escape") this.#leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #choose(at) {
    this.#chosen = this.#found[at];
    this.input.value = this.#chosen.label;
    this.#close();
    this.input.blur();
    this.go(this.#chosen.marks(), this.#chosen.label);
  }

  // To where the focus was before, so that keys are steps again.
  #leave() {
    this.#close();
    this.input.blur();
    if (!this.#from?.matches("select, input:not([type=range])")) this.#from?.focus({ preventScroll: true });
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }
}
