// The way of an arrow, as the text of an SVG path. Coordinates are pixels of the drawing.

const HEAD = 5;
const LEAST_BEND = 14;
const MOST_BEND = 120;
const LEAST_LOOP = 8;
const MOST_LOOP = 20;
const LANES = 5;
const LANE = 2.5;

// From a slot { left, right, y } to an object { left, right, y }; `isBeside` says that they are in one column, whose loops
// go no farther to the right than `limit`, each object's a little apart from another's.
export function route(from, to, isBeside, limit, object) {
  if (isBeside) return loop(from, to, limit - (object % LANES) * LANE);
  return to.left >= from.right ? across(from.right, from.y, to.left, to.y, 1) : across(from.left, from.y, to.right, to.y, -1);
}

function across(x, y, endX, endY, direction) {
  const bend = direction * Math.min(MOST_BEND, Math.max(LEAST_BEND, Math.abs(endX - x) * 0.6));
  return `M${place(x, y)}C${place(x + bend, y)} ${place(endX - bend, endY)} ${place(endX, endY)}${head(endX, endY, direction)}`;
}

// Along the slot's line to the edge of the column, and back from there: the farther it goes, the farther out.
function loop(from, to, limit) {
  const edge = Math.max(from.right, to.right);
  const reach = Math.min(limit, edge + Math.min(MOST_LOOP, LEAST_LOOP + Math.abs(to.y - from.y) * 0.04));
  const out = edge + (reach - edge) * 1.33; // so far is the curve's control from its middle
  return `M${place(from.right, from.y)}H${round(edge)}C${place(out, from.y)} ${place(out, to.y)} ${place(to.right, to.y)}${head(to.right, to.y, -1)}`;
}

function head(x, y, direction) {
  return `M${place(x - direction * HEAD, y - HEAD * 0.8)}L${place(x, y)}L${place(x - direction * HEAD, y + HEAD * 0.8)}`;
}

function place(x, y) {
  return `${round(x)},${round(y)}`;
}

function round(pixels) {
  return Math.round(pixels * 10) / 10;
}
