import { byId } from "../dom.js";
import { hueOf } from "./chips.js";
import { route } from "./routes.js";

// Arrows from the slots of stack, names and objects to the objects that they refer to, and to the frames of generators.
// Rule: an arrow is there for what can be seen. Of what is pointed at also those are, to the edge of the pane, whose other
// end is scrolled away.
// Costs: what is drawn and where is read in one go, when a step has been laid out anyway, and then written.

const SVG = "http://www.w3.org/2000/svg";
const PANES = [".state-pane", ".frames-pane", ".heap-pane"];
const EDGE = 5;

export class Arrows {
  #paths = [];
  #asked = 0;
  #pointed = null;
  #drawnAt = "";
  isOn = true;

  constructor() {
    this.svg = byId("arrows");
    this.main = this.svg.parentElement;
    this.panes = PANES.map((selector) => this.main.querySelector(selector));
    addEventListener("scroll", () => this.#scrolledTo() === this.#drawnAt || this.ask(), { capture: true, passive: true });
    new ResizeObserver(() => this.ask()).observe(this.main);
    this.main.addEventListener("pointerover", (event) => this.#point(event.target));
    this.main.addEventListener("pointerleave", () => this.#point(null));
    this.main.addEventListener("focusin", (event) => this.#point(event.target));
    this.main.addEventListener("focusout", () => this.#point(null));
  }

  toggle() {
    this.isOn = !this.isOn;
    this.draw();
  }

  // At the next frame, once.
  ask() {
    this.#asked ||= requestAnimationFrame(() => this.draw());
  }

  // Nothing else that scrolls has arrows in it; and a step itself may scroll a pane before they are drawn.
  #scrolledTo() {
    return [scrollY, ...this.panes.map((pane) => pane.scrollTop)].join(" ");
  }

  #point(target) {
    const pointed = target?.closest?.(".box, .kept .chip, dt, dd, .held, .frame") ?? null;
    if (pointed === this.#pointed) return;
    this.#pointed = pointed;
    this.ask();
  }

  draw() {
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
    this.#drawnAt = this.#scrolledTo();
    const arrows = this.isOn ? this.#find() : [];
    const isAnyOwn = arrows.some((arrow) => arrow.isOwn);
    arrows.sort((one, other) => one.isOwn - other.isOwn); // what stands out is drawn over the others
    while (this.#paths.length < arrows.length) this.#paths.push(document.createElementNS(SVG, "path"));
    arrows.forEach(({ object, way, isOwn }, at) => {
      this.#paths[at].setAttribute("d", way);
      this.#paths[at].setAttribute("class", `hue-${hueOf(object)}${isOwn ? " own" : isAnyOwn ? " other" : ""}`);
    });
    this.svg.replaceChildren(...this.#paths.slice(0, arrows.length));
  }

  #find() {
    const origin = this.main.getBoundingClientRect();
    const panes = this.panes.map((pane) => visiblePart(pane)).filter(({ top, bottom }) => bottom > top);
    const cards = panes.flatMap((pane) => [...pane.element.querySelectorAll(".held, .frame")].map((element) => cardOf(element, pane)));
    const targets = new Map(cards.filter(({ object }) => object).map((card) => [card.object, card]));
    const isPointed = this.#pointing();
    const isAnyPointed = this.#pointed !== null;
    const arrows = [];
    const add = (slot, pane) => {
      const target = targets.get(slot.dataset.object);
      const arrow = target && this.#arrow(slot, pane, target, isPointed(slot, target.element), origin);
      if (arrow) arrows.push(arrow);
    };
    for (const { element, pane, isInView } of cards) {
      if (isInView || isAnyPointed) for (const slot of element.querySelectorAll(".names .ref, .kept .ref")) add(slot, pane);
    }
    for (const slot of this.main.querySelectorAll("#stack .ref, #locals .ref")) add(slot, panes.find((pane) => pane.element.contains(slot)));
    return arrows;
  }

  // Says of a slot and of the card of its object whether the arrow between them is one of what is pointed at.
  #pointing() {
    const pointed = this.#pointed?.isConnected ? this.#pointed : null;
    if (!pointed) return () => false;
    const row = pointed.matches("dt") ? [pointed, pointed.nextElementSibling] : [pointed];
    const isSlot = row.some((part) => !part?.matches(".held, .frame") && part?.querySelector(".ref"));
    if (isSlot) return (slot) => row.some((part) => part.contains(slot));
    const card = pointed.closest(".held, .frame");
    return (slot, target) => card !== null && (target === card || card.contains(slot));
  }

  #arrow(slot, pane, target, isOwn, origin) {
    const from = pane && startOf(slot, pane, isOwn);
    if (!from || (!target.isInView && !isOwn)) return null;
    const to = target.isInView ? { ...target.box, y: within(target.pane, middleOf(target.element.firstElementChild ?? target.element)) } : { ...target.box, y: within(target.pane, target.box.top) };
    const [start, end] = [from, to].map(({ left, right, y }) => ({ left: left - origin.left, right: right - origin.left, y: y - origin.top }));
    const isBeside = target.pane.left < pane.right && pane.left < target.pane.right;
    const object = Number(slot.dataset.object);
    return { object, isOwn, way: route(start, end, isBeside, Math.min(origin.width, target.pane.right - origin.left) - 2, object) };
  }
}

// Where a pane can be seen: below its heading, and in the window.
function visiblePart(element) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const head = element.firstElementChild.getBoundingClientRect();
  return { element, left, right, top: Math.max(top, head.bottom, 0), bottom: Math.min(bottom, innerHeight) };
}

// A card of an object or a frame.
function cardOf(element, pane) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const isInView = bottom > pane.top + EDGE && top < pane.bottom - EDGE;
  return { element, pane, object: element.dataset.object, box: { left, right, top }, isInView };
}

// Null if it is not to be seen, and the arrow not one of what is pointed at.
function startOf(slot, pane, isOwn) {
  const box = (slot.closest(".box, .kept .chip") ?? slot).getBoundingClientRect();
  const y = box.top + box.height / 2;
  const isInView = y > pane.top && y < pane.bottom;
  return isInView || isOwn ? { left: box.left, right: box.right, y: within(pane, y) } : null;
}

function middleOf(element) {
  const { top, height } = element.getBoundingClientRect();
  return top + height / 2;
}

// At its edge, where that is beyond it.
function within(pane, y) {
  return Math.max(pane.top + EDGE, Math.min(pane.bottom - EDGE, y));
}
