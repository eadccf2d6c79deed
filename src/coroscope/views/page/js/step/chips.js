import { el } from "../dom.js";
import { inFewWords, visible } from "./words.js";

// Values as the reader sees them. An object has its number and one of HUES colours, the same wherever it is shown.

const HUES = 8;

export function hueOf(object) {
  return object % HUES;
}

// Of an object its number stands beside its name.
export function chip(value) {
  const name = value.object ? inFewWords(value.text).replace(/ #\d+(>?)$/, "$1") : value.text;
  const text = el("code", { className: "text" }, visible(name));
  if (!value.object) return el("span", { className: value.type === "" ? "chip none" : "chip", title: visible(value.type) }, text);
  return el("span", { className: `chip object hue-${hueOf(value.object)}`, title: visible(value.type), "data-object": value.object }, text, reference(value.object));
}

export function reference(object) {
  return el("button", { type: "button", className: `ref hue-${hueOf(object)}`, "data-object": object, "aria-label": `object ${object}` }, `#${object}`);
}

export function names(frame, known = null) {
  const rows = [];
  for (const [name, value] of frame.locals) {
    const isNew = known !== null && known.get(name) !== value.text;
    const cell = frame.cells.get(name);
    rows.push(
      el("dt", {}, el("code", {}, visible(name)), cell ? el("small", {}, " cell ", reference(cell.object)) : null),
      el("dd", { className: isNew ? "new" : "" }, chip(value)),
    );
  }
  for (const [name, cell] of frame.cells) {
    if (!frame.locals.has(name)) rows.push(el("dt", {}, el("code", {}, visible(name))), el("dd", {}, el("small", {}, "empty cell "), reference(cell.object)));
  }
  return rows;
}

// The top first, so that a stack grows upward.
export function boxes(stack, known = null) {
  return stack
    .map((value, at) => {
      const isNew = known !== null && (at >= known.length || known[at].value !== value.value);
      return el("li", { className: isNew ? "box new" : "box", value: at }, chip(value));
    })
    .reverse();
}

// Whatever shows an object is marked while the pointer or the focus is on one of them; a click goes to its contents.
export function linkObjects(root) {
  const mark = (object) => {
    for (const other of root.querySelectorAll(".lit")) other.classList.remove("lit");
    if (object) for (const other of root.querySelectorAll(`[data-object="${object}"]`)) other.classList.add("lit");
  };
  const objectOf = (event) => event.target.closest?.("[data-object]")?.dataset.object;
  root.addEventListener("pointerover", (event) => mark(objectOf(event)));
  root.addEventListener("focusin", (event) => mark(objectOf(event)));
  root.addEventListener("click", (event) => {
    if (!event.target.closest?.(".ref")) return;
    const object = objectOf(event);
    mark(object);
    root.querySelector(`.held[data-object="${object}"], .frame[data-object="${object}"]`)?.scrollIntoView({ block: "nearest" });
  });
}
