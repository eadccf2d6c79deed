import { byId } from "../dom.js";

// How deep the calls went over the run, behind the scrubber: of each pixel the deepest.
export class DepthOverview {
  constructor(recording, theme) {
    this.recording = recording;
    this.theme = theme;
    this.canvas = byId("overview");
    this.depths = this.#depthsOfRuns();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  #depthsOfRuns() {
    const { columns, kinds, count } = this.recording;
    const { event_steps, event_kinds, run_steps } = columns;
    const depths = new Uint16Array(run_steps.length);
    let [event, depth] = [0, 0];
    for (let run = 0; run < run_steps.length; run++) {
      for (; event < event_steps.length && event_steps[event] <= run_steps[run]; event++) {
        const kind = event_kinds[event];
        if (kind === kinds.call || kind === kinds.resume || kind === kinds.throw) depth++;
        else if (kind === kinds.return || kind === kinds.yield || kind === kinds.unwind || kind === kinds.create) depth = Math.max(0, depth - 1);
      }
      depths[run] = Math.min(depth, 65535);
    }
    this.count = count;
    return depths;
  }

  draw() {
    const { canvas, depths, count } = this;
    const { run_steps } = this.recording.columns;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !count) return;
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    const tops = new Uint16Array(width);
    for (let run = 0; run < depths.length; run++) {
      const end = run + 1 < run_steps.length ? run_steps[run + 1] : count;
      const last = Math.min(width - 1, Math.floor(((end - 1) / count) * width));
      for (let x = Math.floor((run_steps[run] / count) * width); x <= last; x++) if (depths[run] > tops[x]) tops[x] = depths[run];
    }
    const most = tops.reduce((top, depth) => Math.max(top, depth), 1);
    context.fillStyle = this.theme.css["waiting-edge"];
    for (let x = 0; x < width; x++) {
      const bar = Math.max(1, Math.round((tops[x] / most) * height));
      context.fillRect(x, height - bar, 1, bar);
    }
  }
}
