import { el } from "./dom.js";
import { duration, moment, placeName, share, size } from "./format.js";
import { instructionsOfSpan, instructionsSection } from "./instructions.js";
import { fact, growingList, leadingRow, placesList, section, sharesBar } from "./lists.js";
import { chainList, sourceLine } from "./quote.js";
import { RUNNING, STATE_NAMES, WAITING } from "./spans.js";
import { causeOf, shortCause } from "./wakeups.js";

// What the panel shows of the selected task.
export function details(model, view) {
  const row = view.selected;
  return [
    heading(model, view, row),
    sharesTable(model, row),
    view.span >= 0 ? spanSection(model, view, row, view.span) : null,
    instructionsSection(model, row),
    placesSection(model, view, row),
    waitsSectionOf(model, view, row),
    wokeSection(model, view, row),
    factsSection(model, view, row),
  ];
}

function heading(model, view, row) {
  const outcome = model.outcome(row);
  const exception = model.isProcess(row) ? null : model.exception(row);
  const start = model.spans.rowStart(row);
  const zoom = () => view.zoomTo(row, start, model.spans.rowEnd[row]);
  return el(
    "div",
    { className: "task-head" },
    el("h2", {}, model.name(row)),
    el("p", { className: "coroutine" }, el("code", {}, model.coroutine(row))),
    el("p", {}, el("span", { className: `outcome ${outcome}` }, model.ending(row)), exception ? ` ${exception}` : null),
    el(
      "div",
      { className: "buttons" },
      el("button", { type: "button", onclick: zoom }, "Zoom to it"),
      el("button", { type: "button", onclick: () => view.select(-1) }, "Close"),
    ),
  );
}

function sharesTable(model, row) {
  const shares = model.shares(row);
  const total = shares[0] + shares[1] + shares[2];
  const line = (state) =>
    el(
      "div",
      {},
      el("dt", {}, el("i", { className: `swatch ${STATE_NAMES[state]}` }), STATE_NAMES[state]),
      el("dd", {}, duration(shares[state]), el("span", {}, share(shares[state], total))),
    );
  return el("div", {}, sharesBar(shares), el("dl", { className: "states" }, ...[1, 0, 2].map(line)), phasesTable(model, row, total));
}

// Which parts of that time are known to have gone into something, where there are any.
function phasesTable(model, row, total) {
  const totals = model.phases.totals(model.phases.first[row], model.phases.first[row + 1]);
  if (!totals.length) return null;
  const line = ({ name, time, bytes }) =>
    el(
      "div",
      {},
      el("dt", {}, el("i", { className: `swatch ${name}` }), name, bytes ? ` · ${size(bytes)}` : null),
      el("dd", {}, duration(time), el("span", {}, share(time, total))),
    );
  return el("dl", { className: "states", ariaLabel: "Of it" }, ...totals.map(line));
}

function taskLink(model, view, row, time) {
  return el("button", { type: "button", className: "link", onclick: () => view.goTo(row, time) }, model.name(row));
}

// The selected span: a wait with its chain and waker, or a step with what was seen inside it.
function spanSection(model, view, row, span) {
  const start = model.spans.start[span];
  const end = model.spans.end(row, span);
  const state = model.spans.state[span];
  const title = `${STATE_NAMES[state][0].toUpperCase()}${STATE_NAMES[state].slice(1)} for ${duration(end - start)}`;
  const when = el("p", { className: "quiet" }, `from ${moment(start, 1e4)} to ${moment(end, 1e4)}`);
  const box = section(title, when, phasesList(model, view, row, start, end), instructionsOfSpan(model, row, state, start, end), ...spanBody(model, view, row, span, state, start, end));
  box.className = "span-section";
  return box;
}

// The selected phase, or else all that lie in the selected span.
function phasesList(model, view, row, start, end) {
  const { phases } = model;
  const [from, to] = view.phase >= 0 ? [view.phase, view.phase + 1] : phases.within(row, start, end);
  if (from === to) return null;
  const item = (i) =>
    el(
      "li",
      {},
      el("i", { className: `swatch ${phases.name(from + i)}` }),
      el("b", {}, phases.inWords(from + i)),
      el("span", { className: "quiet" }, ` from ${moment(phases.start[from + i], 1e4)} to ${moment(phases.end(from + i), 1e4)}`),
    );
  return growingList(to - from, item, 5);
}

function spanBody(model, view, row, span, state, start, end) {
  if (state === WAITING) return waitBody(model, view, row, model.waits.at(row, start));
  if (state === RUNNING) return stepBody(model, row, start, end);
  const busy = model.isThread(row) ? "others had the interpreter's lock, or the processor" : "its loop was busy with others";
  return [el("p", {}, `It could run, but ${busy}.`)];
}

