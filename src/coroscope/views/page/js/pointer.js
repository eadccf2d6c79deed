import { groupOfHead } from "./arrangement.js";
import { AXIS_HEIGHT } from "./geometry.js";

const CLICK_PX = 4;
const SCROLLBAR_GRAB_PX = 14;
const ZOOM_PER_PX = 0.0025;
const LINE_PX = 18; // of a wheel that counts lines, as Firefox's does

// Mouse, pen and touch on the timeline: drag to move, pinch or Ctrl + wheel to zoom, click to select.
export class Pointer {
  #pointers = new Map();
  #moved = false;
  #start = { x: 0, y: 0 };
  #thumb = null;
  #pinched = null;

  constructor(timeline, view, tooltip) {
    this.timeline = timeline;
    this.view = view;
    this.tooltip = tooltip;
    const { canvas } = timeline;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#forget(event));
    canvas.addEventListener("pointerleave", () => this.#leave());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("dblclick", (event) => this.#doubleClick(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    const { canvas } = this.timeline;
    canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.tooltip.hide();
    if (this.#pointers.size > 1) {
      this.#pinched = this.#spread();
      this.#moved = true;
      return;
    }
    this.#moved = false;
    this.#start = { x: event.offsetX, y: event.offsetY };
    const thumb = this.timeline.scrollThumb();
    this.#thumb = thumb && event.offsetX > canvas.clientWidth - SCROLLBAR_GRAB_PX ? thumb : null;
  }

  #move(event) {
    const pointer = this.#pointers.get(event.pointerId);
    if (!pointer) return this.#hover(event);
    const dx = event.offsetX - pointer.x;
    const dy = event.offsetY - pointer.y;
    if (!this.#moved && Math.hypot(event.offsetX - this.#start.x, event.offsetY - this.#start.y) < CLICK_PX) return;
    this.#moved = true;
    pointer.x = event.offsetX;
    pointer.y = event.offsetY;
    if (this.#pointers.size > 1) this.#pinch();
    else if (this.#thumb) this.#scroll(dy * this.#thumb.pxPerPx);
    else this.#drag(dx, dy);
  }

  #drag(dx, dy) {
    this.view.camera.pan(-dx * this.timeline.geometry.nsPerPx);
    this.#scroll(-dy);
  }

  #scroll(px) {
    this.view.camera.scrollBy(px, this.view.rowCount, this.timeline.geometry.rowsHeight);
    this.view.changed();
  }

  #spread() {
    const [a, b] = [...this.#pointers.values()];
    return { width: Math.max(20, Math.abs(a.x - b.x)), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  #pinch() {
    const now = this.#spread();
    const { camera } = this.view;
    const { geometry } = this.timeline;
    camera.zoom(this.#pinched.width / now.width, geometry.time(now.x));
    this.#drag(now.x - this.#pinched.x, now.y - this.#pinched.y);
    this.#pinched = now;
  }

  #up(event) {
    if (this.#pointers.has(event.pointerId) && !this.#moved && !this.#thumb) this.#click(event);
    this.#forget(event);
  }

  #forget(event) {
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size === 1) this.#pinched = null;
    if (!this.#pointers.size) this.#thumb = null;
  }

  #click(event) {
    const { row, time } = this.#target(event);
    if (groupOfHead(row) >= 0) return this.view.toggleFold(row);
    if (row < 0) {
      if (event.offsetY >= AXIS_HEIGHT) this.view.select(-1);
      return;
    }
    this.view.select(row, time === null ? -1 : this.view.model.spans.at(row, time), time);
  }

  #doubleClick(event) {
    const { row, time } = this.#target(event);
    if (row < 0) return;
    const { spans, phases } = this.view.model;
    const span = time === null ? -1 : spans.at(row, time);
    const phase = time === null ? -1 : phases.at(row, time);
    if (phase >= 0) this.view.zoomTo(row, phases.start[phase], phases.end(phase));
    else if (span >= 0) this.view.zoomTo(row, spans.start[span], spans.end(row, span));
    else this.view.zoomTo(row, spans.rowStart(row), spans.rowEnd[row]);
  }

  // The entry under the pointer, and the time; null for the time over the labels.
  #target(event) {
    const { geometry } = this.timeline;
    const row = this.view.rowAt(geometry.position(event.offsetY));
    const time = event.offsetX < geometry.gutter ? null : geometry.time(event.offsetX);
    return { row, time };
  }

  #hover(event) {
    if (event.pointerType === "touch") return;
    const { row, time } = this.#target(event);
    if (row !== this.view.hover) this.view.changed();
    this.view.hover = row;
    if (row < 0) this.tooltip.hide();
    else this.tooltip.show(row, time, event.clientX, event.clientY);
  }

  #leave() {
    this.view.hover = -1;
    this.view.changed();
    this.tooltip.hide();
  }

  // The wheel scrolls the rows; where there is nothing to scroll, it zooms.
  #wheel(event) {
    event.preventDefault();
    this.tooltip.hide();
    const unit = event.deltaMode === 1 ? LINE_PX : 1;
    const [dx, dy] = event.shiftKey && !event.deltaX ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    const { camera } = this.view;
    const { geometry } = this.timeline;
    if (event.ctrlKey || event.metaKey || event.altKey || (!this.timeline.scrollThumb() && !dx)) {
      camera.zoom(Math.exp(dy * unit * ZOOM_PER_PX), geometry.time(Math.max(geometry.gutter, event.offsetX)));
    } else {
      camera.pan(dx * unit * geometry.nsPerPx);
      camera.scrollBy(dy * unit, this.view.rowCount, geometry.rowsHeight);
    }
    this.view.changed();
  }
}
