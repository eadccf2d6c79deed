import { el } from "./dom.js";
import { findingsSection } from "./findings.js";
import { steppedSection } from "./instructions.js";
import { itemsSection } from "./items.js";
import { count, duration, moment } from "./format.js";
import { growingList, leadingRow, placeTitle, placesList, section } from "./lists.js";
import { sourceLine } from "./quote.js";

// What the panel shows while no task is selected: where to look first.
export function overview(model, view) {
  return [
    el("h2", {}, "Where the time went"),
    el("p", { className: "lede" }, lede(model)),
    (model.facts.runs.length || model.facts.comparison) && !model.facts.findings.length ? null : findingsSection(model, view),
    itemsSection(model, view),
    steppedSection(model, view),
    stallsSection(model, view),
    waitsSection(model, view),
    failuresSection(model, view),
    noticesSection(model),
  ];
}

function lede(model) {
  const { runs, comparison } = model.facts;
  if (runs.length) return runsSentence(model);
  return comparison ? "No run was recorded." : programSentence(model);
}

function runsSentence({ facts: { runs, comparison } }) {
  const apart = comparison ? "They were recorded for this picture; the figures above are of other runs, which were only measured. " : "";
  return (
    `${count(runs.length, "run")} of the same work, made one after another and drawn from one beginning. ${apart}` +
    "Each group of rows is one of them. Click a bar for what it did at that moment."
  );
}

function programSentence(model) {
  const { program, duration: total, concurrency } = model.facts.summary;
  const noun = model.countedNoun;
  const percent = (part) => `${Math.round((100 * part) / Math.max(1, total))}\u00a0%`;
  const atOnce =
    concurrency.max === 0
      ? `Nothing ran beside the main ${noun}.`
      : `Beside the main ${noun}, ${count(concurrency.max, noun)} ${concurrency.max === 1 ? "was" : "were"} alive at once at most, ${concurrency.mean.toFixed(1)} on average.`;
  const others = Object.keys(model.facts.summary.processes).length - 1;
  const rows = others === 1 ? "has a row of its own" : "have rows of their own";
  const aside = others > 0 ? ` Processes are not counted here: ${count(others, "child process")} ${rows}.` : "";
  return (
    `For ${percent(program.running)} of the ${duration(total)} some ${noun} was running; for ${percent(program.waiting)} ` +
    `every ${noun} was waiting for something outside. ${atOnce}${aside}`
  );
}

function stallsSection(model, view) {
  const { slowMs, count: number, listed } = model.facts.stalls;
  const limit = `${slowMs.toLocaleString("en")} ms`;
  if (!number) {
    return section("Stalls", el("p", { className: "quiet" }, `None: no task held its loop for more than ${limit} at a stretch.`));
  }
  const longest = Math.max(...listed.map((stall) => stall[3]));
  const item = (i) => stallRow(model, view, listed[i], longest);
  const left = number > listed.length ? ` The ${listed.length} longest are listed.` : "";
  return section(
    `Stalls (${number})`,
    el("p", { className: "quiet" }, `A task ran for more than ${limit} without giving way, so every other task had to wait.${left}`),
    growingList(listed.length, item, 6),
  );
}

function stallRow(model, view, [row, placeNumber, start, length], longest) {
  const place = model.place(placeNumber);
  return leadingRow({
    title: place ? placeTitle(place) : model.coroutine(row),
    value: duration(length),
    code: sourceLine(place),
    detail: `${model.name(row)}, at ${moment(start)}`,
    ratio: length / longest,
    onclick: () => view.zoomTo(row, start, start + length),
  });
}

function waitsSection(model, view) {
  const places = model.waitedPlaces();
  if (!places.length) {
    return section("Waits", el("p", { className: "quiet" }, "None was recorded at a line of the program's own code."));
  }
  const total = places.reduce((sum, place) => sum + place.total, 0);
  const go = ({ longest }) => view.zoomTo(model.waits.row[longest], model.waits.start[longest], model.waits.end[longest]);
  return section(
    "Lines that tasks waited at",
    el("p", { className: "quiet" }, "All tasks added up, so it can be more than the run took. Click for the longest."),
    placesList(model, places, total, go),
  );
}

function failuresSection(model, view) {
  const rows = [];
  const outcomes = model.columns["task.outcome"];
  const raised = model.facts.outcomes.indexOf("raised");
  for (let row = 0; row < model.count; row++) if (outcomes[row] === raised) rows.push(row);
  if (!rows.length) return null;
  const item = (i) =>
    leadingRow({
      title: model.name(rows[i]),
      value: moment(model.spans.rowEnd[rows[i]]),
      detail: model.exception(rows[i]) ?? "raised",
      onclick: () => view.goTo(rows[i], model.spans.rowEnd[rows[i]] - 1),
    });
  const title = rows.some((row) => model.isProcess(row)) ? "What failed" : "Tasks that raised";
  return section(`${title} (${rows.length})`, growingList(rows.length, item, 6));
}

function noticesSection(model) {
  const { notices } = model.facts.summary;
  if (!notices.length) return null;
  return section("About this recording", ...notices.map((notice) => el("p", { className: "quiet" }, notice)));
}
