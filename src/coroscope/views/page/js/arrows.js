import { AXIS_HEIGHT } from "./geometry.js";
import { lastNotAfter } from "./spans.js";

const MOST_ARROWS = 150;

// Who woke the selected task and whom it woke, as arrows at the moments of the wakeups in view. With one wait
// selected, only that wait's arrow comes in.
export function drawArrows(context, view, geometry, theme) {
  if (view.selected < 0) return;
  context.save();
  context.beginPath();
  context.rect(geometry.gutter, AXIS_HEIGHT, geometry.chartWidth, geometry.rowsHeight);
  context.clip();
  context.strokeStyle = context.fillStyle = theme.css.accent;
  context.lineWidth = 1.5;
  for (const [from, to, time] of arrowsInView(view)) {
    drawArrow(context, geometry, view.positionOf(from), view.positionOf(to), time);
  }
  context.restore();
}

function arrowsInView(view) {
  const { waits } = view.model;
  const { start, end } = view.camera;
  const arrows = [];
  const add = (wait) => {
    const time = waits.end[wait];
    const isInView = time >= start && time <= end && !waits.isOpen(wait);
    if (isInView && waits.waker(wait) >= 0) arrows.push([waits.waker(wait), waits.row[wait], time]);
  };
  for (const wait of wakeupsOf(view)) {
    if (arrows.length >= MOST_ARROWS || waits.start[wait] > end) break;
    add(wait);
  }
  for (const wait of waits.endedBy(view.selected)) {
    if (arrows.length >= MOST_ARROWS) break;
    add(wait);
  }
  return arrows;
}

function* wakeupsOf(view) {
  const { waits, spans } = view.model;
  const row = view.selected;
  const low = waits.first[row];
  const high = waits.first[row + 1];
  if (low === high) return;
  if (view.span >= 0) {
    const wait = waits.at(row, spans.start[view.span]);
    if (wait >= 0) yield wait;
    return;
  }
  for (let wait = lastNotAfter(waits.start, view.camera.start, low, high); wait < high; wait++) yield wait;
}

function drawArrow(context, geometry, from, to, time) {
  if (from < 0 || to < 0 || from === to) return;
  const x = geometry.x(time);
  const source = geometry.bar(from);
  const target = geometry.bar(to);
  const isDown = to > from;
  const y0 = isDown ? source.top + source.height : source.top;
  const y1 = isDown ? target.top : target.top + target.height;
  const back = isDown ? -5 : 5;
  context.beginPath();
  context.moveTo(x, y0);
  context.lineTo(x, y1);
  context.stroke();
  context.beginPath();
  context.arc(x, y0, 2.5, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.moveTo(x, y1);
  context.lineTo(x - 3.5, y1 + back);
  context.lineTo(x + 3.5, y1 + back);
  context.fill();
}
