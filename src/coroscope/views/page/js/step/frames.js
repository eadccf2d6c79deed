import { byId, el } from "../dom.js";
import { chip, hueOf, names } from "./chips.js";
import { taskName } from "./happenings.js";
import { visible } from "./words.js";

// The frames that there are at a step, and the tasks that they belong to.

const FEW = 24;
const STATES = { running: "runs", waiting: "waits for the one above", other: "of another thread", suspended: "suspended" };

export class Frames {
  #most = FEW;

  constructor(recording, refresh) {
    this.recording = recording;
    this.showMore = () => {
      this.#most += 100;
      refresh();
    };
  }

  // The frames that are shown.
  update(moment) {
    const { order } = moment;
    const shown = order.slice(0, this.#most).map(({ number, state }) => (number === moment.frameNumber ? moment.frame : moment.frameAt(number, state)));
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
      el("h3", generator ? { "data-badge": `#${generator} ` } : {}, el("code", {}, visible(code.name)), el("small", {}, ` (frame ${frame.number}) ${frame.state === "running" && hasTask ? "runs" : STATES[frame.state]}`)),
      el("p", { className: "at" }, `${code.kind === "function" ? "" : `${code.kind}, `}${place}${hasTask ? `, ${taskName(this.recording, frame.task)}` : ""}${this.recording.facts.threads.length > 1 ? `, thread ${frame.thread}` : ""}`),
      isCurrent || !source[line - 1] ? null : el("code", { className: "line" }, visible(source[line - 1].trim())),
      isCurrent ? null : el("div", { className: "kept" }, el("span", { className: "quiet" }, frame.stack.length ? "stack " : frame.isKnown ? "empty stack" : "stack not known"), ...frame.stack.map(chip)),
      isCurrent ? null : el("dl", { className: "names" }, ...names(frame)),
    );
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
      ...facts.tasks.slice(0, 200).map(([number, name]) => {
        const state = states.get(number);
        const idle = this.recording.firstTurnOf(number) > moment.number ? "has not run yet" : "has no frame now";
        const said = !state ? idle : state === "suspended" ? "suspended" : "runs";
        return el("li", { className: said === "runs" ? "task now" : "task" }, el("code", {}, visible(name)), ` ${said}`);
      }),
    );
  }
}
