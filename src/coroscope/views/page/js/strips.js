import { byId } from "./dom.js";
import { duration, moment } from "./format.js";
import { Geometry } from "./geometry.js";
import { NAME_FONT, PADDING_PX, SMALL_FONT, fitText } from "./labels.js";

const LANE_PX = 20;
const BAR_PX = 14;
const LEAST_LABEL_PX = 30;
const GRAB_PX = 5; // how far beside an instant it can still be pointed at

// The lanes above the tasks' rows, one strip each, in the same window of time; not there where there are none.
export class Strips {
  constructor(view, theme) {
    this.view = view;
    this.theme = theme;
    this.lanes = view.model.lanes;
    this.canvas = byId("lanes");
    this.canvas.hidden = !this.lanes.count;
    byId("items-hint").hidden = !this.lanes.count;
    if (!this.lanes.count) return;
    this.canvas.style.height = `${this.lanes.titles.length * LANE_PX + 4}px`;
    this.canvas.setAttribute("aria-label", this.#describe());
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.canvas.addEventListener("click", (event) => this.#click(event));
    this.canvas.addEventListener("pointermove", (event) => this.#hover(event));
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    this.resize();
  }

  #describe() {
    const { titles, first } = this.lanes;
    return `Above the tasks: ${titles.map((title, lane) => `${title} (${first[lane + 1] - first[lane]})`).join(", ")}`;
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.geometry = new Geometry(this.view.camera, clientWidth, clientHeight, ratio);
    this.view.changed();
  }

  draw() {
    if (!this.lanes.count) return;
    const { context, geometry, theme, canvas } = this;
    context.setTransform(geometry.ratio, 0, 0, geometry.ratio, 0, 0);
    context.fillStyle = theme.css.page;
    context.fillRect(0, 0, geometry.width, canvas.clientHeight);
    for (let lane = 0; lane < this.lanes.titles.length; lane++) this.#drawLane(lane, lane * LANE_PX + 2);
    this.#outlineSelected();
  }

  #drawLane(lane, top) {
    const { context, geometry, theme, lanes } = this;
    context.textBaseline = "middle";
    context.font = NAME_FONT;
    context.fillStyle = theme.css.text;
    const room = geometry.gutter - 2 * PADDING_PX;
    context.fillText(fitText(context, lanes.titles[lane], room), PADDING_PX, top + LANE_PX / 2);
    context.fillStyle = theme.css.line;
    context.fillRect(geometry.gutter, top + LANE_PX - 1, geometry.chartWidth, 1);
    context.save();
    context.beginPath();
    context.rect(geometry.gutter, top, geometry.chartWidth, LANE_PX);
    context.clip();
    context.font = SMALL_FONT;
    this.#drawItems(lane, top + (LANE_PX - BAR_PX) / 2);
    context.restore();
  }

  // What falls into a pixel that is drawn already is left out: there may be a million.
  #drawItems(lane, top) {
    const { view, geometry, lanes } = this;
    const [from, to] = lanes.within(lane, view.camera.start, view.camera.end);
    let drawnTo = geometry.gutter - 1;
    for (let item = from; item < to; item++) {
      const left = Math.max(geometry.gutter - 2, geometry.x(lanes.start[item]));
      const right = Math.max(left + (lanes.isInstant(item) ? 0 : 1), Math.min(geometry.width + 2, geometry.x(lanes.end(item))));
      if (right < geometry.gutter || right < drawnTo + 1) continue;
      const next = item + 1 < to ? geometry.x(lanes.start[item + 1]) : Infinity;
      this.#drawItem(item, left, right, top, Math.max(left, drawnTo), next);
      drawnTo = Math.max(drawnTo, right);
    }
  }

  #drawItem(item, left, right, top, seenFrom, next) {
    const { context, theme, view, lanes, geometry } = this;
    context.globalAlpha = view.foundItems && !view.foundItems[item] ? 0.25 : 1;
    context.fillStyle = context.strokeStyle = theme.css.lane;
    if (lanes.isInstant(item)) {
      context.fillRect(left - 0.75, top, 1.5, BAR_PX);
      context.beginPath();
      context.moveTo(left, top);
      context.lineTo(left + 6, top + 3.5);
      context.lineTo(left, top + 7);
      context.fill();
    } else if (right - left < 3) context.fillRect(left, top, right - left, BAR_PX);
    else {
      context.fillStyle = theme.css["lane-fill"];
      context.fillRect(left, top, right - left, BAR_PX);
      context.lineWidth = 1;
      context.strokeRect(left + 0.5, top + 0.5, right - left - 1, BAR_PX - 1);
    }
    const from = Math.max(geometry.gutter, seenFrom) + (lanes.isInstant(item) ? 9 : 5);
    const room = Math.min(lanes.isInstant(item) ? geometry.width : right, next) - from - 4;
    if (room >= LEAST_LABEL_PX) {
      context.fillStyle = theme.css.text;
      context.fillText(fitText(context, this.#label(item, room), room), from, top + BAR_PX / 2 + 0.5);
    }
    context.globalAlpha = 1;
  }

  #label(item, room) {
    const text = this.lanes.text(item);
    const long = this.lanes.isInstant(item) ? text : `${text} · ${duration(this.lanes.length[item])}`;
    return this.context.measureText(long).width <= room ? long : text;
  }

  #outlineSelected() {
    const { context, geometry, theme, lanes, view } = this;
    if (view.item < 0) return;
    const top = lanes.lane(view.item) * LANE_PX + 2 + (LANE_PX - BAR_PX) / 2;
    const left = geometry.x(lanes.start[view.item]);
    const right = Math.max(left + 2, geometry.x(lanes.end(view.item)));
    if (right < geometry.gutter || left > geometry.width) return;
    context.strokeStyle = theme.css.accent;
    context.lineWidth = 2;
    const from = Math.max(geometry.gutter, left - 2);
    context.strokeRect(from, top - 1, Math.min(geometry.width + 4, right + 2) - from, BAR_PX + 2);
  }

  // The item under the pointer: of several, the one that began last; or -1.
  #itemAt(event) {
    const { lanes, geometry } = this;
    const lane = Math.floor((event.offsetY - 2) / LANE_PX);
    if (lane < 0 || lane >= lanes.titles.length || event.offsetX < geometry.gutter) return -1;
    const slack = GRAB_PX * geometry.nsPerPx;
    const time = geometry.time(event.offsetX);
    const [from, to] = lanes.within(lane, time - slack, time + slack);
    for (let item = to - 1; item >= from; item--) {
      if (lanes.start[item] <= time + slack && lanes.end(item) >= time - slack) return item;
    }
    return -1;
  }

  #click(event) {
    const item = this.#itemAt(event);
    if (item >= 0) this.view.showItem(item, false);
  }

  #hover(event) {
    const item = this.#itemAt(event);
    const { lanes } = this;
    this.canvas.style.cursor = item >= 0 ? "pointer" : "default";
    const length = item < 0 || lanes.isInstant(item) ? "" : `, ${duration(lanes.length[item])}`;
    this.canvas.title = item < 0 ? "" : `${lanes.text(item)}${length}, at ${moment(lanes.start[item])}`;
  }
}
