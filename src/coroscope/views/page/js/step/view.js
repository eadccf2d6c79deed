import { byId, el } from "../dom.js";
import { Arrows } from "./arrows.js";
import { boxes, names } from "./chips.js";
import { Frames } from "./frames.js";
import { showTold, taskName, Telling } from "./happenings.js";
import { Heap } from "./heap.js";
import { argument, Instructions, named } from "./instructions.js";
import { Moments } from "./moments.js";
import { Moves } from "./moves.js";
import { Source } from "./source.js";
import { visible } from "./words.js";

const MOST_OUTPUT = 20000;
const WHILE_SUSPENDED = { YIELD_VALUE: -1, RETURN_GENERATOR: 0 }; // what the instruction does to the depth until its frame goes on

// One step, shown.
export class StepView {
  step = 0;
  onChange = () => {};

  constructor(recording) {
    this.recording = recording;
    this.moves = new Moves(recording);
    this.moments = new Moments(recording);
    this.telling = new Telling(recording);
    const refresh = () => this.show(this.step);
    this.source = new Source(recording, (file, line) => this.toMarked((code, index) => code.file === file && code.lines[index] === line));
    this.instructions = new Instructions(recording, (number) => this.goTo(this.moves.marked(this.step, { [number]: 1 }, 1)));
    this.frames = new Frames(recording, refresh);
    this.heap = new Heap(recording, refresh);
    this.arrows = new Arrows();
    this.heap.onFilled = () => this.arrows.ask();
  }

  // Elsewhere if there is such a step.
  goTo(step) {
    if (step >= 0 && step < this.recording.count) this.show(step);
  }

  // To the next stretch of such instructions, from another one on.
  toMarked(isMarked) {
    const marks = new Uint8Array(this.moves.lines.length);
    for (const code of this.recording.codes) for (let index = 0; index < code.lines.length; index++) marks[code.first + index] = isMarked(code, index) ? 1 : 0;
    const { instructions } = this.recording.columns;
    let from = this.step;
    while (from + 1 < this.recording.count && marks[instructions[from]]) from++;
    this.goTo(marks[instructions[from]] ? this.moves.marked(-1, marks, 1) : this.moves.marked(from, marks, 1));
  }

  show(step) {
    this.step = step;
    const moment = this.recording.at(step);
    this.moment = moment;
    this.#showInstruction(moment);
    this.moments.update(moment);
    this.source.update(moment);
    this.instructions.update(moment);
    this.#showState(moment);
    const frames = this.frames.update(moment);
    this.heap.update(moment, frames);
    this.#showOutput(moment);
    this.source.settle();
    this.instructions.listing.settle();
    this.heap.settle();
    this.arrows.draw();
    this.onChange();
  }

  #showInstruction(moment) {
    const { recording } = this;
    const { code, index, frame } = moment;
    const task = frame.task ? `, ${taskName(recording, frame.task)}` : "";
    byId("where").textContent = `In ${visible(code.name)} (frame ${frame.number})${!moment.line ? ", on no line of its own" : `, line ${moment.line}`}${task}, about to run:`;
    byId("opcode").replaceChildren(...named(recording, code, index));
    byId("meaning").textContent = argument(recording, code, index);
    const depth = code.depth[index];
    const [after, isInHandler] = this.#depthAfter(moment);
    const left = WHILE_SUSPENDED[recording.word(code.opcode[index])];
    const until = left === undefined ? "" : `${depth + left} until it goes on, then `;
    byId("effect").textContent = depth === null || after === null ? "" : `stack ${depth} → ${until}${after}${isInHandler ? " in the handler" : ""}`;
    byId("sentence").textContent = visible(recording.word(code.sentence[index]));
    byId("before").replaceChildren(...showTold(this.telling.before(moment)));
    byId("leads").replaceChildren(...showTold(this.telling.leadsTo(moment)));
  }

  // As it has come about, where the instruction can jump or has raised; and whether a handler found it so.
  #depthAfter({ number, code, index, frameNumber }) {
    const next = this.recording.nextStepOf(frameNumber, number);
    if (next < 0) return [code.after[index], false];
    const there = this.recording.instructionOf(next);
    const isInHandler = there.code.isHandler[there.index];
    const isFound = isInHandler || code.target[index] !== null;
    return [isFound ? there.code.depth[there.index] : code.after[index], isInHandler];
  }

  #showState(moment) {
    const { frame } = moment;
    const before = this.#frameBefore(moment);
    byId("stack").replaceChildren(...(frame.stack.length ? boxes(frame.stack, before?.stack ?? []) : [el("li", { className: "empty" }, frame.isKnown ? "empty" : "not known")]));
    byId("stack-note").textContent = frame.isKnown ? (frame.stack.length > 1 ? "the top first" : "") : visible(this.recording.facts.isSymbolic);
    const known = new Map([...(before?.locals ?? [])].map(([name, value]) => [name, value.text]));
    byId("locals").replaceChildren(...names(frame, known));
    const none = frame.code.kind === "module" ? "none but those that every module has, such as __name__" : "none has a value";
    if (!byId("locals").childElementCount) byId("locals").append(el("dd", { className: "quiet" }, none));
  }

  // The same frame before its last step.
  #frameBefore(moment) {
    const step = this.recording.lastStepOf(moment.frameNumber, moment.number);
    return step < 0 ? null : this.recording.at(step).frame;
  }

  #showOutput(moment) {
    const { pieces, isCut } = moment.output(MOST_OUTPUT);
    const output = byId("output");
    output.replaceChildren(...(isCut ? [el("span", { className: "quiet" }, "…\n")] : []), ...pieces.map(({ stream, text }) => el("span", { className: stream }, text.split("\n").map(visible).join("\n"))));
    if (!pieces.length) output.append(el("span", { className: "quiet" }, this.recording.facts.timeline ? "not recorded here: it was the program's alone" : "nothing yet"));
    output.scrollTop = 1e9;
  }
}
