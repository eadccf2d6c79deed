import { byId, el } from "../dom.js";
import { chip, hueOf, reference } from "./chips.js";
import { visible } from "./words.js";

// The objects that are reached at a step, each a card with what it holds, and what has become of them since the step before.
// Rule: cards stand in the order of their numbers, so that none moves only because another slot refers to it.
// Costs: the browser's layout of cards is the most of a step's. So those out of view are bare, about as high as they will be,
// and filled when no step has come for a while.

const MOST_ITEMS = 16;
const MOST_PAIRS = 12;
const MOST_FARTHER = 4;
const MOST_RECORDED = 100; // of an object's items or pairs; stepper/values.py has the same number
const MOST_NAMED = 3;
const MOST_FRAMES = 200; // that are looked through for what has gone
const REST_MS = 120;
const HEAD_PX = 30;
const ROW_PX = 22;
const PAIRED = new Set(["dict", "instance"]);
const UNNUMBERED = new Set(["set", "cell"]);

export class Heap {
  #most = 30;
  #cards = new Map();
  #followed = null;
  #bare = [];
  #waiting = 0;
  onFilled = () => {};

  constructor(recording, refresh) {
    this.recording = recording;
    addEventListener("scroll", () => this.#fillInView(), { capture: true, passive: true });
    this.showMore = () => {
      this.#most += 100;
      refresh();
    };
  }

  update(moment, frames) {
    const { shown, left, reached } = moment.heap(frames, this.#most);
    const news = this.recording.newsAt(moment.number, reached);
    news.died = news.died.length ? this.#seenBefore(moment.number, news.died) : [];
    shown.sort((one, other) => one.number - other.number);
    const cards = shown.map((object) => this.#kept(object, moment, news));
    this.#cards = new Map(cards.map((card) => [card.object, card]));
    this.#place([
      ...cards.map((card) => card.element),
      ...(left ? [el("li", {}, el("button", { type: "button", onclick: this.showMore }, `${left.toLocaleString("en")} more`))] : []),
      ...(shown.length ? [] : [el("li", { className: "quiet" }, "None of the objects that the frames lead to has contents to be shown.")]),
    ]);
    this.#tell(news);
    const followed = [...news.changed, ...news.born, moment.frame.stack.at(-1)?.object ?? 0].find((object) => this.#cards.has(object));
    this.#followed = this.#cards.get(followed) ?? null;
    this.#bare = cards.filter((card) => card.fill);
  }

  // Those of the objects that could be seen before the step.
  #seenBefore(step, objects) {
    const before = this.recording.at(step - 1);
    const { reached } = before.heap(before.frames(MOST_FRAMES), 0);
    return objects.filter((object) => reached.has(object));
  }

  #place(elements) {
    const heap = byId("heap");
    const isSame = elements.length === heap.childElementCount && elements.every((element, at) => heap.children[at] === element);
    if (!isSame) heap.replaceChildren(...elements);
  }

