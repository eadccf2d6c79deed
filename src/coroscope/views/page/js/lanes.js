import { sumDeltas } from "./load.js";
import { lastNotAfter } from "./spans.js";

const INSTANT = 0;
const STILL_OPEN = 2;

// What happened beside the tasks' own steps, by its number: marks, regions, garbage collections. The items of a lane stand
// together, in order of their beginning: `first[lane]` up to `first[lane + 1]`.
export class Lanes {
  #byTime = null;

  constructor(facts, columns) {
    this.titles = facts.lanes.map(({ title }) => title);
    this.nouns = facts.lanes.map(({ noun }) => noun);
    this.first = [0];
    for (const { count } of facts.lanes) this.first.push(this.first.at(-1) + count);
    this.strings = facts.strings;
    this.start = sumDeltas(columns["item.start"]);
    this.length = columns["item.length"];
    this.kind = columns["item.kind"];
    this.textNumber = columns["item.text"];
    this.taskPlusOne = columns["item.task"];
    this.thread = columns["item.thread"];
    this.longest = this.titles.map((_, lane) => this.#longestOf(lane));
  }

  get count() {
    return this.start.length;
  }

  text(item) {
    return this.strings[this.textNumber[item]] ?? "";
  }

  end(item) {
    return this.start[item] + this.length[item];
  }

  row(item) {
    return this.taskPlusOne[item] - 1;
  }

  isInstant(item) {
    return this.kind[item] === INSTANT;
  }

  isOpen(item) {
    return this.kind[item] === STILL_OPEN;
  }

  lane(item) {
    return this.first.findIndex((first) => first > item) - 1;
  }

  // How far before a window an item may begin that still reaches into it.
  #longestOf(lane) {
    let longest = 0;
    for (let item = this.first[lane]; item < this.first[lane + 1]; item++) longest = Math.max(longest, this.length[item]);
    return longest;
  }

  // The items of a lane that may be seen between two times: [from, to).
  within(lane, start, end) {
    const [low, high] = [this.first[lane], this.first[lane + 1]];
    const from = lastNotAfter(this.start, start - this.longest[lane], low, high);
    return [from, this.start[from] > end ? from : lastNotAfter(this.start, end, from, high) + 1];
  }

  // All items of all lanes in order of time, worked out when first asked for.
  get byTime() {
    this.#byTime ??= Uint32Array.from(this.start.keys()).sort((a, b) => this.start[a] - this.start[b] || a - b);
    return this.#byTime;
  }

  // Which items have the text in them; null where all are meant.
  find(query) {
    if (!query) return null;
    const wanted = query.toLowerCase();
    const isWanted = this.strings.map((text) => text !== null && text.toLowerCase().includes(wanted));
    return Uint8Array.from(this.textNumber, (number) => (isWanted[number] ? 1 : 0));
  }
}
