import { byId, el } from "./dom.js";
import { duration, moment, placeName } from "./format.js";
import { sourceLine } from "./quote.js";
import { STATE_NAMES, WAITING } from "./spans.js";
import { shortCause } from "./wakeups.js";

const GAP_PX = 14;

// What is under the pointer, in a few words.
export class Tooltip {
  constructor(model) {
    this.model = model;
    this.element = byId("tooltip");
  }

  hide() {
    this.element.hidden = true;
  }

  show(row, time, x, y) {
    this.element.replaceChildren(...this.#lines(row, time));
    this.element.hidden = false;
    const { offsetWidth, offsetHeight } = this.element;
    const left = x + GAP_PX + offsetWidth > innerWidth ? x - GAP_PX - offsetWidth : x + GAP_PX;
    const top = y + GAP_PX + offsetHeight > innerHeight ? y - GAP_PX - offsetHeight : y + GAP_PX;
    this.element.style.left = `${Math.max(4, left)}px`;
    this.element.style.top = `${Math.max(4, top)}px`;
  }

  #lines(row, time) {
    const { model } = this;
    const head = el("div", { className: "tip-head" }, el("b", {}, model.name(row)), " ", model.coroutine(row));
    const span = time === null ? -1 : model.spans.at(row, time);
    if (span < 0) return [head, el("div", {}, `lived ${duration(model.spans.rowEnd[row] - model.spans.rowStart(row))}`)];
    const state = model.spans.state[span];
    const start = model.spans.start[span];
    const length = duration(model.spans.end(row, span) - start);
    const what = el("div", {}, el("i", { className: `swatch ${STATE_NAMES[state]}` }), `${STATE_NAMES[state]} for ${length}`);
    const when = el("span", { className: "tip-when" }, ` from ${moment(start, 1e5)}`);
    what.append(when);
    return [head, ...this.#phaseLines(row, time), what, ...(state === WAITING ? this.#waitLines(row, start) : [])];
  }

  #phaseLines(row, time) {
    const { phases } = this.model;
    const phase = phases.at(row, time);
    if (phase < 0) return [];
    const when = el("span", { className: "tip-when" }, ` from ${moment(phases.start[phase], 1e5)}`);
    return [el("div", {}, el("i", { className: `swatch ${phases.name(phase)}` }), phases.inWords(phase), when)];
  }

  #waitLines(row, start) {
    const { model } = this;
    const wait = model.waits.at(row, start);
    if (wait < 0) return [];
    const place = model.place(model.waitPlace(wait));
    const lines = [el("div", { className: "tip-when" }, [model.waitsOn(wait), shortCause(model, wait)].filter(Boolean).join(" · "))];
    if (place) {
      lines.unshift(el("div", {}, `${place.name}  ${placeName(place)}`));
      if (sourceLine(place)) lines.push(el("code", {}, sourceLine(place)));
    }
    return lines;
  }
}
