import { el } from "./dom.js";
import { count, duration, moment } from "./format.js";
import { fact, growingList, leadingRow, section } from "./lists.js";

const ITEMS_FIRST = 8;
const SINGLY = 20; // so few of a lane are listed one by one, more only by their lane

// The list of marks, regions and garbage collections in the overview: those that the search finds.
export function itemsSection(model, view) {
  const { lanes } = model;
  if (!lanes.count) return null;
  const rows = lanes.titles.flatMap((_, lane) => laneRows(view, lanes, lane));
  const title = view.query ? "Found above the tasks" : "Above the tasks";
  if (!rows.length) return section(title, el("p", { className: "quiet" }, "No mark and no region has this in its name."));
  return section(
    title,
    el("p", { className: "quiet" }, "What the program named itself, and what the interpreter did. ", el("kbd", {}, "M"), " leads from one to the next."),
    growingList(rows.length, (i) => leadingRow(rows[i]), ITEMS_FIRST),
  );
}

function laneRows(view, lanes, lane) {
  const items = [];
  for (let item = lanes.first[lane]; item < lanes.first[lane + 1]; item++) if (!view.foundItems || view.foundItems[item]) items.push(item);
  if (!items.length) return [];
  if (lanes.isInstant(items[0]) && items.length <= SINGLY) return items.map((item) => itemRow(view, lanes, item));
  let longest = items[0];
  let total = 0;
  for (const item of items) {
    total += lanes.length[item];
    if (lanes.length[item] > lanes.length[longest]) longest = item;
  }
  if (items.length === 1) return [itemRow(view, lanes, items[0])];
  const isInstants = lanes.isInstant(longest);
  return [
    {
      title: lanes.titles[lane],
      value: isInstants ? items.length.toLocaleString("en") : duration(total),
      detail: isInstants ? `the first at ${moment(lanes.start[items[0]])}` : `${count(items.length, "time")}, the longest ${duration(lanes.length[longest])}`,
      onclick: () => view.showItem(longest),
    },
  ];
}

function itemRow(view, lanes, item) {
  const isInstant = lanes.isInstant(item);
  return {
    title: lanes.text(item),
    value: isInstant ? moment(lanes.start[item]) : duration(lanes.length[item]),
    detail: isInstant ? lanes.nouns[lanes.lane(item)] : `at ${moment(lanes.start[item])}`,
    onclick: () => view.showItem(item),
  };
}

// The item that is selected: when it was, whose it is, and the way to its neighbours in time.
export function itemDetails(model, view) {
  const { lanes, facts } = model;
  const { item } = view;
  const row = lanes.row(item);
  const isInstant = lanes.isInstant(item);
  const place = view.placeOfItem(item);
  const link = row < 0 ? "none" : el("button", { type: "button", className: "link", onclick: () => view.goTo(row, lanes.start[item]) }, model.name(row));
  const button = (text, onclick, disabled = false) => el("button", { type: "button", onclick, disabled }, text);
  return el(
    "section",
    { className: "finding" },
    el("h2", {}, lanes.text(item)),
    el("p", { className: "quiet" }, `A ${lanes.nouns[lanes.lane(item)]}${lanes.isOpen(item) ? ", which had not ended with the recording" : ""}`),
    el(
      "div",
      { className: "buttons" },
      button("Close", () => view.select(-1)),
      button("Previous", () => view.moveItemBy(-1), place.at === 0),
      button("Next", () => view.moveItemBy(1), place.at === place.of - 1),
    ),
    el(
      "dl",
      { className: "facts" },
      ...fact(isInstant ? "at" : "from", moment(lanes.start[item], 1e4)),
      ...(isInstant ? [] : [...fact("to", lanes.isOpen(item) ? null : moment(lanes.end(item), 1e4)), ...fact("took", duration(lanes.length[item]))]),
      ...fact("in task", link),
      ...fact("thread", lanes.thread[item] ? model.threadNames.of(lanes.thread[item]) : null),
      ...fact("number", `${(place.at + 1).toLocaleString("en")} of ${place.of.toLocaleString("en")}`),
    ),
  );
}
