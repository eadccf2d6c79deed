import { groupOfHead } from "./arrangement.js";
import { count, duration, placeName } from "./format.js";
import { sourceLine } from "./quote.js";
import { WAITING, lastNotAfter } from "./spans.js";
import { AXIS_LINE } from "./geometry.js";
import { tickLabel } from "./axis.js";

export const NAME_FONT = '500 12px system-ui, -apple-system, "Segoe UI", sans-serif';
const HEAD_FONT = '700 12px system-ui, -apple-system, "Segoe UI", sans-serif';
export const SMALL_FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';
const INDENT_PX = 10;
export const PADDING_PX = 10;
const SMALLEST_LABELLED_PX = 40;
const SPANS_LABELLED = 60; // in one row; more would be too narrow to hold a word
const READABLE_ROW_PX = 12;
const NAMES_APART_PX = 14;
const SMALLEST_HEAD_PX = 8; // a lower row only parts the groups

export function drawAxis(context, geometry, theme, { step, times }) {
  context.font = SMALL_FONT;
  context.fillStyle = theme.css.muted;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const time of times) {
    const text = tickLabel(time, step);
    const x = geometry.x(time) + 4;
    if (x + context.measureText(text).width < geometry.width) context.fillText(text, x, AXIS_LINE / 2);
  }
  context.fillStyle = theme.css.line;
  context.fillRect(0, AXIS_LINE - 1, geometry.width, 1);
}

// Names in the gutter, what each bar's wide spans are, and how a task ended behind its bar.
export function drawRowLabels(context, view, geometry, theme) {
  const { rowHeight } = view.camera;
  const named = rowHeight < READABLE_ROW_PX ? Math.ceil(NAMES_APART_PX / rowHeight) : 1; // one name every so many rows
  context.textBaseline = "middle";
  context.save();
  context.beginPath();
  context.rect(0, AXIS_LINE, geometry.width, geometry.height - AXIS_LINE);
  context.clip();
  const [first, last] = geometry.visible(view.rowCount);
  for (let position = first; position <= last; position++) {
    const row = view.rowAt(position);
    const middle = geometry.rowTop(position) + rowHeight / 2;
    if (row < 0) {
      drawHead(context, view, geometry, theme, groupOfHead(row), middle);
      continue;
    }
    if (position % named === 0) drawName(context, view, geometry, theme, row, middle);
    if (rowHeight < READABLE_ROW_PX) continue;
    drawElsewhere(context, view, geometry, theme, row, middle);
    drawEnd(context, view, geometry, theme, row, middle);
    drawSpanLabels(context, view, geometry, theme, row, middle);
  }
  context.restore();
}

// The head of a group: its title, and how many rows it has, of which a search may show only some.
function drawHead(context, view, geometry, theme, group, middle) {
  const { groups, arrangement, folded } = view;
  if (view.camera.rowHeight < SMALLEST_HEAD_PX) return;
  const shown = arrangement.counts[group];
  const all = groups.counts[group];
  const rows = `${shown < all ? `${shown.toLocaleString("en")} of ` : ""}${count(all, groups.noun(group))}`;
  const detail = [rows, groups.detail(group)].filter(Boolean).join(" · ");
  context.font = SMALL_FONT;
  const room = geometry.width - 2 * PADDING_PX - context.measureText(detail).width - 30;
  context.font = HEAD_FONT;
  context.fillStyle = theme.css.text;
  const title = fitText(context, `${folded.has(group) ? "▸" : "▾"} ${groups.title(group)}`, room);
  context.fillText(title, PADDING_PX, middle);
  const x = PADDING_PX + context.measureText(title).width + 7;
  context.font = SMALL_FONT;
  context.fillStyle = theme.css.muted;
  context.fillText(detail, x, middle);
}

function drawName(context, view, geometry, theme, row, middle) {
  const { model } = view;
  const depth = view.groups ? 1 : model.depth[row];
  const indent = geometry.gutter < 160 ? 0 : depth * INDENT_PX;
  const right = geometry.gutter - PADDING_PX;
  let x = PADDING_PX + indent;
  context.font = NAME_FONT;
  context.fillStyle = theme.css.text;
  const name = fitText(context, model.name(row), right - x);
  context.fillText(name, x, middle);
  x += context.measureText(name).width + 7;
  context.font = SMALL_FONT;
  context.fillStyle = theme.css.muted;
  if (right - x > 24) context.fillText(fitText(context, model.coroutine(row), right - x), x, middle);
}

