import { el } from "./dom.js";
import { count, duration, placeName } from "./format.js";
import { fact, growingList, leadingRow, section } from "./lists.js";
import { placeWithSource, sourceLine } from "./quote.js";

const LISTED_FIRST = 20;

// The list of what holds the program back, in the order of the checks: the largest saving first.
export function findingsSection(model, view) {
  const { findings } = model.facts;
  if (!findings.length) {
    return section("Findings", el("p", { className: "quiet" }, "None: nothing that coroscope knows to look for held this run back."));
  }
  const item = (i) => findingRow(model, view, i);
  return section(`Findings (${findings.length.toLocaleString("en")})`, growingList(findings.length, item, LISTED_FIRST));
}

function findingRow(model, view, number) {
  const finding = model.facts.findings[number];
  const place = model.place(finding.place);
  return leadingRow({
    title: el("span", {}, el("b", {}, finding.name), place ? el("span", { className: "lead-place" }, ` ${placeName(place)}`) : null),
    value: finding.saving === null ? "" : `saves ${duration(finding.saving)}`,
    code: sourceLine(place),
    detail: el("span", { className: "advised" }, el("span", {}, finding.message), el("span", {}, finding.advice)),
    onclick: () => view.showFinding(number),
  });
}

// The finding that is shown: what was seen, what to do, and the lines of code that it points to.
export function findingDetails(model, view) {
  const finding = model.facts.findings[view.finding];
  const place = model.place(finding.place);
  return el(
    "section",
    { className: "finding" },
    el("h2", {}, finding.name),
    el("p", { className: "lede" }, finding.message),
    el("p", { className: "lede" }, el("b", {}, "What to do: "), finding.advice),
    findingButtons(model, view),
    ...(place ? placeWithSource(place) : [el("p", { className: "quiet" }, "Its place in the code was not recorded.")]),
    el(
      "dl",
      { className: "facts" },
      ...fact("would save", finding.saving === null ? "not known" : duration(finding.saving)),
      ...fact("took", `${duration(finding.cost)}${finding.occurrences > 1 ? `, ${count(finding.occurrences, "time")}` : ""}`),
    ),
    finding.row < 0 ? el("p", { className: "quiet" }, "It belongs to no single task.") : null,
  );
}

function findingButtons(model, view) {
  const last = model.facts.findings.length - 1;
  const button = (text, onclick, disabled = false) => el("button", { type: "button", onclick, disabled }, text);
  return el(
    "div",
    { className: "buttons" },
    button("All findings", () => view.select(-1)),
    button("Previous", () => view.moveFindingBy(-1), view.finding === 0),
    button("Next", () => view.moveFindingBy(1), view.finding === last),
  );
}
