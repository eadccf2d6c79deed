import { count, duration } from "./format.js";
import { READY, RUNNING, WAITING } from "./spans.js";

const BINS_OF_RUNS = 1200;
const EDGE_PX = 6;

// How many tasks are alive over the whole run, and which part of it the timeline shows. A column is as high as most of them
// were alive at once in it; how many of them ran or could run is drawn in it as the mean over its time.
export class Minimap {
  constructor(canvas, view, theme) {
    this.canvas = canvas;
    this.view = view;
    this.theme = theme;
    this.context = canvas.getContext("2d", { alpha: false });
    this.counts = columnsOf(view.model);
    this.highest = Math.max(1, ...this.counts.all);
    this.scale = scaleInWords(view.model);
    this.#listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  resize() {
    this.ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * this.ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * this.ratio));
    this.view.changed();
  }

  draw() {
    const { context, theme } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    context.fillStyle = theme.css.page;
    context.fillRect(0, 0, width, height);
    this.#drawAreas(width, height - 2);
    this.#drawWindow(width, height);
    this.#drawScale();
  }

  #drawScale() {
    const { context, theme } = this;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "top";
    const text = this.scale;
    context.fillStyle = theme.css.page;
    context.globalAlpha = 0.75;
    context.fillRect(4, 4, context.measureText(text).width + 8, 15);
    context.globalAlpha = 1;
    context.fillStyle = theme.css.muted;
    context.fillText(text, 8, 6);
  }

  // From the top down, so that each area covers the lower part of the one before.
  #drawAreas(width, height) {
    const { context, theme, counts } = this;
    const layers = [
      [counts.all, theme.css.waiting],
      [counts.busy, theme.css.ready],
      [counts.running, theme.css.running],
    ];
    for (const [values, color] of layers) {
      context.fillStyle = color;
      this.#trace(values, width, height);
      context.fill();
      if (values !== counts.all) continue;
      context.strokeStyle = theme.css["waiting-edge"];
      context.lineWidth = 1;
      context.stroke();
    }
  }

  #trace(values, width, height) {
    const { context } = this;
    context.beginPath();
    context.moveTo(0, height);
    const bins = values.length;
    for (let bin = 0; bin < bins; bin++) {
      const y = height - (values[bin] / this.highest) * (height - 4);
      context.lineTo((bin / bins) * width, y);
      context.lineTo(((bin + 1) / bins) * width, y);
    }
    context.lineTo(width, height);
  }

  #drawWindow(width, height) {
    const { context, theme } = this;
    const [left, right] = this.#edges(width);
    context.fillStyle = theme.css.page;
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 1;
    context.strokeStyle = theme.css.accent;
    context.lineWidth = 1.5;
    context.strokeRect(left + 0.75, 0.75, Math.max(2, right - left - 1.5), height - 1.5);
  }

  #edges(width) {
    const { camera } = this.view;
    return [(camera.start / camera.duration) * width, (camera.end / camera.duration) * width];
  }

  // Dragging inside the window moves it; elsewhere it marks out a new one; a click centres it.
  #listen() {
    const { canvas, view } = this;
    const timeOf = (event) => (event.offsetX / canvas.clientWidth) * view.camera.duration;
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      const [left, right] = this.#edges(canvas.clientWidth);
      const isWhole = view.camera.span >= view.camera.duration;
      const isInside = event.offsetX > left + EDGE_PX && event.offsetX < right - EDGE_PX && !isWhole;
      drag = { from: timeOf(event), last: timeOf(event), isInside, x: event.offsetX, isMoved: false };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const time = timeOf(event);
      drag.isMoved ||= Math.abs(event.offsetX - drag.x) > 3;
      if (!drag.isMoved) return;
      if (drag.isInside) view.camera.pan(time - drag.last);
      else view.camera.show(Math.min(drag.from, time), Math.max(drag.from, time));
      drag.last = time;
      view.followRows();
      view.changed();
    });
    canvas.addEventListener("pointerup", () => {
      if (drag && !drag.isMoved) view.camera.pan(drag.from - (view.camera.start + view.camera.end) / 2);
      drag = null;
      view.followRows();
      view.changed();
    });
    canvas.addEventListener("pointercancel", () => (drag = null));
  }

  describe() {
    return `Over ${duration(this.view.model.duration)}: ${this.scale}; drag to choose what the timeline shows`;
  }
}

// What a column of the full height stands for, in the words of the header.
function scaleInWords(model) {
  const { runs, summary } = model.facts;
  if (runs.length) return "all runs together";
  const { max, mains } = summary.concurrency;
  const noun = model.countedNoun;
  const main = mains > 1 ? `${mains.toLocaleString("en")} main ones` : "the main one";
  if (max) return `${count(max, noun)} at once, at most${mains ? `, beside ${main}` : ""}`;
  return mains ? `${mains > 1 ? mains.toLocaleString("en") : "the"} main ${noun}${mains > 1 ? "s" : ""} alone` : `no ${noun}`;
}

// Of runs side by side, which were made one after another, nothing was alive at once: what is drawn are the means.
function columnsOf(model) {
  const { alive } = model.facts.summary;
  const means = countStates(model, alive.length || BINS_OF_RUNS);
  return alive.length ? { ...means, all: alive } : means;
}

// The mean number of tasks in each state, a bin of time at a time. Each span adds to the two bins it ends in, and a
// difference to those between, so the cost is spans + bins.
function countStates(model, bins) {
  const { spans } = model;
  const width = model.duration / bins;
  const partial = [0, 1, 2].map(() => new Float64Array(bins + 2));
  const change = [0, 1, 2].map(() => new Float64Array(bins + 2));
  for (let row = 0; row < model.count; row++) {
    if (!model.isCounted(row)) continue;
    for (let i = spans.first[row]; i < spans.first[row + 1]; i++) {
      addSpan(partial[spans.state[i]], change[spans.state[i]], spans.start[i] / width, spans.end(row, i) / width, bins);
    }
  }
  const [ready, running, waiting] = [READY, RUNNING, WAITING].map((state) => settle(partial[state], change[state], bins));
  const busy = running.map((value, bin) => value + ready[bin]);
  return { running, busy, all: busy.map((value, bin) => value + waiting[bin]) };
}

function addSpan(partial, change, start, end, bins) {
  const first = Math.min(bins, Math.max(0, Math.floor(start)));
  const last = Math.min(bins, Math.max(0, Math.floor(end)));
  if (first === last) {
    partial[first] += end - start;
    return;
  }
  partial[first] += first + 1 - start;
  partial[last] += end - last;
  change[first + 1] += 1;
  change[last] -= 1;
}

function settle(partial, change, bins) {
  const values = new Float64Array(bins);
  let whole = 0;
  for (let bin = 0; bin < bins; bin++) values[bin] = partial[bin] + (whole += change[bin]);
  return values;
}
