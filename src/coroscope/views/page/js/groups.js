import { duration, placeName } from "./format.js";
import { nounOf, sortOf } from "./nouns.js";

// By what rows can be grouped, and the columns that the tasks of one group have in common.
const COLUMNS = {
  strategy: ["task.run"],
  process: ["task.process"],
  thread: ["task.process", "task.thread"],
  loop: ["task.loop"],
  parent: ["task.parent"],
  coroutine: ["task.coroutine", "task.file", "task.line"],
};
const GROUPINGS = Object.keys(COLUMNS);

// Only runs that were put side by side have strategies.
export function groupingsOf(facts) {
  return GROUPINGS.filter((by) => by !== "strategy" || facts.runs.length);
}

// The tasks in groups, numbered in order of their first task: `of[row]` is a task's group.
export class Groups {
  constructor(model, by) {
    this.model = model;
    this.by = by;
    this.of = numberTogether(COLUMNS[by].map((name) => model.columns[name]));
    const first = [];
    const counts = [];
    const sorts = [];
    for (let row = 0; row < this.of.length; row++) {
      if (this.of[row] === first.length) first.push(row);
      counts[this.of[row]] = (counts[this.of[row]] ?? 0) + 1;
      sorts[this.of[row]] |= sortOf(model, row);
    }
    this.first = first; // the first row of each group
    this.counts = counts;
    this.sorts = sorts; // of what sorts its rows are
  }

  get length() {
    return this.first.length;
  }

  // What its rows are called.
  noun(group) {
    return nounOf(this.sorts[group]);
  }

  // The group of a run, which counts from 1; -1 where nothing of it was recorded.
  ofRun(run) {
    return this.first.findIndex((row) => this.model.columns["task.run"][row] === run);
  }

  title(group) {
    const { columns, facts } = this.model;
    const row = this.first[group];
    const number = (column) => columns[`task.${column}`][row];
    if (this.by === "strategy") return facts.runs[number("run") - 1]?.name ?? "of no strategy";
    if (this.by === "process") return [`process ${number("process")}`, facts.summary.processes[number("process")]].filter(Boolean).join(" · ");
    if (this.by === "thread") return `process ${number("process")}, ${this.model.threadNames.of(number("thread"))}`;
    if (this.by === "loop" && this.model.isThread(row)) return "threads";
    if (this.by === "loop") return [`loop ${number("loop")}`, facts.summary.loops[number("loop")]].filter(Boolean).join(" · ");
    if (this.by === "coroutine") return this.model.coroutine(row) || "(no name)";
    const parent = this.model.parent(row);
    return parent < 0 ? "created by no task" : `created by ${this.model.name(parent)}`;
  }

  // What tells two groups of the same title apart; of a run, how long it took.
  detail(group) {
    const { columns, facts } = this.model;
    const row = this.first[group];
    if (this.by === "strategy") return duration(facts.runs[columns["task.run"][row] - 1]?.duration ?? 0);
    const file = facts.strings[columns["task.file"][row]];
    return this.by === "coroutine" && file ? placeName({ file, line: columns["task.line"][row] }) : "";
  }
}

// Rows with equal values in all columns get the same number, counted in order of appearance.
function numberTogether(columns) {
  const none = new Uint32Array(columns[0].length);
  return columns.reduce(numberPairs, none);
}

function numberPairs(numbers, column) {
  const known = new Map();
  const paired = new Uint32Array(numbers.length);
  for (let row = 0; row < numbers.length; row++) {
    const pair = numbers[row] * 2 ** 32 + column[row]; // exact: there are fewer than 2 ** 21 numbers
    let number = known.get(pair);
    if (number === undefined) known.set(pair, (number = known.size));
    paired[row] = number;
  }
  return paired;
}
