import { byId, el } from "../dom.js";
import { boxes, chip, names } from "./chips.js";
import { taskName } from "./happenings.js";
import { visible } from "./words.js";

// The frames that there are at a step, and the tasks that they belong to.

const FEW = 24;
const MOST_HELD = 24;
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
    return el(
      "li",
      { className: `frame is-${frame.state}`, "data-frame": frame.number, ...(isCurrent ? { "aria-current": "true" } : {}) },
      el("h3", {}, el("code", {}, visible(code.name)), el("small", {}, ` (frame ${frame.number}) ${frame.state === "running" && hasTask ? "runs" : STATES[frame.state]}`)),
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
        const said = !state ? "has no frame now" : state === "suspended" ? "suspended" : "runs";
        return el("li", { className: said === "runs" ? "task now" : "task" }, el("code", {}, visible(name)), ` ${said}`);
      }),
    );
  }
}

export class Heap {
  #most = 30;
  #cards = new Map();

  constructor(recording, refresh) {
    this.recording = recording;
    this.showMore = () => {
      this.#most += 100;
      refresh();
    };
  }

  update(moment, frames) {
    const { shown, left } = moment.heap(frames, this.#most);
    const cards = shown.map((object) => this.#kept(object, moment));
    this.#cards = new Map(cards.map((card) => [card.object, card]));
    byId("heap").replaceChildren(
      ...cards.map((card) => card.element),
      ...(left ? [el("li", {}, el("button", { type: "button", onclick: this.showMore }, `${left.toLocaleString("en")} more`))] : []),
    );
    if (!shown.length) byId("heap").append(el("li", { className: "quiet" }, "No object with contents is reached from the frames."));
  }

  // The card of the step before, where nothing in it has changed.
  #kept({ number, contents }, moment) {
    const values = Array.from(contents.slice(0, MOST_HELD), (value) => this.recording.value(value, moment.number));
    const said = JSON.stringify([contents.length, ...values.map((value) => [value.value, value.text])]);
    const known = this.#cards.get(number);
    return known?.said === said ? known : { object: number, said, element: this.#card(number, contents, moment) };
  }

  #card(number, contents, moment) {
    const { recording } = this;
    const layout = recording.layoutOf(number);
    const value = recording.value(-number, moment.number);
    const isPaired = layout === "dict" || layout === "instance";
    const most = isPaired ? MOST_HELD : MOST_HELD * (2 / 3);
    const rows = [];
    for (let at = 0; at < Math.min(contents.length, most); at += isPaired ? 2 : 1) {
      const key = isPaired ? recording.value(contents[at], moment.number) : null;
      const held = recording.value(contents[isPaired ? at + 1 : at], moment.number);
      const label = layout === "instance" ? el("code", {}, visible(key.text.replace(/^'|'$/g, ""))) : isPaired ? chip(key) : el("code", {}, layout === "set" || layout === "cell" ? "" : String(at));
      rows.push(el("dt", {}, label), el("dd", {}, chip(held)));
    }
    if (contents.length > most) rows.push(el("dt", {}), el("dd", { className: "quiet" }, `… ${((contents.length - most) / (isPaired ? 2 : 1)).toLocaleString("en")} more`));
    return el(
      "li",
      { className: `held hue-${number % 8}`, "data-object": number },
      el("h3", {}, el("span", { className: "badge" }, `#${number}`), el("code", {}, ` ${visible(value.type)}`), el("small", {}, ` since step ${recording.columns.object_births[number].toLocaleString("en")}`)),
      el("dl", { className: "names" }, ...rows),
    );
  }
}
