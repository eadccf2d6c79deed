import { byId, el } from "../dom.js";
import { chip, hueOf, names } from "./chips.js";
import { taskName } from "./happenings.js";
import { visible } from "./words.js";

// The frames that there are at a step, and the tasks that they belong to.

const FEW = 24;
const FEW_NAMES = 4; // of a frame that does not run
const EMPTY = { waiting: "nothing on its stack below the call", other: "nothing on its stack below the call" };
const STATES = { running: "runs", waiting: "waits for the one above", other: "of another thread", suspended: "suspended" };

export class Frames {
  #most = FEW;
  #opened = new Set();

  constructor(recording, refresh) {
    this.recording = recording;
    this.refresh = refresh;
    this.showMore = () => {
      this.#most += 100;
      refresh();
    };
  }

  // The frames that are shown.
  update(moment) {
    const { order } = moment;
    const shown = moment.frames(this.#most);
    const left = order.length - shown.length;
    byId("frames").replaceChildren(
      ...shown.map((frame) => this.#card(frame, moment)),
      ...(left > 0 ? [el("li", {}, el("button", { type: "button", onclick: this.showMore }, `${left.toLocaleString("en")} more`))] : []),
    );
    this.#showTasks(moment, order);
    return shown;
  }

  #card(frame, moment) {
    const { code } = frame;
    const isCurrent = frame.number === moment.frameNumber;
    const source = this.recording.facts.sources[code.file]?.split?.("\n") ?? [];
    const { line } = frame;
    const place = frame.index < 0 ? "not begun" : !line ? "on no line of its own" : `line ${line}`;
    const hasTask = frame.task > 0;
    const generator = this.recording.columns.frame_generators[frame.number];
    return el(
      "li",
      {
        className: `frame is-${frame.state}${generator ? ` hue-${hueOf(generator)}` : ""}`,
        "data-frame": frame.number,
        ...(generator ? { "data-object": generator } : {}),
        ...(isCurrent ? { "aria-current": "true" } : {}),
      },
      el("h3", generator ? { "data-badge": `#${generator} ` } : {}, el("code", {}, visible(code.name)), el("small", {}, ` (frame ${frame.number}) ${this.#stateOf(frame)}`)),
      el(
        "div",
        { className: "place" },
        el("p", { className: "at" }, `${code.kind === "function" ? "" : `${code.kind}, `}${place}${hasTask ? `, ${taskName(this.recording, frame.task)}` : ""}${this.recording.facts.threads.length > 1 ? `, thread ${frame.thread}` : ""}`),
        isCurrent || !source[line - 1] ? null : el("code", { className: "line" }, visible(source[line - 1].trim())),
        isCurrent || frame.stack.length ? null : el("span", { className: "at" }, frame.isKnown ? EMPTY[frame.state] ?? "empty stack" : "stack not known"),
      ),
      isCurrent || !frame.stack.length ? null : el("div", { className: "kept" }, el("span", { className: "quiet" }, frame.state === "suspended" ? "stack " : "stack below the call "), ...frame.stack.map(chip)),
      isCurrent ? null : el("dl", { className: "names" }, ...this.#names(frame)),
    );
  }

  #stateOf({ state, code, index }) {
    const isMade = state === "suspended" && this.recording.word(code.opcode[index]) === "RETURN_GENERATOR";
    return isMade ? "waits to be started" : STATES[state];
  }

  // The first few, so that other frames are in view as well; all of a frame that has been opened.
  #names(frame) {
    const rows = names(frame);
    const left = rows.length / 2 - FEW_NAMES;
    if (left <= 1) return rows; // the button would take the room of the last one
    const isOpen = this.#opened.has(frame.number);
    const button = el("button", { type: "button", className: "more-names", "aria-expanded": String(isOpen), onclick: () => this.#toggle(frame.number) }, isOpen ? "fewer" : `… ${left.toLocaleString("en")} more`);
    return [...(isOpen ? rows : rows.slice(0, FEW_NAMES * 2)), el("dt"), el("dd", {}, button)];
  }

  #toggle(number) {
    if (!this.#opened.delete(number)) this.#opened.add(number);
    this.refresh();
    byId("frames").querySelector(`[data-frame="${number}"] .more-names`)?.focus({ preventScroll: true });
  }

  #showTasks(moment, order) {
    const { facts } = this.recording;
    byId("task-box").hidden = !facts.tasks.length;
    if (!facts.tasks.length) return;
    const states = new Map();
    for (const { number, state } of order) {
      const task = moment.taskOf(number, number === moment.frameNumber ? moment.number : this.recording.lastStepOf(number, moment.number));
      if (task && (!states.has(task) || state !== "suspended")) states.set(task, state);
    }
    byId("tasks").replaceChildren(
      ...facts.tasks.slice(0, 200).filter(([number]) => this.recording.firstTurnOf(number) <= moment.number).map(([number, name]) => {
        const state = states.get(number);
        const said = !state ? "its frames have ended" : state === "suspended" ? "suspended" : "runs";
        return el("li", { className: said === "runs" ? "task now" : "task" }, el("code", {}, visible(name)), ` ${said}`);
      }),
    );
  }
}