  #tell({ born, changed, died }) {
    const parts = [
      ...listedNews("new", born, "met for the first time"),
      ...listedNews("changed", changed, "holds something else since the step before"),
      ...listedNews("gone", died, "nothing recorded refers to it any more"),
    ];
    byId("heap-note").replaceChildren(...(parts.length ? parts : ["the same number is the same object"]));
  }

  // The card of the step before, where nothing in it has changed.
  #kept({ number, contents }, moment, news) {
    const values = Array.from(contents.slice(0, MOST_PAIRS * 2), (value) => this.recording.value(value, moment.number));
    const mark = news.born.includes(number) ? "new" : news.changed.includes(number) ? "changed" : "";
    const said = JSON.stringify([mark, contents.length, ...values.map((value) => [value.value, value.text])]);
    const known = this.#cards.get(number);
    if (known?.said === said && mark !== "changed") return known;
    return {
      object: number,
      said,
      element: el("li", { className: `held is-bare hue-${hueOf(number)}${mark ? ` is-${mark}` : ""}`, "data-object": number }),
      rows: values.length / (PAIRED.has(this.recording.layoutOf(number)) ? 2 : 1),
      fill: () => this.#contents(number, contents, moment, mark),
    };
  }

  #contents(number, contents, moment, mark) {
    const { recording } = this;
    const layout = recording.layoutOf(number);
    const isPaired = PAIRED.has(layout);
    const isNew = mark === "changed" ? newIn(contents, recording.contentsOf(number, moment.number - 1) ?? [], isPaired) : () => false;
    const rows = [];
    const leaveOut = (left, more = "") => rows.push(el("dt", {}), el("dd", { className: "quiet" }, `… ${left.toLocaleString("en")} more${more}`));
    const stride = isPaired ? 2 : 1;
    const count = contents.length / stride;
    let next = 0;
    for (const at of positions(count, isPaired ? MOST_PAIRS : MOST_ITEMS, (row) => isNew(row * stride))) {
      if (at > next) leaveOut(at - next);
      next = at + 1;
      const label = isPaired ? keyed(recording.value(contents[at * 2], moment.number), layout) : el("code", {}, UNNUMBERED.has(layout) ? "" : String(at));
      const held = recording.value(contents[at * stride + stride - 1], moment.number);
      rows.push(el("dt", {}, label), el("dd", { className: isNew(at * stride) ? "new" : "" }, chip(held)));
    }
    if (next < count) leaveOut(count - next, count >= MOST_RECORDED ? " at least" : "");
    if (!contents.length) rows.push(el("dd", { className: "quiet" }, "empty"));
    const head = el(
      "h3",
      {},
      el("span", { className: "badge" }, `#${number}`),
      el("code", {}, ` ${visible(recording.typeOf(-number))}`),
      el("small", {}, metIn(recording.columns.object_births[number], recording)),
      mark ? el("small", { className: "mark" }, mark) : null,
    );
    return [head, el("dl", { className: "names" }, ...rows)];
  }

  // Once all that is shown of the step has been changed: what has happened is in view, and else the top of the stack.
  settle() {
    for (const card of this.#bare) card.element.style.height = `${HEAD_PX + card.rows * ROW_PX}px`;
    if (this.#followed) fill(this.#followed);
    this.#bare = this.#bare.filter((card) => card.fill);
    this.#follow();
    this.#fillInView();
    this.#follow(); // those filled above it may have moved it
    this.#fillInView();
    clearTimeout(this.#waiting);
    if (this.#bare.length) this.#waiting = setTimeout(() => this.#fillAll(), REST_MS);
  }

  #fillAll() {
    this.#bare.forEach(fill);
    this.#bare = [];
    this.onFilled();
  }

  // What is filled is seldom just as high as it was taken to be: then others may have come into view.
  #fillInView() {
    for (;;) {
      const pane = this.#pane();
      const inView = this.#bare.filter(({ element }) => {
        const { top, bottom } = element.getBoundingClientRect();
        return bottom > pane.top && top < pane.bottom;
      });
      if (!inView.length) return;
      inView.forEach(fill);
      this.#bare = this.#bare.filter((card) => card.fill);
    }
  }

  #pane() {
    const { top, bottom } = byId("heap").parentElement.getBoundingClientRect();
    return { top: Math.max(0, top), bottom: Math.min(innerHeight, bottom) };
  }

  #follow() {
    if (!this.#followed) return;
    const pane = byId("heap").parentElement;
    const [box, card] = [pane.getBoundingClientRect(), this.#followed.element.getBoundingClientRect()];
    const top = byId("heap").previousElementSibling.getBoundingClientRect().bottom;
    if (card.top < top) pane.scrollTop += card.top - top;
    else if (card.bottom > box.bottom) pane.scrollTop += Math.min(card.bottom - box.bottom, card.top - top);
  }
}

function fill(card) {
  if (!card.fill) return;
  card.element.append(...card.fill());
  card.element.classList.remove("is-bare");
  card.element.style.height = "";
  card.fill = null;
}

function keyed(key, layout) {
  return layout === "instance" ? el("code", {}, visible(key.text.replace(/^'|'$/g, ""))) : chip(key);
}

// Which of `count` rows are shown: the first ones, and instead of the last of these a few farther on that are new.
function positions(count, most, isNew) {
  const farther = [];
  for (let at = most; at < count && farther.length < MOST_FARTHER; at++) if (isNew(at)) farther.push(at);
  const first = Math.min(count, most - farther.length);
  return [...Array(first).keys(), ...farther];
}

// Which step made it, or found it where nobody had looked. What is met by a step is there before the next one of its frame.
function metIn(birth, recording) {
  if (!birth) return " there from the start";
  const own = recording.lastStepOf(recording.frameOf(birth), birth);
  const isOwn = own >= 0 && !recording.hasLeft(own); // else it has come with what resumed the frame
  return ` met in step ${(isOwn ? own : birth - 1).toLocaleString("en")}`;
}

// Says of the item, or of the pair, at a position whether it was not there before.
function newIn(contents, before, isPaired) {
  if (!isPaired) return (at) => contents[at] !== before[at];
  const known = new Map();
  for (let at = 0; at + 1 < before.length; at += 2) known.set(before[at], before[at + 1]);
  return (at) => known.get(contents[at]) !== contents[at + 1];
}

function listedNews(word, objects, title) {
  if (!objects.length) return [];
  const left = objects.length - MOST_NAMED;
  return [el("span", { title }, `${word} `, ...objects.slice(0, MOST_NAMED).map(reference), left > 0 ? ` and ${left.toLocaleString("en")} more` : "")];
}
