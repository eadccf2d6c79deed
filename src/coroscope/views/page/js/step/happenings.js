import { el } from "../dom.js";
import { callArguments } from "./arguments.js";
import { chip } from "./chips.js";
import { targetLine } from "./instructions.js";
import { inFewWords, visible } from "./words.js";

// What is said of a step. The words are in the data, as views/step_words.py has them; the rules are those of
// terminal/telling.py. What is told has a kind and pieces: texts, and values.

const MOST_TOLD = 12;
const MOST_DROPPED = 8;
const ENDINGS = new Set(["StopIteration", "StopAsyncIteration"]);
const OPPOSITES = { true: "false", false: "true", none: "not none", not_none: "none" };
const ESCAPES = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

export class Telling {
  constructor(recording) {
    this.recording = recording;
    this.patterns = recording.facts.tellings;
  }

  // What has happened just before a step, and what the frame's last instruction has done.
  before({ number, frameNumber, frame }) {
    const last = this.recording.lastStepOf(frameNumber, number);
    return [...this.#events(number), ...(last < 0 ? [] : this.#outcome(this.recording.at(last).frame, frame, number > last + 1))];
  }

  // What happens before the next step, and what the instruction has done once its frame goes on.
  leadsTo({ number, frameNumber, frame }) {
    const next = this.recording.nextStepOf(frameNumber, number);
    return [...this.#sent(frame), ...this.#events(number + 1), ...(next < 0 ? [] : this.#outcome(frame, this.recording.at(next).frame))];
  }

  #fill(key, parts = {}) {
    return this.patterns[key].split(/\{(\w+)\}/).flatMap((piece, at) => (at % 2 ? parts[piece] : piece || []));
  }

  // Events

  #events(position) {
    const events = joined(this.recording.eventsAt(position));
    return events.map((event, at) => ({ kind: event.kind, pieces: this.#event(event, position, events[at - 1]?.kind, events[at + 1]) }));
  }

  #event(event, position, before, after) {
    const { kind } = event;
    const parts = { frame: event.frame < 0 ? [] : this.#name(event.frame), value: event.value ?? [] };
    if (kind === "call") {
      const values = this.#arguments(event, position);
      return this.#fill(values.length ? "call with" : kind, { ...parts, arguments: values });
    }
    if (kind === "c call") {
      const values = this.#callsWith(event, position);
      return this.#fill(values.length ? "c call with" : kind, { ...parts, arguments: values });
    }
    if (kind === "c return") return [...this.#fill(kind, parts), ...this.#changedBy(event, position)];
    if (kind === "resume" && this.#beginsUnmade(event, position)) {
      const values = this.#arguments(event, position);
      return this.#fill(values.length ? "begin with" : "begin", { ...parts, arguments: values });
    }
    if (kind === "resume") {
      const sent = this.#following(event, position)?.frame.stack.at(-1);
      return this.#fill(sent ? "resume with" : kind, { ...parts, value: sent });
    }
    if (kind === "task switch") {
      const task = this.recording.facts.tasks.find(([number]) => number === event.task);
      return task ? this.#fill(kind, { task: task[1] }) : this.#fill("task left");
    }
    if (kind === "yield" && before === "yield") return this.#fill("yield on", parts); // past its own instructions
    if (kind === "throw" && after?.kind === "throw") return this.#fill("throw on", parts);
    if (kind === "throw") {
      const waiter = this.#closedFor(event, position, after?.value);
      if (waiter !== undefined) return this.#fill("throw first", { ...parts, waiter: this.#name(waiter) });
    }
    if (kind === "handle") return [...this.#fill(kind, parts), ...this.#handler(event, position)];
    if (kind === "raise" && this.#endsIteration(event, position)) return this.#fill("raise end", parts);
    if (kind === "raise" && before === "unwind") return this.#fill("raise on", parts); // it comes from a frame that it has left
    if (kind === "output") return this.#fill(kind, { text: asRepr(event.text) });
    return this.#fill(kind, parts);
  }

  #callsWith(event, position) {
    return listed(this.#argumentsOf(event, position));
  }

  // What a call has been given, and holds something else once it is over.
  #changedBy(event, position) {
    return this.#argumentsOf(event, position).flatMap((pieces) => {
      const before = pieces.at(-1);
      const after = this.recording.value(before.value, position);
      return after.text === before.text ? [] : this.#fill("c changed", { before, after });
    });
  }

  // What the frame's last instruction before the event has called with.
  #argumentsOf(event, position) {
    const { recording } = this;
    const last = event.frame < 0 ? -1 : recording.lastStepOf(event.frame, position);
    return last < 0 ? [] : callArguments(recording, recording.at(last).frame);
  }

  // Whether a generator runs for the first time, and nobody has seen it made.
  #beginsUnmade(event, position) {
    const first = this.#following(event, position);
    if (!first || this.recording.lastStepOf(event.frame, position) >= 0) return false;
    return first.index > 0 && this.#opcodeOf({ code: first.code, index: first.index - 1 }) === "RETURN_GENERATOR";
  }

  // The suspended frame that delegates to this one, which is closed before it.
  #closedFor(event, position, thrown) {
    const { recording } = this;
    const generator = recording.columns.frame_generators[event.frame];
    if (thrown?.type !== "GeneratorExit" || !generator) return undefined;
    const moment = recording.at(Math.min(position, recording.count - 1));
    return moment.order.find(({ number, state }) => {
      if (state !== "suspended") return false;
      const { code, index, stack } = moment.frameAt(number, state);
      return index > 0 && this.#opcodeOf({ code, index: index - 1 }) === "SEND" && stack.slice(-2).some(({ object }) => object === generator);
    })?.number;
  }

