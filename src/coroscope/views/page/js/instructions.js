import { el } from "./dom.js";
import { count, moment, placeName } from "./format.js";
import { growingList, leadingRow, section } from "./lists.js";
import { sourceLine } from "./quote.js";
import { RUNNING, WAITING } from "./spans.js";

// From a task's bar to the instructions that it ran there, in the page's other view.

function stepLink(step, text) {
  return el("a", { href: `#step=${step}` }, text);
}

// Of the selected span: the instructions of a run; of a wait the one that it waits in, and the one that it goes on with.
export function instructionsOfSpan(model, row, state, start, end) {
  const { stretches } = model;
  const from = stretches.before(row, start);
  const to = stretches.before(row, end);
  if (state === RUNNING && to > from) {
    const [first, last] = [stretches.at(row, from), stretches.at(row, to - 1)];
    const number = stretches.total(row, from, to);
    const links = [stepLink(stretches.first[first], "the first"), stepLink(stretches.last(last), "the last")];
    return el("p", { className: "to-steps" }, `${count(number, "instruction")}, from `, links[0], " to ", links[1], placeOf(model, last));
  }
  if (state !== WAITING || !from) return null;
  const before = stretches.at(row, from - 1);
  const next = to < stretches.countOf(row) && to === from ? stretches.first[stretches.at(row, from)] : -1;
  return el(
    "p",
    { className: "to-steps" },
    stepLink(stretches.waitsIn(before), "The instruction that it waits in"),
    next < 0 ? null : ", ",
    next < 0 ? null : stepLink(next, "the one that it goes on with"),
  );
}

function placeOf(model, stretch) {
  const place = model.place(model.stretches.place[stretch]);
  return place ? `, up to ${placeName(place)}` : null;
}

// Of the whole run: the tasks that were stepped through.
export function steppedSection(model, view) {
  const { stretches } = model;
  const rows = [...Array(model.count).keys()].filter((row) => stretches.countOf(row));
  if (!rows.length) return null;
  const item = (i) => {
    const number = stretches.countOf(rows[i]);
    return leadingRow({
      title: model.name(rows[i]),
      value: count(stretches.total(rows[i]), "instruction"),
      detail: `in ${count(number, "run")}`,
      onclick: () => view.goTo(rows[i], stretches.time[stretches.at(rows[i], 0)]),
    });
  };
  return section(`Stepped through (${rows.length.toLocaleString("en")})`, growingList(rows.length, item, 6));
}

// Of the selected task: every stretch, each with the line that it ended at.
export function instructionsSection(model, row) {
  const { stretches } = model;
  const number = stretches.countOf(row);
  if (!number) return null;
  const item = (i) => {
    const stretch = stretches.at(row, i);
    const place = model.place(stretches.place[stretch]);
    const [first, last] = [stretches.first[stretch], stretches.last(stretch)];
    return leadingRow({
      title: `at ${moment(stretches.time[stretch])}`,
      value: count(stretches.count[stretch], "instruction"),
      code: place ? sourceLine(place) ?? `${place.name}  ${placeName(place)}` : null,
      detail: `${first === last ? `instruction ${first.toLocaleString("en")}` : `instructions ${first.toLocaleString("en")} to ${last.toLocaleString("en")}`}${place ? `, up to line ${place.line}` : ""}`,
      onclick: () => (location.hash = `step=${first}`),
    });
  };
  return section(`Instructions (${number.toLocaleString("en")} ${number === 1 ? "run" : "runs"} stepped)`, growingList(number, item, 10));
}
