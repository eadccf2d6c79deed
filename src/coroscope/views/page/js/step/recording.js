import { countUpTo, Positions } from "./numbers.js";
import { textOf } from "./words.js";

// A recording that can be asked how everything stood before any step, as stepper/moment.py answers it.
// Where each place and each object changed is known by its position, so that a step needs no other step's state. Only
// which frames there are is followed from event to event, from the last of the states kept every KEPT_EVERY events.

const KEPT_EVERY = 2048;
const WHOLE_EVERY = 64; // steps.py writes with the same number
const MOST_CONTENTS = 5000;
const FARTHEST_LINE = 50;
const NOTHING = 0;
const UNKNOWN = 1;
const OPAQUE = new Set(["opaque", "function"]);
const OF_EVERY_MODULE = new Set("__name__ __doc__ __package__ __loader__ __spec__ __annotations__ __annotate__ __builtins__ __file__ __cached__".split(" "));
const LEAVES = new Set(["YIELD_VALUE", "RETURN_GENERATOR", "ASYNC_GEN_WRAP"]);

export class Recording {
  #contents = new Map();
  #states = [{ event: 0, stacks: new Map(), suspended: new Set() }];

  constructor(columns) {
    this.columns = columns;
    this.facts = columns.facts;
    this.codes = columns.facts.codes;
    this.count = columns.instructions.length;
    this.firsts = Int32Array.from(this.codes, (code) => code.first);
    const places = columns.places.reduce((most, place) => Math.max(most, place), 0) + 1;
    this.byPlace = new Positions(columns.places, places);
    this.byObject = new Positions(columns.content_objects, columns.object_types.length);
    this.byDeath = new Positions(columns.object_deaths, columns.object_deaths.reduce((most, step) => Math.max(most, step), 0) + 1);
    this.frameOfGenerator = new Map([...columns.frame_generators].map((object, frame) => [object, frame]));
    this.runsOfFrame = new Positions(columns.run_frames, columns.frame_codes.length);
    this.kinds = Object.fromEntries(columns.facts.kinds.map((kind, number) => [kind, number]));
    this.placeCount = places;
    this.switches = this.#taskSwitches();
  }

  word(number) {
    return this.facts.words[number];
  }

