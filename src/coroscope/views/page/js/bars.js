import { AXIS_HEIGHT, AXIS_LINE } from "./geometry.js";
import { Strip } from "./strip.js";
import { packColor } from "./theme.js";

const FOOT_PX = 3; // also of the mark at the head
const EDGED_ABOVE_PX = 6; // a lower bar has its edge at the foot only

// Paints the bars of the visible rows, pixel by pixel, into one image that is put on the canvas at once.
export class Bars {
  #image = null;
  #strip = null;

  paint(context, view, geometry, theme, tickTimes) {
    const width = context.canvas.width;
    const height = context.canvas.height;
    if (this.#image?.width !== width || this.#image?.height !== height) {
      this.#image = context.createImageData(width, height);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(packColor(theme.rgb.page));
    const left = Math.round(geometry.gutter * geometry.ratio);
    if (this.#strip?.color.length !== width - left) this.#strip = new Strip(width - left);
    this.#paintGrid(pixels, width, height, geometry, theme, tickTimes);
    const [first, last] = geometry.visible(view.rowCount);
    for (let position = first; position <= last; position++) {
      this.#paintRow(pixels, width, height, left, position, view, geometry, theme);
    }
    context.putImageData(this.#image, 0, 0);
  }

  #paintGrid(pixels, width, height, geometry, theme, tickTimes) {
    const color = packColor(theme.rgb.line);
    const top = Math.round(AXIS_LINE * geometry.ratio);
    for (const time of tickTimes) {
      const x = Math.round(geometry.x(time) * geometry.ratio);
      if (x >= width) continue;
      for (let y = top; y < height; y++) pixels[y * width + x] = color;
    }
  }

  #paintRow(pixels, width, height, left, position, view, geometry, theme) {
    const row = view.rowAt(position);
    const isHead = row < 0;
    const { ratio } = geometry;
    const clip = (y) => Math.min(height, Math.max(Math.round(AXIS_HEIGHT * ratio), Math.round(y * ratio)));
    const isPointedAt = row === view.cursor || row === view.hover;
    const { selection, cursor, raised } = theme.rgb;
    const tint = !isHead && row === view.selected ? selection : isPointedAt ? cursor : isHead ? raised : null;
    if (tint) {
      const top = geometry.rowTop(position);
      pixels.fill(packColor(tint), clip(top) * width, clip(top + view.camera.rowHeight) * width);
    }
    if (isHead) return;
    const strip = this.#strip;
    this.#fillStrip(strip, row, view, theme, tint ?? theme.rgb.page);
    const bar = geometry.bar(position);
    const bottom = clip(bar.top + bar.height);
    const thickness = Math.max(1, Math.round(ratio));
    const edgedFrom = clip(bar.top + bar.height) - thickness;
    const edgedTo = bar.height >= EDGED_ABOVE_PX ? clip(bar.top) + thickness : 0;
    const alive = strip.color.subarray(strip.from, strip.to);
    const edge = strip.edge.subarray(strip.from, strip.to);
    for (let y = clip(bar.top); y < bottom; y++) pixels.set(y >= edgedFrom || y < edgedTo ? edge : alive, y * width + left + strip.from);
    if (bar.height >= 3 * FOOT_PX) this.#paintFoot(pixels, width, left, clip(bar.top + bar.height - FOOT_PX), bottom, theme.rgb.running);
    if (strip.phase && bar.height >= 3 * FOOT_PX) this.#paintHead(pixels, width, left, clip(bar.top), clip(bar.top + FOOT_PX));
  }

  #fillStrip(strip, row, view, theme, background) {
    const { camera, model } = view;
    const { running, ready, waiting } = theme.rgb;
    const waitingEdge = theme.rgb["waiting-edge"];
    const nsPerPixel = camera.span / strip.color.length;
    if (!model.layers.has(row)) return strip.fill(model.spans, row, camera.start, nsPerPixel, { background, running, ready, waiting, waitingEdge });
    const colors = model.layers.names.map((name) => theme.rgb[name]);
    strip.fillLayers(model.layers, model.spans, row, camera.start, nsPerPixel, { background, waitingEdge, colors });
  }

  // A step of some microseconds is a breath of colour in its pixel. Along the foot of the bar it is a full mark, so
  // that a task that ran briefly cannot be taken for one that did not run.
  #paintFoot(pixels, width, left, top, bottom, running) {
    const { hasRun, from, to } = this.#strip;
    const color = packColor(running);
    for (let x = from; x < to; x++) {
      if (hasRun[x]) for (let y = top; y < bottom; y++) pixels[y * width + left + x] = color;
    }
  }

  // Likewise along the head, for phases: whatever else the pixel mixes, there was one.
  #paintHead(pixels, width, left, top, bottom) {
    const { phase, from, to } = this.#strip;
    for (let x = from; x < to; x++) {
      if (phase[x]) for (let y = top; y < bottom; y++) pixels[y * width + left + x] = phase[x];
    }
  }
}