function waitBody(model, view, row, wait) {
  if (wait < 0) return [el("p", { className: "quiet" }, "What it waited for was not recorded.")];
  const { waits } = model;
  const on = model.waitsOn(wait);
  const waker = waits.waker(wait);
  const by = waker >= 0 ? taskLink(model, view, waker, waits.end[wait] - 1) : causeOf(model, wait);
  const chain = waits.chain[wait];
  const what = model.isThread(row) ? "Call stack" : "Await chain";
  return [
    el("dl", { className: "facts" }, ...fact("for", on), ...fact("woken by", by)),
    chain
      ? el("div", {}, el("h4", {}, `${what}, outermost first`), chainList(model, chain))
      : el("p", { className: "quiet" }, "Its await chain was not recorded: chains are kept for longer waits."),
  ];
}

function stepBody(model, row, start, end) {
  const seen = model.samplesIn(row, start, end);
  if (!seen.length) return [el("p", { className: "quiet" }, "One step: from being resumed to its next wait.")];
  const [chain, times] = seen[0];
  const total = seen.reduce((sum, [, number]) => sum + number, 0);
  return [el("h4", {}, `Seen here in ${times} of ${total} looks, outermost first`), chainList(model, chain)];
}

function placesSection(model, view, row) {
  const places = model.waitedPlaces(row);
  if (!places.length) return null;
  const total = places.reduce((sum, place) => sum + place.total, 0);
  const go = ({ longest }) => view.goTo(row, model.waits.start[longest]);
  return section("Lines it waited at", placesList(model, places, total, go, 5));
}

function waitsSectionOf(model, view, row) {
  const { waits } = model;
  const first = waits.first[row];
  const number = waits.first[row + 1] - first;
  if (!number) return section("Waits", el("p", { className: "quiet" }, "It never waited."));
  const item = (i) => waitRow(model, view, row, first + i);
  return section(`Waits (${number.toLocaleString("en")})`, growingList(number, item, 20));
}

function waitRow(model, view, row, wait) {
  const { waits, spans } = model;
  const place = model.place(model.waitPlace(wait));
  const on = model.waitsOn(wait);
  const span = spans.at(row, waits.start[wait]);
  return leadingRow({
    title: `at ${moment(waits.start[wait])}`,
    value: duration(waits.length(wait)),
    code: place ? sourceLine(place) ?? `${place.name}  ${placeName(place)}` : null,
    detail: [on ? `for ${on}` : null, shortCause(model, wait)].filter(Boolean).join(" · "),
    isCurrent: span >= 0 && span === view.span,
    onclick: () => view.goTo(row, waits.start[wait]),
  });
}

function wokeSection(model, view, row) {
  const woken = model.waits.endedBy(row);
  if (!woken.length) return null;
  const item = (i) => {
    const wait = woken[i];
    const target = model.waits.row[wait];
    return leadingRow({
      title: model.name(target),
      value: moment(model.waits.end[wait]),
      detail: `had waited ${duration(model.waits.length(wait))}`,
      onclick: () => view.goTo(target, model.waits.start[wait]),
    });
  };
  return section(`It woke (${woken.length.toLocaleString("en")})`, growingList(woken.length, item, 10));
}

function factsSection(model, view, row) {
  const { columns, facts, spans } = model;
  const parent = model.parent(row);
  const created = spans.created[row];
  const createdAt = model.place(columns["task.createdAt"][row]);
  const by = parent >= 0 ? taskLink(model, view, parent, created) : null;
  const file = facts.strings[columns["task.file"][row]];
  const loop = facts.summary.loops[columns["task.loop"][row]];
  return section(
    "Facts",
    el(
      "dl",
      { className: "facts" },
      ...fact("created", moment(created, 1e5)),
      ...fact("by", by),
      ...fact("at", createdAt && `${createdAt.name}  ${placeName(createdAt)}`),
      ...fact("its code", file && placeName({ file, line: columns["task.line"][row] })),
      ...fact("ended", model.outcome(row) === "pending" ? "not in the recording" : moment(spans.rowEnd[row], 1e5)),
      ...fact("steps", columns["task.steps"][row].toLocaleString("en")),
      ...fact("kind", facts.kinds[columns["task.kind"][row]]),
      ...fact("loop", loop),
      ...fact("process, thread", `${columns["task.process"][row]}, ${model.threadNames.of(columns["task.thread"][row])}`),
    ),
  );
}