  // Of each thread, when which task went on.
  #taskSwitches() {
    const { event_kinds, event_steps, event_threads, event_values } = this.columns;
    const switches = new Map();
    for (let event = 0; event < event_kinds.length; event++) {
      if (event_kinds[event] !== this.kinds["task switch"]) continue;
      const thread = event_threads[event];
      if (!switches.has(thread)) switches.set(thread, { steps: [], tasks: [] });
      switches.get(thread).steps.push(event_steps[event]);
      switches.get(thread).tasks.push(event_values[event]);
    }
    return switches;
  }

  // The task that ran; 0 if none.
  taskAt(thread, step) {
    const switches = this.switches.get(thread);
    const at = switches ? countUpTo(switches.steps, step) - 1 : -1;
    return at < 0 ? 0 : switches.tasks[at];
  }

  // The step at which a task had its first turn.
  firstTurnOf(task) {
    if (!this.firstTurns) {
      this.firstTurns = new Map();
      for (const { steps, tasks } of this.switches.values()) {
        tasks.forEach((number, at) => this.firstTurns.set(number, Math.min(steps[at], this.firstTurns.get(number) ?? Infinity)));
      }
    }
    return this.firstTurns.get(task) ?? Infinity;
  }

  // Where a step is

  runOf(step) {
    return countUpTo(this.columns.run_steps, step) - 1;
  }

  frameOf(step) {
    return this.columns.run_frames[this.runOf(step)];
  }

  codeOf(frame) {
    return this.codes[this.columns.frame_codes[frame]];
  }

  // The code and the instruction's index in it.
  instructionOf(step) {
    const number = this.columns.instructions[step];
    const code = this.codes[countUpTo(this.firsts, number) - 1];
    return { code, index: number - code.first };
  }

  // Whether the frame has been suspended with that step.
  hasLeft(step) {
    const { code, index } = this.instructionOf(step);
    return LEAVES.has(this.word(code.opcode[index]));
  }

  lastStepOf(frame, before) {
    const { run_steps: starts } = this.columns;
    const run = this.runsOfFrame.last(frame, before - 1, starts);
    if (run < 0) return -1;
    return Math.min(run + 1 < starts.length ? starts[run + 1] : this.count, before) - 1;
  }

  // The first one of a frame after `after`; -1: there is none.
  nextStepOf(frame, after) {
    const { run_steps: starts } = this.columns;
    const run = this.runOf(after);
    const end = run + 1 < starts.length ? starts[run + 1] : this.count;
    if (this.columns.run_frames[run] === frame && after + 1 < end) return after + 1;
    const next = this.runsOfFrame.following(frame, after, starts);
    return next < 0 ? -1 : starts[next];
  }

  // What a place or an object holds

  valueAt(place, step, missing) {
    if (place >= this.placeCount) return missing;
    const change = this.byPlace.last(place, this.columns.ends[step] - 1);
    return change < 0 ? missing : this.columns.changes[change];
  }

  // null: nothing is known.
  contentsOf(object, step) {
    const change = this.byObject.last(object, step, this.columns.content_steps);
    if (change < 0) return null;
    const known = this.#contents.get(change);
    if (known) return known;
    if (this.#contents.size > MOST_CONTENTS) this.#contents.clear();
    const contents = this.#readContents(object, change);
    this.#contents.set(change, contents);
    return contents;
  }

  // From the object's last change that has all of it.
  #readContents(object, last) {
    const { content_heads: heads, content_tails: tails, content_sizes: sizes, contentEnds: ends, contents: all } = this.columns;
    const { items, first } = this.byObject;
    let position = countUpTo(items, last, first[object], first[object + 1]) - 1;
    position -= (position - first[object]) % WHOLE_EVERY;
    let contents = [];
    for (; position < first[object + 1] && items[position] <= last; position++) {
      const change = items[position];
      const middle = all.subarray(ends[change] - sizes[change], ends[change]);
      contents = [...contents.slice(0, heads[change]), ...middle, ...contents.slice(contents.length - tails[change])];
    }
    return contents;
  }

  layoutOf(object) {
    return this.word(this.columns.object_layouts[object]);
  }

  // Whether it is shown with what it holds; of others there is no more to show than that they are there.
  isHolder(object) {
    return !OPAQUE.has(this.layoutOf(object));
  }

  // What the step before this one has done to objects that can be looked into, a generator where its frame is recorded: which of
  // those that are reached now are met for the first time, which hold something else, and which objects are gone.
  newsAt(step, reached) {
    if (step === 0) return { born: [], changed: [], died: [] };
    const { object_births: births, content_steps: steps, content_objects: objects } = this.columns;
    const isOpen = (object) => this.isHolder(object) || this.frameOfGenerator.has(object);
    const born = [];
    for (let object = countUpTo(births, step - 1); births[object] === step; object++) if (reached.has(object) && isOpen(object)) born.push(object);
    const changed = new Set();
    for (let change = countUpTo(steps, step - 1); steps[change] === step; change++) {
      const object = objects[change];
      if (births[object] < step && reached.has(object)) changed.add(object);
    }
    return { born, changed: [...changed], died: [...this.byDeath.of(step)].filter((object) => isOpen(object) && !reached.has(object)) };
  }

  typeOf(value) {
    const { columns } = this;
    return this.word(value < 0 ? columns.object_types[-value] : columns.value_types[value]);
  }

  value(value, step) {
    return { value, text: textOf(this, value, step), type: this.typeOf(value), object: value < 0 ? -value : 0 };
  }

  // Which frames run and which are suspended

  stateAt(step) {
    const { event_steps: steps } = this.columns;
    const end = countUpTo(steps, step);
    while (this.#states.length * KEPT_EVERY <= end) {
      this.#states.push(this.#follow(this.#states.at(-1), this.#states.length * KEPT_EVERY));
    }
    return this.#follow(this.#states[Math.floor(end / KEPT_EVERY)], end);
  }

  #follow(state, end) {
    const { event_kinds, event_frames, event_threads } = this.columns;
    const { kinds } = this;
    const stacks = new Map([...state.stacks].map(([thread, stack]) => [thread, stack.slice()]));
    const suspended = new Set(state.suspended);
    for (let event = state.event; event < end; event++) {
      const kind = event_kinds[event];
      if (kind >= kinds["c call"] || kind === kinds.raise || kind === kinds.handle) continue;
      const [frame, thread] = [event_frames[event], event_threads[event]];
      if (!stacks.has(thread)) stacks.set(thread, []);
      const stack = stacks.get(thread);
      if (kind === kinds.call || kind === kinds.resume || kind === kinds.throw) {
        if (kind !== kinds.call) suspended.delete(frame);
        stack.push(frame);
        continue;
      }
      if (stack.at(-1) === frame) stack.pop();
      else if (stack.includes(frame)) stacks.set(thread, stack.filter((other) => other !== frame));
      if (kind === kinds.yield || kind === kinds.create) suspended.add(frame);
      else suspended.delete(frame);
    }
    return { event: end, stacks, suspended };
  }

  at(step) {
    return new Moment(this, step);
  }

  // What happened with exactly so many steps before it.
  eventsAt(position) {
    const { event_steps: steps } = this.columns;
    const events = [];
    for (let event = countUpTo(steps, position - 1); steps[event] === position; event++) events.push(this.event(event));
    return events;
  }

  event(number) {
    const { columns, facts } = this;
    const kind = facts.kinds[columns.event_kinds[number]];
    const raw = columns.event_values[number];
    const hasValue = columns.event_kinds[number] < this.kinds.output && raw !== 0;
    return {
      kind,
      frame: columns.event_frames[number],
      thread: columns.event_threads[number],
      value: hasValue ? this.value(raw, columns.event_steps[number]) : null,
      text: kind === "output" ? facts.output[raw][2] : "",
      task: kind === "task switch" ? raw : 0,
    };
  }
}

