import { byId, el } from "../dom.js";
import { Listing } from "./listing.js";
import { visible } from "./words.js";

// The instructions of the running frame's code, the current one marked.
export class Instructions {
  constructor(recording, goToInstruction) {
    this.recording = recording;
    this.listing = new Listing(byId("instructions"), (key, index) => this.#row(recording.codes[key], index));
    byId("instructions").addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row && !String(getSelection())) goToInstruction(recording.codes[this.key].first + Number(row.dataset.index));
    });
  }

  #row(code, index) {
    const line = code.lines[index];
    const isFirst = index === 0 || code.lines[index - 1] !== line;
    const sign = code.isHandler[index] ? "catch" : code.isTarget[index] ? "»" : "";
    return el(
      "div",
      { className: isFirst && index ? "row first" : "row", "data-index": index, title: visible(this.recording.word(code.sentence[index])) },
      el("span", { className: "number" }, isFirst ? String(line || "–") : ""),
      el("span", { className: "sign", title: sign === "catch" ? "exceptions lead here" : sign ? "jumps lead here" : "" }, sign),
      el("span", { className: "offset" }, String(code.offset[index])),
      el("span", { className: "said" }, el("code", {}, ...named(this.recording, code, index)), el("span", { className: "arg" }, argument(this.recording, code, index))),
    );
  }

  update(moment) {
    this.key = this.recording.columns.frame_codes[moment.frameNumber];
    byId("code").textContent = `Instructions of ${visible(moment.code.name)}`;
    this.listing.show(this.key, moment.code.offset.length, moment.index);
  }
}

// Its name; with what the specialised form adds to that, where the forms are known and it has one.
export function named(recording, code, index) {
  const name = recording.word(code.opcode[index]);
  const form = code.form ? recording.word(code.form[index]) : name;
  if (form === name) return [name];
  return form.startsWith(name) ? [name, el("span", { className: "form" }, form.slice(name.length))] : [el("span", { className: "form" }, form)];
}

export function argument(recording, code, index) {
  const meaning = recording.word(code.meaning[index]);
  if (meaning) return visible(meaning);
  if (code.target[index] !== null) return `→ ${code.target[index]}${lineThere(code, index)}`;
  return code.arg[index] === null ? "" : String(code.arg[index]);
}

function lineThere(code, index) {
  const line = targetLine(code, index);
  return line && line !== code.lines[index] ? ` (line ${line})` : "";
}

// The line that it can jump to.
export function targetLine(code, index) {
  return code.lines[code.offset.indexOf(code.target[index])];
}