// A row with nothing in view says on which side its bar is.
function drawElsewhere(context, view, geometry, theme, row, middle) {
  const { spans } = view.model;
  const isOver = spans.rowEnd[row] <= view.camera.start;
  if (!isOver && spans.rowStart(row) < view.camera.end) return;
  context.font = SMALL_FONT;
  context.fillStyle = theme.css.muted;
  context.fillText(isOver ? "◂" : "▸", isOver ? geometry.gutter + 4 : geometry.width - 18, middle);
}

function drawEnd(context, view, geometry, theme, row, middle) {
  const { model } = view;
  const outcome = model.outcome(row);
  // Runs side by side are cut to the work: what goes on behind it is of no interest.
  if (outcome === "returned" || (outcome === "pending" && model.facts.runs.length)) return;
  const x = geometry.x(model.spans.rowEnd[row]) + 5;
  if (x < geometry.gutter || x > geometry.width - 20) return;
  const text = { raised: `✕ ${model.exception(row) ?? "raised"}`, cancelled: `⊘ ${model.ending(row)}`, pending: "… still pending" }[outcome];
  context.font = SMALL_FONT;
  context.fillStyle = outcome === "raised" ? theme.css.bad : theme.css.muted;
  context.fillText(fitText(context, text, geometry.width - x - 6), x, middle);
}

function drawSpanLabels(context, view, geometry, theme, row, middle) {
  const { spans, layers } = view.model;
  const { start, end } = view.camera;
  const seen = layers.has(row) ? layers : spans;
  const low = seen.first[row];
  const high = seen.first[row + 1];
  if (low === high || spans.rowEnd[row] <= start || spans.rowStart(row) >= end) return;
  const first = lastNotAfter(seen.start, start, low, high);
  const last = lastNotAfter(seen.start, end, low, high);
  if (last - first > SPANS_LABELLED) return;
  context.font = SMALL_FONT;
  for (let index = first; index <= last; index++) {
    const until = seen.end(row, index, spans);
    const left = Math.max(geometry.gutter, geometry.x(seen.start[index]));
    const right = Math.min(geometry.width, geometry.x(until));
    if (right - left < SMALLEST_LABELLED_PX) continue;
    const code = (seen === layers ? layers.code : spans.state)[index];
    context.fillStyle = theme.css[`on-${layers.names[code]}`];
    const width = right - left - 12;
    const labels = layers.isPhase(code) ? phaseLabels(view.model.phases, layers.source[index]) : spanLabels(view.model, row, code, seen.start[index], until);
    const text = labels.find((label) => context.measureText(label).width <= width);
    if (text) context.fillText(text, left + 6, middle - (view.camera.rowHeight >= 22 ? 1 : 0));
  }
}

function phaseLabels(phases, phase) {
  return [phases.inWords(phase, " "), `${phases.name(phase)} ${duration(phases.length[phase])}`, phases.name(phase), duration(phases.length[phase])];
}

// What may be written on a stay in a state, the most telling first: a cut word would tell less than a shorter one.
function spanLabels(model, row, state, start, end) {
  const length = duration(end - start);
  const short = [`${model.layers.names[state]} ${length}`, length];
  const wait = state === WAITING ? model.waits.at(row, start) : -1;
  const place = wait >= 0 ? model.place(model.waitPlace(wait)) : null;
  if (!place) return short;
  const code = sourceLine(place);
  const named = `waiting ${length} · ${place.name.split(".").at(-1)} ${placeName(place)}`;
  return [...(code ? [`${named} · ${code}`] : []), named, `${length} · ${placeName(place)}`, ...short];
}

// As much of `text` as fits, with an ellipsis where it was cut; nothing where not even that fits.
export function fitText(context, text, width) {
  if (text.length > 300) text = text.slice(0, 300);
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? `${text.slice(0, low)}…` : "";
}
