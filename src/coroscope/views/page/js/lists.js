import { el } from "./dom.js";
import { duration, placeName } from "./format.js";
import { sourceLine } from "./quote.js";

const PAGE = 50;

// A list that grows on demand, because a task may have a million waits: `item(i)` gives the i-th element.
export function growingList(length, item, first = PAGE) {
  const list = el("ul", { className: "rows" });
  const more = el("button", { type: "button", className: "more", onclick: () => grow(PAGE * 2) });
  const box = el("div", {}, list, more);
  let shown = 0;
  const grow = (by) => {
    for (const end = Math.min(length, shown + by); shown < end; shown++) list.append(item(shown));
    more.hidden = shown >= length;
    more.textContent = `Show more (${(length - shown).toLocaleString("en")} left)`;
  };
  grow(first);
  return box;
}

// One line of a list that leads somewhere: what, how long, and a bar for how much that is of the longest.
export function leadingRow({ title, detail, code, value, ratio, isCurrent, onclick, label }) {
  const bar = ratio === undefined ? null : el("meter", { className: "ratio", value: ratio, "aria-hidden": "true" });
  const button = el(
    "button",
    { type: "button", className: isCurrent ? "lead current" : "lead", onclick },
    el("span", { className: "lead-title" }, title),
    el("span", { className: "lead-value" }, value),
    code ? el("code", { className: "line" }, code) : null,
    detail ? el("span", { className: "lead-detail" }, detail) : null,
    bar,
  );
  if (label) button.setAttribute("aria-label", label);
  return el("li", {}, button);
}

// A place as the title of a row.
export function placeTitle(place) {
  return el("span", {}, place.name, " ", el("span", { className: "lead-place" }, placeName(place)));
}

// Where some waits were, the longest in total first.
export function placesList(model, places, total, onclick, shown = 8) {
  return growingList(
    places.length,
    (i) => {
      const place = model.place(places[i].place);
      return leadingRow({
        title: placeTitle(place),
        value: duration(places[i].total),
        code: sourceLine(place),
        detail: places[i].count === 1 ? "one wait" : `${places[i].count.toLocaleString("en")} waits, the longest ${duration(model.waits.length(places[i].longest))}`,
        ratio: total ? places[i].total / total : 0,
        onclick: () => onclick(places[i]),
      });
    },
    shown,
  );
}

export function section(title, ...children) {
  return el("section", {}, el("h3", {}, title), ...children);
}

// A line of a list of terms; nothing where there is no value.
export function fact(term, value) {
  return value === null || value === undefined || value === "" ? [] : [el("dt", {}, term), el("dd", {}, value)];
}

const STATE_ORDER = [1, 0, 2]; // running, ready, waiting
const STATE_WORDS = ["ready", "running", "waiting"];

// Running, ready and waiting as one stacked bar.
export function sharesBar(shares) {
  const total = shares[0] + shares[1] + shares[2];
  const bar = el("div", { className: "shares", "aria-hidden": "true" });
  for (const state of STATE_ORDER) {
    const part = el("i", { className: STATE_WORDS[state] });
    part.style.flexGrow = total ? shares[state] / total : 0;
    bar.append(part);
  }
  return bar;
}