  // Whether the exception is what an iterator, or what is awaited, ends by.
  #endsIteration(event, position) {
    const { recording } = this;
    if (!ENDINGS.has(event.value?.type)) return false;
    const last = recording.lastStepOf(event.frame, position);
    if (last < 0) return false;
    return ["SEND", "FOR_ITER"].includes(this.#opcodeOf(recording.instructionOf(last)));
  }

  #name(frame) {
    return this.#fill("frame", { name: this.recording.codeOf(frame).name.split("<locals>.").at(-1), number: String(frame) });
  }

  // The moment right after an event, if it is of the event's frame.
  #following(event, position) {
    const { recording } = this;
    return position < recording.count && recording.frameOf(position) === event.frame ? recording.at(position) : null;
  }

  #arguments(event, position) {
    const first = this.#following(event, position);
    if (!first || this.recording.columns.frame_names[event.frame]) return [];
    const own = new Set(first.code.locals.slice(0, first.code.own));
    const taken = [...first.frame.locals].filter(([name]) => own.has(name));
    return listed(taken.map(([name, value]) => [`${name}=`, value]));
  }

  // Where the handler is, and what becomes of the stack.
  #handler(event, position) {
    const first = this.#following(event, position);
    if (!first) return [];
    const raised = this.recording.lastStepOf(event.frame, position);
    const by = raised < 0 ? null : this.recording.instructionOf(raised);
    const isThrown = by !== null && this.#opcodeOf(by) === "YIELD_VALUE";
    return this.#handled(this.#stackAtRaise(event.frame, position), first.frame, by, isThrown);
  }

  #opcodeOf({ code, index }) {
    return this.recording.word(code.opcode[index]);
  }

  #handled(was, { code, index, stack: now }, by, isThrown = false) {
    const again = by && this.#opcodeOf(by) === "RERAISE" ? (by.code.arg[by.index] ?? 0) : 0;
    const line = code.handlerLines[index];
    const where = !line ? "handler" : code.lines[index] ? "handler on line" : "handler before line";
    const told = this.#fill(where, { offset: String(code.offset[index]), line: String(line) });
    if (!now.length || !was) return told;
    const [kept, hasPlace] = keptOf(was, now, again);
    const dropped = was.slice(kept).map((value) => [value.object ? { ...value, text: inFewWords(value.text) } : value]);
    if (dropped.length > MOST_DROPPED) dropped.splice(MOST_DROPPED - 1, Infinity, this.#fill("more", { number: String(dropped.length - MOST_DROPPED + 1) }));
    const pushed = now.slice(kept).map((value) => [value]);
    const [[first]] = pushed;
    if (hasPlace) pushed[0] = this.#fill("place", { value: first, offset: String(2 * Number(first.text)) });
    else if (isThrown && pushed.length > 1 && first.text === "None") pushed[0] = this.#fill("unsent", { value: first });
    if (dropped.length) told.push(...this.#fill("dropped", { values: listed(dropped) }));
    return [...told, ...this.#fill("pushed", { values: listed(pushed) })];
  }

  #stackAtRaise(frame, before) {
    const { recording } = this;
    const raised = recording.lastStepOf(frame, before);
    if (raised < 0) return null;
    const moment = recording.at(raised);
    if (!moment.frame.isKnown) return null;
    // What it has handed to others is on its stack no more: its top where it was suspended, or what it called with.
    if (this.#opcodeOf(moment) === "YIELD_VALUE") return moment.frame.stack.slice(0, -1);
    return raised < before - 1 ? moment.frame.stack.slice(0, moment.code.below[moment.index]) : moment.frame.stack;
  }

  // Instructions

  #deedOf({ code, index }) {
    return this.recording.word(code.deed[index]).split(" ");
  }

  #sent(frame) {
    const name = frame.code.cleared[frame.index];
    if (name) return [{ kind: "deed", pieces: this.#fill("clears", { name }) }];
    const [what, depth] = this.#deedOf(frame);
    if (what !== "send" || frame.stack.length < depth) return [];
    return [{ kind: "deed", pieces: this.#fill("sent", { value: frame.stack.at(-1), receiver: frame.stack.at(-depth) }) }];
  }

  // `isLate`: it is told behind what has run in between, so the instruction is named.
  #outcome(frame, after, isLate = false) {
    const [what, ...parts] = this.#deedOf(frame);
    const { code, index } = frame;
    if (!what) return [];
    if (code.isHandler[after.index]) {
      // Of a PUSH_EXC_INFO an event tells.
      const isTold = what !== "raise" || this.#opcodeOf(after) === "PUSH_EXC_INFO";
      return isTold ? [] : [{ kind: "handle", pieces: this.#raisedAgain(frame, after) }];
    }
    const goesOn = after.index === index + 1;
    const jumps = code.offset[after.index] === code.target[index];
    if (goesOn === jumps || what === "raise") return [];
    if (what === "change") return this.#changedContainer(Number(parts[0]), frame, after);
    if (what === "store" || what === "delete" || what === "set") return goesOn ? this.#named(what, parts, frame) : [];
    const why = this.#why(what, parts, jumps, frame.stack, after.stack);
    const which = isLate ? this.#fill("of", { instruction: this.recording.word(code.opcode[index]), step: String(frame.step) }) : [];
    return [{ kind: "deed", pieces: [...which, ...why, ...(jumps ? this.#fill("jumps", { where: this.#where(code, index) }) : this.#fill("stays"))] }];
  }

  #raisedAgain(frame, handler) {
    return [...this.#fill("handle", { value: handler.stack.at(-1) ?? "" }), ...this.#handled(frame.isKnown ? frame.stack : null, handler, frame)];
  }

  // What it holds now, where none of the frame's names shows that.
  #changedContainer(at, frame, after) {
    const owner = frame.stack.at(-at);
    if (!owner?.object || [...after.locals.values()].some(({ object }) => object === owner.object)) return [];
    const now = this.recording.value(owner.value, after.step);
    return now.text === owner.text ? [] : [{ kind: "deed", pieces: this.#fill("now", { before: owner, after: now }) }];
  }

  #named(what, names, frame) {
    const { stack } = frame;
    const told = (key, parts) => ({ kind: "deed", pieces: this.#fill(key, parts) });
    if (what === "delete") return [told("deleted", { name: names[0] })];
    if (what === "set") return stack.length < 2 ? [] : [told("set", { owner: stack.at(-1), name: names[0], value: stack.at(-2) })];
    return names.slice(0, stack.length).flatMap((name, at) => {
      const value = stack.at(-1 - at);
      if (value.text !== "NULL") return [told("stored", { name, value })];
      return frame.locals.has(name) ? [told("deleted", { name })] : [];
    });
  }

  #why(what, [first], jumps, was, now) {
    if (what === "next" && jumps) return this.#fill("no item");
    if (what === "if") return was.length ? this.#condition(first, jumps, was.at(-1)) : [];
    if (!now.length || !was.length) return [];
    if (what === "next") return this.#fill("item", { value: now.at(-1) });
    return this.#fill(jumps ? "has returned" : "has yielded", { receiver: was.at(-first), value: now.at(-1) });
  }

  #condition(when, jumps, value) {
    if ((when === "true" || when === "false") && ["True", "False", "None"].includes(value.text)) return this.#fill("is", { value });
    return this.#fill(`is ${jumps ? when.replace("_", " ") : OPPOSITES[when]}`, { value });
  }

  #where(code, index) {
    const target = code.target[index];
    const line = targetLine(code, index);
    if (line && line === code.lines[index]) return this.#fill(target > code.offset[index] ? "ahead" : "back");
    return line ? this.#fill("to line", { line: String(line) }) : this.#fill("to offset", { offset: String(target) });
  }
}

// What is written in several pieces is told as one.
function joined(events) {
  const told = [];
  for (const event of events) {
    const last = told.at(-1);
    if (event.kind === "output" && last?.kind === "output" && last.thread === event.thread) told[told.length - 1] = { ...last, text: last.text + event.text };
    else told.push(event);
  }
  return told;
}

function listed(items) {
  return items.flatMap((item, at) => (at ? [", ", ...item] : item));
}

// How many of the values an exception has left on the stack, and whether the place of the raise lies above them.
// The exception lies on top. What is thrown into a suspended frame pushes None first, which a handler may keep.
// What raises again has taken the place from so far below its top, 0 for none: it is the same number then.
function keptOf(was, now, again) {
  const below = now.slice(0, -1);
  if (again && below.length === was.length - again && below.at(-1)?.type === "int" && below.at(-1).value === was.at(-1 - again).value) return [below.length - 1, true];
  const differing = below.findIndex((value, at) => value.value !== was[at]?.value);
  const kept = differing < 0 ? below.length : differing;
  return [kept, kept === below.length - 1 && below[kept].type === "int"];
}

// As `repr` writes a text.
function asRepr(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (char) => ESCAPES[char]);
  return quote + escaped.replaceAll(quote, `\\${quote}`) + quote;
}

export function showTold(told) {
  const items = told.slice(0, MOST_TOLD).map(({ kind, pieces }) => {
    const shown = pieces.map((piece) => (typeof piece === "string" ? visible(piece) : chip(piece)));
    return el("li", { className: `event ${kind.replace(" ", "-")}` }, ...shown);
  });
  if (told.length > MOST_TOLD) items.push(el("li", {}, `and ${told.length - MOST_TOLD} more`));
  return items;
}

export function taskName(recording, number) {
  const task = recording.facts.tasks.find(([other]) => other === number);
  return task ? `task ${visible(task[1])}` : "no task";
}
