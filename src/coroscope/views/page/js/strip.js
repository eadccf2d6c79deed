import { READY, RUNNING, gallop, lastNotAfter } from "./spans.js";
import { packColor } from "./theme.js";

// One row of pixels: each is the mix of the states' colours in the exact proportion of the time it covers.
// Cost: pixels × log(spans between two of them), because shares are differences of running sums.
export class Strip {
  constructor(width) {
    this.color = new Uint32Array(width);
    this.edge = new Uint32Array(width); // the colours along the bar's edges, where pale waiting has to stand out
    this.hasRun = new Uint8Array(width); // whether the task ran at all in the pixel
    this.from = 0; // the pixels in which the task was alive: from..to-1
    this.to = 0;
  }

  // `palette`: background, the colour of each state, and that of waiting's edge, as [red, green, blue].
  fill(spans, row, start, nsPerPixel, palette) {
    const low = spans.first[row];
    const high = spans.first[row + 1];
    const width = this.color.length;
    const lifeStart = spans.rowStart(row);
    const lifeEnd = spans.rowEnd[row];
    this.from = Math.min(width, Math.max(0, Math.floor((lifeStart - start) / nsPerPixel)));
    this.to = Math.min(width, Math.ceil((lifeEnd - start) / nsPerPixel));
    this.to = low === high ? this.from : Math.max(this.from, this.to);
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
