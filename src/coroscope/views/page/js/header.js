import { byId, el } from "./dom.js";
import { duration, share, size } from "./format.js";
import { sharesBar } from "./lists.js";

const MEANINGS = [
  ["running", 1, "a step of the task was executing: nothing else on its loop could"],
  ["ready", 0, "it could run, but its loop was busy with another task"],
  ["waiting", 2, "for a reply, a timer, a lock, another task"],
];
const PHASE_MEANINGS = {
  starting: "a process was on its way, and its work had not begun",
  serialising: "values were pickled or unpickled, to go from one process to another",
  lock: "a thread could have run, but another had the interpreter's lock",
};

// Who this is about, and how it went.
export function fillHeader(model) {
  const { summary, runs, comparison } = model.facts;
  const [number, noun] = [model.countTasks(), model.countedNoun];
  byId("command").textContent = summary.command;
  byId("command").title = summary.command;
  byId("ending").textContent = summary.ended.text;
  byId("ending").className = `ending ${summary.ended.tone}`;
  if (runs.length || comparison) return fillHeaderOfRuns(model);
  byId("figures").replaceChildren(
    figure(durationLabel(summary), duration(summary.duration)),
    figure(number === 1 ? noun : `${noun}s`, number.toLocaleString("en")),
    figure("at once, at most", summary.concurrency.max.toLocaleString("en")),
    figure("on average", summary.concurrency.mean.toFixed(1)),
    figure("Python", summary.python),
  );
  byId("cut").hidden = !summary.cut;
  byId("cut").textContent = summary.cut ?? "";
  fillLegend(model.totalShares(), model.phases, noun);
}

// What the time is that the page shows; of a flight recorder's, all that went before is not in it.
function durationLabel(summary) {
  if (summary.cut) return "of it, in this part";
  return summary.unkept ? `kept, the last of ${duration(summary.unkept + summary.duration)}` : "duration";
}

// Of runs side by side there is no total that would mean anything. What a comparison measured goes before the lengths of
// the runs in the picture, which are others: a recorder had a share in them.
function fillHeaderOfRuns(model) {
  const { summary, runs, comparison } = model.facts;
  const figures = comparison?.headline ?? lengthsOf(runs);
  const python = runs.length ? [figure("Python", summary.python)] : []; // it is known from the runs
  byId("figures").replaceChildren(...figures.map(([value, term]) => figure(term, value)), ...python);
  const meanings = [...MEANINGS.map(([name, , meaning]) => [name, meaning]), ...model.phases.totals().map(({ name }) => [name, PHASE_MEANINGS[name]])];
  const item = ([name, meaning]) => el("li", {}, el("i", { className: `swatch ${name}` }), el("b", {}, name), el("small", {}, meaning));
  byId("legend").setAttribute("aria-label", "Legend");
  byId("legend").replaceChildren(...meanings.map(item));
}

function lengthsOf(runs) {
  const lengths = runs.map((run) => run.duration);
  return [
    [runs.length.toLocaleString("en"), runs.length === 1 ? "strategy" : "strategies"],
    [duration(Math.max(...lengths)), "the slowest took"],
    [duration(Math.min(...lengths)), "the fastest took"],
  ];
}

function figure(term, value) {
  return el("div", {}, el("dd", {}, value), el("dt", {}, term));
}

function fillLegend(shares, phases, noun) {
  const total = shares[0] + shares[1] + shares[2];
  const item = ([name, state, meaning]) =>
    el(
      "li",
      { title: `${meaning}: ${duration(shares[state])} over all ${noun}s` },
      el("i", { className: `swatch ${name}` }),
      el("b", {}, name),
      el("span", {}, share(shares[state], total)),
      el("small", {}, meaning),
    );
  byId("legend").replaceChildren(...MEANINGS.map(item), el("li", {}, el("small", {}, `Shares of all ${noun}s' time`)), ...phaseItems(phases));
  byId("legend").before(sharesBar(shares));
}

// Only those that occur. They lie over the states, so their time is a part of the states' time.
function phaseItems(phases) {
  return phases.totals().map(({ name, time, bytes }) =>
    el(
      "li",
      { title: `${PHASE_MEANINGS[name]}: ${duration(time)} over all threads and processes` },
      el("i", { className: `swatch ${name}` }),
      el("b", {}, name),
      el("span", {}, bytes ? `${duration(time)} · ${size(bytes)}` : duration(time)),
      el("small", {}, PHASE_MEANINGS[name]),
    ),
  );
}
