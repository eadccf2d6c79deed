import { byId } from "./dom.js";

const ZOOM_STEP = 1.5;
const PAN_STEP = 0.2;

// What each key does; the help lists the same in the template.
function actions(view, search, table) {
  const { camera } = view;
  const middle = () => (camera.start + camera.end) / 2;
  const onRow = (task) => view.cursor >= 0 && task(view.cursor);
  const rows = () => [view.rowCount, view.rowsHeight];
  const pageRows = () => Math.max(1, Math.floor(view.rowsHeight / camera.rowHeight) - 1);
  return new Map([
    [["ArrowLeft", "a"], () => pan(view, -PAN_STEP)],
    [["ArrowRight", "d"], () => pan(view, PAN_STEP)],
    [["w", "+", "="], () => camera.zoom(1 / ZOOM_STEP, focusTime(view, middle()))],
    [["s", "-"], () => camera.zoom(ZOOM_STEP, focusTime(view, middle()))],
    [["ArrowDown", "j"], () => view.moveCursorBy(1)],
    [["ArrowUp", "k"], () => view.moveCursorBy(-1)],
    [["PageDown"], () => view.moveCursorBy(pageRows())],
    [["PageUp"], () => view.moveCursorBy(-pageRows())],
    [["Home"], () => view.moveCursorBy(-view.rowCount)],
    [["End"], () => view.moveCursorBy(view.rowCount)],
    [["Enter"], () => (view.cursor >= 0 ? openTask(view, view.cursor) : view.toggleFold(view.cursor))],
    [["z"], () => (view.item >= 0 ? zoomOnItem(view) : onRow((row) => zoomOn(view, row)))],
    [["f"], () => view.fit()],
    [["t"], () => table.toggle()],
    [["g"], () => view.groupByNext()],
    [["c"], () => view.toggleFold(view.cursor)],
    [["C"], () => view.toggleAllFolds()],
    [["["], () => camera.changeRowHeight(-1, ...rows())],
    [["]"], () => camera.changeRowHeight(1, ...rows())],
    [["n"], () => moveSpanBy(view, 1)],
    [["p"], () => moveSpanBy(view, -1)],
    [["."], () => view.moveFindingBy(1)],
    [[","], () => view.moveFindingBy(-1)],
    [["m"], () => view.moveItemBy(1)],
    [["M"], () => view.moveItemBy(-1)],
    [["/"], () => search.focus()],
    [["?"], () => byId("help").showModal()],
    [["Escape"], () => leave(view)],
  ]);
}

export function listenToKeys(view, search, table) {
  const byKey = new Map();
  for (const [keys, action] of actions(view, search, table)) for (const key of keys) byKey.set(key, action);
  document.addEventListener("keydown", (event) => {
    const action = byKey.get(event.key) ?? byKey.get(event.key.toLowerCase());
    if (!action || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    event.preventDefault();
    action();
    view.changed();
  });
}

// Keys that the focused control wants for itself.
function isTaken(event) {
  const { target, key } = event;
  if (byId("help").open || target.closest("input, select")) return true;
  if (key === "Enter") return !!target.closest("button, summary, a");
  const isScrolling = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].includes(key);
  return isScrolling && !!target.closest("#panel, #statistics");
}

function pan(view, windows) {
  view.camera.pan(view.camera.span * windows);
  view.followRows();
}

// Zooming aims at the selected span while it is in view.
function focusTime(view, otherwise) {
  if (view.span < 0) return otherwise;
  const [start, end] = view.selectedStretch;
  const middle = (start + end) / 2;
  return middle >= view.camera.start && middle <= view.camera.end ? middle : otherwise;
}

function openTask(view, row) {
  view.select(row);
  view.camera.reveal(view.model.spans.rowStart(row));
  byId("panel").focus({ preventScroll: true });
}

// The selected state fills the window, or else the task.
function zoomOn(view, row) {
  const { spans } = view.model;
  if (view.span >= 0 && row === view.selected) return view.zoomTo(row, ...view.selectedStretch);
  view.zoomTo(row, spans.rowStart(row), spans.rowEnd[row]);
  view.select(row);
}

function zoomOnItem(view) {
  const { lanes } = view.model;
  const margin = Math.max(1000, lanes.length[view.item] * 0.4);
  view.camera.show(lanes.start[view.item] - margin, lanes.end(view.item) + margin);
}

function moveSpanBy(view, step) {
  if (view.selected < 0) return;
  const { spans } = view.model;
  const [low, high] = [spans.first[view.selected], spans.first[view.selected + 1]];
  const span = view.span < 0 ? (step > 0 ? low : high - 1) : view.span + step;
  if (span < low || span >= high) return;
  view.select(view.selected, span);
  view.camera.reveal(spans.start[span]);
}

// One thing at a time: the finding or mark, the selected span, the selection, the search, then the statistics.
function leave(view) {
  if (view.finding >= 0 || view.item >= 0) view.select(-1);
  else if (view.span >= 0) view.select(view.selected);
  else if (view.selected >= 0) view.select(-1);
  else if (view.query || view.only >= 0) view.clearSearch();
  else view.table = null;
}