// How everything stood before one step.
export class Moment {
  #frames = null;

  constructor(recording, step) {
    this.recording = recording;
    this.number = step;
    Object.assign(this, recording.instructionOf(step));
    const run = recording.runOf(step);
    this.frameNumber = recording.columns.run_frames[run];
    this.thread = recording.columns.run_threads[run];
    this.state = recording.stateAt(step);
    this.frame = this.frameAt(this.frameNumber, "running", step);
  }

  get line() {
    return this.code.lines[this.index];
  }

  // The line, or of an instruction that the compiler gave none, its handler's, or else the last one that the frame was on.
  get nearestLine() {
    const { recording } = this;
    let line = this.line ?? this.code.handlerLines[this.index] ?? null;
    let step = this.number;
    for (let left = FARTHEST_LINE; line === null && left && step >= 0; left--) {
      step = recording.lastStepOf(this.frameNumber, step);
      if (step < 0) return null;
      const { code, index } = recording.instructionOf(step);
      line = code.lines[index];
    }
    return line;
  }

  // The numbers of the running frame, its callers from the nearest on, other threads' and then the suspended ones.
  get order() {
    if (this.#frames) return this.#frames;
    const { stacks, suspended } = this.state;
    const own = stacks.get(this.thread) ?? [];
    const running = own.slice().reverse();
    for (const [thread, stack] of stacks) if (thread !== this.thread) running.push(...stack.slice().reverse());
    const current = this.frameNumber;
    this.callers = own.filter((number) => number !== current).length;
    this.#frames = [
      { number: current, state: "running" },
      ...running.filter((number) => number !== current).map((number, at) => ({ number, state: at < this.callers ? "waiting" : "other" })),
      ...[...suspended].filter((number) => number !== current).map((number) => ({ number, state: "suspended" })),
    ];
    return this.#frames;
  }

  depthOf(number, step) {
    const { recording } = this;
    if (number === this.frameNumber) return this.code.depth[this.index] ?? 0;
    if (step < 0) return 0;
    const { code, index } = recording.instructionOf(step);
    const leaves = LEAVES.has(recording.word(code.opcode[index]));
    // One that only hands an exception on waits with the stack that it was suspended with.
    if (!leaves && !this.state.suspended.has(number)) return code.below[index];
    return Math.max(0, (code.depth[index] ?? 0) - (leaves ? 1 : 0));
  }

