import { drawArrows } from "./arrows.js";
import { ticks } from "./axis.js";
import { Bars } from "./bars.js";
import { AXIS_HEIGHT, Geometry } from "./geometry.js";
import { drawAxis, drawRowLabels } from "./labels.js";

const SCROLLBAR_PX = 6;
const SMALLEST_THUMB_PX = 24;

// The canvas of rows: draws what the view shows.
export class Timeline {
  #bars = new Bars();

  constructor(canvas, view, theme) {
    this.canvas = canvas;
    this.view = view;
    this.theme = theme;
    this.context = canvas.getContext("2d", { alpha: false });
    this.resize();
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.geometry = new Geometry(this.view.camera, clientWidth, clientHeight, ratio);
    this.view.rowsHeight = this.geometry.rowsHeight;
    this.view.camera.scrollBy(0, this.view.rowCount, this.geometry.rowsHeight);
    this.view.changed();
  }

  draw() {
    const { context, view, geometry, theme } = this;
    const marks = ticks(view.camera.start, view.camera.end, geometry.chartWidth);
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.#bars.paint(context, view, geometry, theme, marks.times);
    context.setTransform(geometry.ratio, 0, 0, geometry.ratio, 0, 0);
    drawAxis(context, geometry, theme, marks);
    drawRowLabels(context, view, geometry, theme);
    this.#outlineSelectedSpan();
    this.#markSelectedItem();
    drawArrows(context, view, geometry, theme);
    this.#drawScrollbar();
    if (!view.rowCount) this.#drawEmpty();
  }

  #outlineSelectedSpan() {
    const { context, view, geometry, theme } = this;
    const position = view.span < 0 ? -1 : view.positionOf(view.selected);
    if (position < 0) return;
    const [start, end] = view.selectedStretch;
    const left = Math.max(geometry.gutter - 2, geometry.x(start));
    const right = Math.min(geometry.width + 2, geometry.x(end));
    const bar = geometry.bar(position);
    if (right < geometry.gutter || left > geometry.width || bar.top < AXIS_HEIGHT) return;
    context.strokeStyle = theme.css.accent;
    context.lineWidth = 2;
    context.strokeRect(left - 1, bar.top - 1, Math.max(3, right - left) + 2, bar.height + 2);
  }

  // Where the selected mark or region begins and ends, down through the rows.
  #markSelectedItem() {
    const { context, view, geometry, theme } = this;
    const { lanes } = view.model;
    if (view.item < 0) return;
    context.fillStyle = theme.css.accent;
    for (const time of new Set([lanes.start[view.item], lanes.end(view.item)])) {
      const x = geometry.x(time);
      if (x >= geometry.gutter && x <= geometry.width) context.fillRect(x - 0.5, AXIS_HEIGHT, 1, geometry.rowsHeight);
    }
  }

  #drawScrollbar() {
    const thumb = this.scrollThumb();
    if (!thumb) return;
    this.context.fillStyle = this.theme.css.muted;
    this.context.globalAlpha = 0.45;
    this.context.fillRect(this.geometry.width - SCROLLBAR_PX, thumb.top, SCROLLBAR_PX - 1, thumb.height);
    this.context.globalAlpha = 1;
  }

  // Where the scroll bar's thumb is; null while all rows fit.
  scrollThumb() {
    const { geometry, view } = this;
    const total = view.rowCount * view.camera.rowHeight;
    if (total <= geometry.rowsHeight) return null;
    const height = Math.max(SMALLEST_THUMB_PX, (geometry.rowsHeight * geometry.rowsHeight) / total);
    const travel = geometry.rowsHeight - height;
    const pxPerPx = (total - geometry.rowsHeight) / Math.max(1, travel);
    return { top: AXIS_HEIGHT + view.camera.scroll / pxPerPx, height, pxPerPx };
  }

  #drawEmpty() {
    const { context, geometry, theme, view } = this;
    context.font = "13px system-ui, sans-serif";
    context.fillStyle = theme.css.muted;
    context.textBaseline = "middle";
    const text = view.model.count ? "Nothing has this in its name. Esc clears the search." : "No tasks were recorded.";
    context.fillText(text, 16, AXIS_HEIGHT + 24, geometry.width - 32);
  }
}
