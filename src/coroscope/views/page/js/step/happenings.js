import { el } from "../dom.js";
import { chip } from "./chips.js";
import { visible } from "./words.js";

// What happens between steps, in words.

const MOST_TOLD = 12;

const TELLINGS = {
  call: (event, name) => [`${name} is called`],
  return: (event, name) => [`${name} returns `, value(event)],
  create: (event, name) => [`${name} is made: `, value(event), " its body has not begun"],
  yield: (event, name) => [`${name} is suspended, and hands out `, value(event)],
  resume: (event, name) => [`${name} goes on`],
  throw: (event, name) => [`${name} goes on with an exception thrown into it: `, value(event)],
  raise: (event, name) => ["raised: ", value(event), ` in ${name}`],
  handle: (event, name) => [`${name} handles `, value(event)],
  unwind: (event, name) => [`${name} is left by an exception: `, value(event)],
  drop: (event, name) => [`${name} is thrown away unfinished`],
  "c call": (event) => ["called, unseen: ", value(event)],
  "c return": (event) => ["which gives ", value(event)],
  "c raise": (event) => ["which raises ", value(event)],
  output: (event) => ["written: ", el("code", { className: "text" }, visible(event.text.replace(/\n$/, "")))],
};

function value(event) {
  return event.value ? chip(event.value) : "";
}

export function tell(recording, events) {
  const items = events.slice(0, MOST_TOLD).map((event) => {
    const name = event.frame < 0 ? "" : visible(recording.codeOf(event.frame).name);
    const parts = event.kind === "task switch" ? [`now runs ${taskName(recording, event.task)}`] : TELLINGS[event.kind](event, name);
    return el("li", { className: `event ${event.kind.replace(" ", "-")}` }, ...parts);
  });
  if (events.length > MOST_TOLD) items.push(el("li", {}, `and ${events.length - MOST_TOLD} more`));
  return items;
}

export function taskName(recording, number) {
  const task = recording.facts.tasks.find(([other]) => other === number);
  return task ? `task ${visible(task[1])}` : "no task";
}
