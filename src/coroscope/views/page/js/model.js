import { Groups, groupingsOf } from "./groups.js";
import { Lanes } from "./lanes.js";
import { Layers } from "./layers.js";
import { sumDeltas } from "./load.js";
import { nounOf, sortOf } from "./nouns.js";
import { Phases } from "./phases.js";
import { Spans } from "./spans.js";
import { Stretches } from "./stretches.js";
import { ThreadNames } from "./threads.js";
import { Waits } from "./waits.js";

const DEEPEST_INDENT = 6;

// Everything the page knows, by row: tasks are rows in order of creation.
export class Model {
  #groups = new Map();
  #countedKinds; // by run, as numbers

  constructor({ facts, columns }) {
    this.facts = facts;
    this.columns = columns;
    this.count = columns["task.id"].length;
    this.duration = Math.max(1, facts.summary.duration);
    this.ids = sumDeltas(columns["task.id"]);
    this.spans = new Spans(columns);
    this.waits = new Waits(columns, this.spans);
    this.phases = new Phases(facts, columns);
    this.layers = new Layers(this.phases, this.spans);
    this.lanes = new Lanes(facts, columns);
    this.stretches = new Stretches(columns, this.count);
    this.depth = this.#depths();
    this.groupings = groupingsOf(facts);
    this.threadNames = new ThreadNames(this);
    this.#countedKinds = this.#kindsToCount();
    this.countedNoun = this.#nounOfRows((row) => this.isCounted(row)); // what one of those that are counted is called
    this.rowNoun = this.#nounOfRows(() => true); // what one of all rows is called
    this.chainPlace = facts.chains.map((chain) => this.#userPlace(chain));
    this.sampleTime = sumDeltas(columns["sample.time"]);
  }

  // A parent that was created later is none that can be drawn above: depth 0.
  #depths() {
    const parent = this.columns["task.parent"];
    const depth = new Uint8Array(this.count);
    for (let row = 0; row < this.count; row++) {
      if (parent[row] && parent[row] <= row) depth[row] = Math.min(DEEPEST_INDENT, depth[parent[row] - 1] + 1);
    }
    return depth;
  }

  // How the rows are grouped at first: runs that were put side by side are what there is to see.
  get firstGrouping() {
    return this.facts.runs.length ? "strategy" : "";
  }

  // The tasks grouped by one of `groupings`, worked out when first asked for.
  groups(by) {
    if (!this.#groups.has(by)) this.#groups.set(by, new Groups(this, by));
    return this.#groups.get(by);
  }

  // The innermost place of the user's own code, else the innermost of all; 0 for none.
  #userPlace(chain) {
    for (let i = chain.length - 1; i >= 0; i--) if (this.facts.places[chain[i]][3]) return chain[i];
    return chain.at(-1) ?? 0;
  }

  name(row) {
    const number = this.columns["task.nameNumber"][row];
    const prefix = this.facts.strings[this.columns["task.name"][row]] ?? "";
    return number ? prefix + (number - 1) : prefix;
  }

  coroutine(row) {
    return this.facts.strings[this.columns["task.coroutine"][row]] ?? "";
  }

  parent(row) {
    return this.columns["task.parent"][row] - 1;
  }

  isThread(row) {
    return this.facts.kinds[this.columns["task.kind"][row]] === "thread";
  }

  outcome(row) {
    return this.facts.outcomes[this.columns["task.outcome"][row]];
  }

  isProcess(row) {
    return this.facts.kinds[this.columns["task.kind"][row]] === "process";
  }

  // In a word or two how it ended: a process neither raises nor is cancelled, it has an exit code or is killed.
  ending(row) {
    return (this.isProcess(row) && this.exception(row)) || this.outcome(row);
  }

  exception(row) {
    return this.facts.strings[this.columns["task.exception"][row]];
  }

  // A place as an object, or null; `code` is the line's text where it could be read.
  place(number) {
    if (!number) return null;
    const [nameNumber, fileNumber, line, isUser] = this.facts.places[number];
    const file = this.facts.strings[fileNumber];
    const source = this.facts.sources[fileNumber];
    return { name: this.facts.strings[nameNumber], file, line, isUser: !!isUser, source };
  }

  waitPlace(wait) {
    return this.chainPlace[this.waits.chain[wait]];
  }

  waitsOn(wait) {
    return this.facts.strings[this.waits.on[wait]];
  }

  // The places that the watchdog saw inside a step, most often first: [chain, times].
  samplesIn(row, start, end) {
    const counts = new Map();
    for (let i = 0; i < this.sampleTime.length; i++) {
      const isInside = this.sampleTime[i] >= start && this.sampleTime[i] < end;
      if (!isInside || this.columns["sample.task"][i] !== row + 1) continue;
      const chain = this.columns["sample.chain"][i];
      counts.set(chain, (counts.get(chain) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  // What was waited for at each place of one row's waits, or at each of the user's own of all that are counted; longest in
  // total first.
  waitedPlaces(row = -1) {
    const places = new Map();
    const from = row < 0 ? 0 : this.waits.first[row];
    const to = row < 0 ? this.waits.start.length : this.waits.first[row + 1];
    for (let wait = from; wait < to; wait++) {
      const place = this.waitPlace(wait);
      if (!place || (row < 0 && !(this.isCounted(this.waits.row[wait]) && this.facts.places[place][3]))) continue;
      let entry = places.get(place);
      if (!entry) places.set(place, (entry = { place, count: 0, total: 0, longest: wait }));
      entry.count++;
      entry.total += this.waits.length(wait);
      if (this.waits.length(wait) > this.waits.length(entry.longest)) entry.longest = wait;
    }
    return [...places.values()].sort((a, b) => b.total - a.total);
  }

  shares(row) {
    return this.spans.rowTotals.map((totals) => totals[row]);
  }

  // Whether a row is one of those that are counted and added up: tasks or, where its run has none, threads. What a process
  // does as a whole is in rows of its own, and so is what a thread does that runs tasks. Of runs side by side, those without
  // tasks are counted by their processes.
  isCounted(row) {
    return this.#countedKinds[this.columns["task.run"][row]].has(this.columns["task.kind"][row]);
  }

  #kindsToCount() {
    const { kinds, runs } = this.facts;
    const [thread, process] = [kinds.indexOf("thread"), kinds.indexOf("process")];
    const tasks = new Set(kinds.keys());
    tasks.delete(thread);
    tasks.delete(process);
    const seen = Array.from({ length: runs.length + 1 }, () => new Set());
    for (let row = 0; row < this.count; row++) seen[this.columns["task.run"][row]].add(this.columns["task.kind"][row]);
    return seen.map((kindsOfRun, run) => {
      if ([...tasks].some((kind) => kindsOfRun.has(kind))) return tasks;
      return new Set([run && kindsOfRun.has(process) ? process : thread]);
    });
  }

  #nounOfRows(isMeant) {
    let sorts = 0;
    for (let row = 0; row < this.count; row++) if (isMeant(row)) sorts |= sortOf(this, row);
    return nounOf(sorts);
  }

  countTasks() {
    return this.columns["task.kind"].reduce((sum, _, row) => sum + this.isCounted(row), 0);
  }

  totalShares() {
    const add = (sum, value, row) => (this.isCounted(row) ? sum + value : sum);
    return this.spans.rowTotals.map((totals) => totals.reduce(add, 0));
  }
}
