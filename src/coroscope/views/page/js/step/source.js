import { byId, el } from "../dom.js";
import { Listing } from "./listing.js";
import { visible } from "./words.js";

const BEFORE_PX = 90; // what is marked is that far from the left edge at least, and that far from the right
const AFTER_PX = 16;
const BEGINNING_PX = 120; // with so much of it in view, the lines stay where they begin
const ENCODER = new TextEncoder();

// The source with the current line, and in it the part that became the instruction.
export class Source {
  #lines = new Map();
  #marked = null;

  constructor(recording, goToLine) {
    this.recording = recording;
    this.listing = new Listing(byId("source"), (file, position) => this.#row(file, position));
    this.goToLine = goToLine;
    byId("source").addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row && !String(getSelection())) this.goToLine(this.file, Number(row.dataset.line));
    });
    this.ran = this.#linesThatRan();
  }

  #linesThatRan() {
    const ran = new Map();
    const isRun = new Uint8Array(this.recording.codes.reduce((sum, code) => sum + code.lines.length, 0));
    for (const number of this.recording.columns.instructions) isRun[number] = 1;
    for (const code of this.recording.codes) {
      if (!ran.has(code.file)) ran.set(code.file, new Set());
      code.lines.forEach((line, index) => isRun[code.first + index] && line && ran.get(code.file).add(line));
    }
    return ran;
  }

  linesOf(file) {
    if (!this.#lines.has(file)) this.#lines.set(file, Object.hasOwn(this.recording.facts.sources, file) ? this.recording.facts.sources[file].split("\n") : []);
    return this.#lines.get(file);
  }

  #row(file, position) {
    const ran = this.ran.get(file)?.has(position + 1);
    const text = visible(this.linesOf(file)[position]);
    return el("div", { className: ran ? "row ran" : "row", "data-line": position + 1 }, el("span", { className: "number" }, String(position + 1)), el("code", {}, text || " "));
  }

  update(moment) {
    const { code, index } = moment;
    this.file = code.file;
    const lines = this.linesOf(code.file);
    byId("file").textContent = visible(code.file.split(/[\\/]/).at(-1) || "Source");
    byId("file").title = visible(code.file);
    for (const [row, text] of this.#marked ?? []) row.lastElementChild.replaceChildren(text);
    this.#marked = [];
    this.mark = null;
    const line = moment.nearestLine ?? -1;
    this.listing.show(code.file, lines.length, line - 1);
    this.listing.element.classList.toggle("near", !moment.line);
    if (!lines.length) byId("source").textContent = "The source of this file was not there when it ran.";
    if (line < 1 || moment.line === null || code.columns[index] === null || code.endColumns[index] === null) return;
    const last = Math.min(code.endLines[index] ?? line, line + 40, lines.length);
    for (let number = line; number <= last; number++)
      this.#mark(lines[number - 1], number, number === line ? code.columns[index] : 0, number === code.endLines[index] ? code.endColumns[index] : Infinity);
  }

  // Sideways only where the beginning of what is marked would be out of view, and no farther than needed.
  settle() {
    this.listing.settle();
    const { mark } = this;
    const { element } = this.listing;
    if (!mark) {
      element.scrollLeft = 0;
      return;
    }
    const [box, own] = [element.getBoundingClientRect(), mark.getBoundingClientRect()];
    const left = own.left - box.left + element.scrollLeft;
    const isBeginningInView = left + Math.min(own.width, BEGINNING_PX) <= element.clientWidth;
    element.scrollLeft = isBeginningInView ? 0 : Math.max(0, left + Math.min(own.width, box.width - BEFORE_PX) + AFTER_PX - box.width);
  }

  // Columns count bytes of UTF-8.
  #mark(text, number, startByte, endByte) {
    const row = this.listing.row(number - 1);
    if (!row) return;
    let start = characterAt(text, startByte);
    const end = endByte === Infinity ? text.trimEnd().length : characterAt(text, endByte);
    if (startByte === 0 && number > 1 && endByte !== 0) start = Math.max(start, text.length - text.trimStart().length);
    if (end <= start) return;
    this.#marked.push([row, visible(text) || " "]);
    const mark = el("mark", {}, visible(text.slice(start, end)));
    row.lastElementChild.replaceChildren(visible(text.slice(0, start)), mark, visible(text.slice(end)));
    if (this.#marked.length === 1) this.mark = mark;
  }
}

function characterAt(text, byte) {
  let bytes = 0;
  let at = 0;
  for (const char of text) {
    if (bytes >= byte) break;
    bytes += char < "\x80" ? 1 : ENCODER.encode(char).length;
    at += char.length;
  }
  return at;
}