  frameAt(number, state, lastStep = this.recording.lastStepOf(number, this.number)) {
    const { recording } = this;
    const code = recording.codeOf(number);
    const base = recording.columns.frame_bases[number];
    const first = base + code.locals.length;
    const stack = [];
    if (recording.facts.isSymbolic === null) {
      const depth = this.depthOf(number, lastStep);
      for (let place = first; place < first + depth; place++) stack.push(recording.value(recording.valueAt(place, this.number, UNKNOWN), this.number));
    }
    const index = lastStep < 0 ? -1 : recording.instructionOf(lastStep).index;
    const { locals, cells } = this.#names(number, code, base);
    return {
      number, code, state, index, stack, locals, cells,
      step: lastStep,
      line: index < 0 ? null : code.lines[index],
      thread: recording.columns.frame_threads[number],
      task: this.taskOf(number, lastStep),
      isKnown: recording.facts.isSymbolic === null,
    };
  }

  // The one that it last ran in: who makes a coroutine need not be who runs it.
  taskOf(number, lastStep) {
    if (lastStep < 0 || !this.recording.columns.frame_tasks[number]) return 0; // begun outside of any
    const { code, index } = this.recording.instructionOf(lastStep);
    if (number !== this.frameNumber && this.recording.word(code.opcode[index]) === "RETURN_GENERATOR") return 0;
    return this.recording.taskAt(this.recording.columns.frame_threads[number], lastStep);
  }

  #names(number, code, base) {
    const { recording } = this;
    const [locals, cells] = [new Map(), new Map()];
    code.locals.forEach((name, slot) => {
      const value = recording.valueAt(base + slot, this.number, NOTHING);
      if (!value) return;
      if (value < 0 && recording.layoutOf(-value) === "cell" && code.cells.includes(name)) {
        cells.set(name, recording.value(value, this.number));
        const held = recording.contentsOf(-value, this.number);
        if (held?.length) locals.set(name, recording.value(held[0], this.number));
      } else locals.set(name, recording.value(value, this.number));
    });
    const names = recording.columns.frame_names[number];
    const contents = names ? recording.contentsOf(names, this.number) ?? [] : [];
    for (let at = 0; at + 1 < contents.length; at += 2) {
      const name = contents[at] > 0 ? recording.facts.texts[contents[at]].replace(/^'+|'+$/g, "") : "";
      if (name && !(code.kind === "module" && OF_EVERY_MODULE.has(name))) locals.set(name, recording.value(contents[at + 1], this.number));
    }
    return { locals, cells };
  }

  // The first ones of the order.
  frames(most) {
    return this.order.slice(0, most).map(({ number, state }) => (number === this.frameNumber ? this.frame : this.frameAt(number, state)));
  }

  // The objects that are reached from these frames, the nearest first, with what they hold; and the numbers of all that are.
  heap(frames, most) {
    const { recording } = this;
    const found = new Set();
    const reached = [];
    const add = (value) => {
      if (value >= 0 || found.has(-value)) return;
      found.add(-value);
      reached.push(-value);
    };
    for (const frame of frames) {
      for (const value of [...frame.stack].reverse()) add(value.value);
      for (const held of [...frame.locals.values(), ...frame.cells.values()]) add(held.value);
    }
    const shown = [];
    let left = 0;
    for (let at = 0; at < reached.length; at++) {
      const contents = recording.contentsOf(reached[at], this.number);
      if (!contents || !recording.isHolder(reached[at])) continue;
      if (shown.length < most) shown.push({ number: reached[at], contents });
      else left++;
      for (const value of contents) add(value);
      if (reached.length > 20000) break;
    }
    return { shown, left, reached: found };
  }

  // The end of what has been written, in pieces of one stream each.
  output(most) {
    const { output } = this.recording.facts;
    let [low, high] = [0, output.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (output[middle][0] <= this.number) low = middle + 1;
      else high = middle;
    }
    const pieces = [];
    let length = 0;
    let at = low - 1;
    for (; at >= 0 && length < most; at--) {
      pieces.unshift({ stream: output[at][1], text: output[at][2] });
      length += output[at][2].length;
    }
    return { pieces, isCut: at >= 0 };
  }
}
