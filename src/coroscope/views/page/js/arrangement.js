// What stands at each position of the timeline: all tasks, or those that are looked for, under the heads of their groups.
// An entry is a task's row, or a negative number for a group's head; -1 is neither.

const FIRST_HEAD = -2;

export function headOf(group) {
  return FIRST_HEAD - group;
}

// The group whose head an entry is, or -1.
export function groupOfHead(entry) {
  return entry <= FIRST_HEAD ? FIRST_HEAD - entry : -1;
}

export class Arrangement {
  #entries = null; // by position; null while each task stands at the position of its row
  #rowPositions = null;
  #headPositions = null;

  // `rows` are those to show, or null for all `count`; `groups` is null for none; `folded` holds the groups that show
  // only their heads.
  constructor(count, rows = null, groups = null, folded = new Set()) {
    this.taskCount = rows ? rows.length : count;
    this.counts = null; // tasks of each group, of those to show
    this.length = this.taskCount;
    if (groups) this.#set(count, this.#arrangeGroups(count, rows, groups, folded));
    else if (rows) this.#set(count, rows);
  }

  #arrangeGroups(count, rows, groups, folded) {
    const rowAt = (i) => (rows ? rows[i] : i);
    this.counts = new Uint32Array(groups.length);
    for (let i = 0; i < this.taskCount; i++) this.counts[groups.of[rowAt(i)]]++;
    this.#headPositions = new Int32Array(groups.length).fill(-1);
    const next = new Int32Array(groups.length);
    let length = 0;
    for (let group = 0; group < groups.length; group++) {
      if (!this.counts[group]) continue;
      this.#headPositions[group] = length;
      next[group] = length + 1;
      length += 1 + (folded.has(group) ? 0 : this.counts[group]);
    }
    const entries = new Int32Array(length);
    for (let group = 0; group < groups.length; group++) {
      if (this.counts[group]) entries[this.#headPositions[group]] = headOf(group);
    }
    for (let i = 0; i < this.taskCount; i++) {
      const group = groups.of[rowAt(i)];
      if (!folded.has(group)) entries[next[group]++] = rowAt(i);
    }
    return entries;
  }

  #set(count, entries) {
    this.#entries = entries;
    this.length = entries.length;
    this.#rowPositions = new Int32Array(count).fill(-1);
    for (let position = 0; position < entries.length; position++) {
      if (entries[position] >= 0) this.#rowPositions[entries[position]] = position;
    }
  }

  entryAt(position) {
    if (position < 0 || position >= this.length) return -1;
    return this.#entries ? this.#entries[position] : position;
  }

  positionOf(entry) {
    if (entry >= 0) return this.#rowPositions ? this.#rowPositions[entry] : entry;
    return this.#headPositions?.[groupOfHead(entry)] ?? -1;
  }

  // The first position from `position` on with a task, or -1.
  nextTask(position) {
    while (position < this.length && this.entryAt(position) < 0) position++;
    return position < this.length ? position : -1;
  }
}
