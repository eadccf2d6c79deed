import { READY, RUNNING, STATE_NAMES, WAITING, gallop, lastNotAfter } from "./spans.js";
import { packColor } from "./theme.js";

const FIRST_PHASE = STATE_NAMES.length;

// One row of pixels: each is the mix of the states' colours in the exact proportion of the time it covers.
// Cost: pixels × log(spans between two of them), because shares are differences of running sums.
export class Strip {
  constructor(width) {
    this.color = new Uint32Array(width);
    this.edge = new Uint32Array(width); // the colours along the bar's edges, where pale waiting has to stand out
    this.hasRun = new Uint8Array(width); // whether the task ran at all in the pixel
    this.phase = null; // of a row with phases: the color of the longest in the pixel, 0 for none
    this.from = 0; // the pixels in which the task was alive: from..to-1
    this.to = 0;
  }

  // `palette`: background, the colour of each state, and that of waiting's edge, as [red, green, blue].
  fill(spans, row, start, nsPerPixel, palette) {
    const low = spans.first[row];
    const high = spans.first[row + 1];
    const lifeStart = spans.rowStart(row);
    const lifeEnd = spans.rowEnd[row];
    this.phase = null;
    this.#place(lifeStart, low === high ? lifeStart : lifeEnd, start, nsPerPixel);
    if (this.to === this.from) return;
    const mix = new Mixer(palette);
    const edgeMix = new Mixer({ ...palette, waiting: palette.waitingEdge });
    let time = Math.max(lifeStart, start + this.from * nsPerPixel);
    let index = lastNotAfter(spans.start, time, low, high);
    let run = ranUntil(spans, index, time);
    let ready = readyUntil(spans, index, time);
    for (let x = this.from; x < this.to; x++) {
      const next = Math.min(lifeEnd, start + (x + 1) * nsPerPixel);
      index = gallop(spans.start, next, index, high);
      const runNext = ranUntil(spans, index, next);
      const readyNext = readyUntil(spans, index, next);
      const alive = next - time;
      this.color[x] = mix.color(runNext - run, readyNext - ready, alive, nsPerPixel);
      this.edge[x] = edgeMix.color(runNext - run, readyNext - ready, alive, nsPerPixel);
      this.hasRun[x] = runNext > run ? 1 : 0;
      time = next;
      run = runNext;
      ready = readyNext;
    }
  }

  // As fill, for a row of segments. `colors` has one for each of their codes, the states' first.
  fillLayers(layers, spans, row, start, nsPerPixel, { background, waitingEdge, colors }) {
    const low = layers.first[row];
    const high = layers.first[row + 1];
    const lifeEnd = spans.rowEnd[row];
    this.phase = new Uint32Array(this.color.length);
    this.#place(spans.rowStart(row), lifeEnd, start, nsPerPixel);
    if (this.to === this.from) return;
    const edges = colors.map((color, code) => (code === WAITING ? waitingEdge : color));
    const pure = colors.map(packColor);
    const parts = new Float64Array(colors.length);
    let [spent, spentNext] = [new Float64Array(colors.length), new Float64Array(colors.length)];
    let time = Math.max(spans.rowStart(row), start + this.from * nsPerPixel);
    let index = lastNotAfter(layers.start, time, low, high);
    layers.spentUntil(time, index, spent);
    for (let x = this.from; x < this.to; x++) {
      const next = Math.min(lifeEnd, start + (x + 1) * nsPerPixel);
      index = gallop(layers.start, next, index, high);
      layers.spentUntil(next, index, spentNext);
      for (let code = 0; code < parts.length; code++) parts[code] = spentNext[code] - spent[code];
      const none = nsPerPixel - (next - time);
      this.color[x] = mixAll(colors, parts, background, none, nsPerPixel);
      this.edge[x] = mixAll(edges, parts, background, none, nsPerPixel);
      this.hasRun[x] = parts[RUNNING] > 0 ? 1 : 0;
      this.phase[x] = colorOfLongest(parts, pure);
      time = next;
      [spent, spentNext] = [spentNext, spent];
    }
  }

  // The pixels in which a life from `lifeStart` to `lifeEnd` is; none for one that has no states.
  #place(lifeStart, lifeEnd, start, nsPerPixel) {
    const width = this.color.length;
    this.from = Math.min(width, Math.max(0, Math.floor((lifeStart - start) / nsPerPixel)));
    this.to = lifeEnd > lifeStart ? Math.max(this.from, Math.min(width, Math.ceil((lifeEnd - start) / nsPerPixel))) : this.from;
  }
}

function mixAll(colors, parts, background, none, whole) {
  let packed = 0xff000000;
  for (let channel = 0; channel < 3; channel++) {
    let sum = none * background[channel];
    for (let code = 0; code < parts.length; code++) sum += parts[code] * colors[code][channel];
    packed |= Math.round(sum / whole) << (8 * channel);
  }
  return packed >>> 0;
}

// Of the phases, which come after the states; 0 where there is none.
function colorOfLongest(parts, colors) {
  let longest = 0;
  for (let code = FIRST_PHASE; code < parts.length; code++) if (parts[code] > (longest ? parts[longest] : 0)) longest = code;
  return longest ? colors[longest] : 0;
}

function ranUntil(spans, index, time) {
  return spans.run[index] + (spans.state[index] === RUNNING ? time - spans.start[index] : 0);
}

function readyUntil(spans, index, time) {
  return spans.ready[index] + (spans.state[index] === READY ? time - spans.start[index] : 0);
}

class Mixer {
  constructor({ background, running, ready, waiting }) {
    this.background = background;
    this.running = running;
    this.ready = ready;
    this.waiting = waiting;
    this.pure = [running, ready, waiting].map(packColor);
  }

  color(run, ready, alive, whole) {
    if (alive === whole) {
      if (run === whole) return this.pure[0];
      if (ready === whole) return this.pure[1];
      if (run === 0 && ready === 0) return this.pure[2];
    }
    const wait = alive - run - ready;
    const none = whole - alive;
    let packed = 0xff000000;
    for (let channel = 0; channel < 3; channel++) {
      const sum =
        run * this.running[channel] +
        ready * this.ready[channel] +
        wait * this.waiting[channel] +
        none * this.background[channel];
      packed |= Math.round(sum / whole) << (8 * channel);
    }
    return packed >>> 0;
  }
}
