import { el } from "./dom.js";
import { placeName } from "./format.js";

// Source lines of a chain's place: the line itself marked, with its neighbours where they were quoted.
function quoteSource(place) {
  const lines = place.source?.lines;
  if (!lines || !(place.line in lines)) return null;
  const list = el("ol", { className: "source", start: place.line });
  let first = place.line;
  while (first > place.line - 3 && first - 1 in lines) first--;
  let last = place.line;
  while (last < place.line + 3 && last + 1 in lines) last++;
  list.start = first;
  for (let line = first; line <= last; line++) {
    list.append(el("li", { className: line === place.line ? "here" : "" }, el("code", {}, lines[line] || " ")));
  }
  return list;
}

export function sourceLine(place) {
  return place?.source?.lines[place.line]?.trim() ?? null;
}

// An await chain, outermost first. The user's own places show their lines; of the library's, runs are folded.
export function chainList(model, chain) {
  const list = el("ol", { className: "chain" });
  const places = model.facts.chains[chain].map((number) => model.place(number));
  let folded = [];
  const unfold = () => {
    if (folded.length) list.append(foldedPlaces(folded));
    folded = [];
  };
  for (const place of places) {
    if (place.isUser) {
      unfold();
      list.append(el("li", { className: "user" }, ...placeWithSource(place)));
    } else folded.push(place);
  }
  unfold();
  return list;
}

// A place with its lines, where they could be read.
export function placeWithSource(place) {
  return [placeHead(place), quoteSource(place), staleNote(place)].filter(Boolean);
}

function foldedPlaces(places) {
  const [first] = places;
  const summary = places.length === 1 ? "1 frame in a library" : `${places.length} frames in libraries`;
  const items = places.map((place) => el("li", {}, placeHead(place), libraryLine(place)));
  const title = `${summary}: ${places.length === 1 ? first.name : `${first.name} … ${places.at(-1).name}`}`;
  return el("li", { className: "library" }, el("details", {}, el("summary", {}, title), el("ol", {}, ...items)));
}

function libraryLine(place) {
  const text = sourceLine(place);
  return text ? el("code", { className: "line" }, text) : null;
}

function placeHead(place) {
  return el(
    "div",
    { className: "place", title: place.line ? `${place.file}:${place.line}` : place.file },
    el("b", {}, place.name),
    " ",
    el("span", {}, placeName(place)),
  );
}

function staleNote(place) {
  if (!place.source?.isNewer) return null;
  return el("p", { className: "note" }, "The file has changed since the recording: the lines may be others.");
}
