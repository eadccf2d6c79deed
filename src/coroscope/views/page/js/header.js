import { byId, el } from "./dom.js";
import { duration, share } from "./format.js";
import { sharesBar } from "./lists.js";

const MEANINGS = [
  ["running", 1, "Python code of the task was executing"],
  ["ready", 0, "it could run, but its loop was busy with another task"],
  ["waiting", 2, "for a reply, a timer, a lock, another task"],
];

// Who this is about, and how it went.
export function fillHeader(model) {
  const { summary } = model.facts;
  const tasks = model.countTasks();
  byId("command").textContent = summary.command;
  byId("command").title = summary.command;
  byId("ending").textContent = summary.ended.text;
  byId("ending").className = `ending ${summary.ended.tone}`;
  byId("figures").replaceChildren(
    figure(summary.cut ? "of it, in this part" : "duration", duration(summary.duration)),
    figure(tasks === 1 ? "task" : "tasks", tasks.toLocaleString("en")),
    figure("at once, at most", summary.concurrency.max.toLocaleString("en")),
    figure("on average", summary.concurrency.mean.toFixed(1)),
    figure("Python", summary.python),
  );
  byId("cut").hidden = !summary.cut;
  byId("cut").textContent = summary.cut ?? "";
  fillLegend(model.totalShares());
}

function figure(term, value) {
  return el("div", {}, el("dd", {}, value), el("dt", {}, term));
}

function fillLegend(shares) {
  const total = shares[0] + shares[1] + shares[2];
  const item = ([name, state, meaning]) =>
    el(
      "li",
      { title: `${meaning}: ${duration(shares[state])} over all tasks` },
      el("i", { className: `swatch ${name}` }),
      el("b", {}, name),
      el("span", {}, share(shares[state], total)),
      el("small", {}, meaning),
    );
  byId("legend").replaceChildren(...MEANINGS.map(item), el("li", {}, el("small", {}, "Shares of all tasks' time")));
  byId("legend").before(sharesBar(shares));
}
