import { byId } from "../dom.js";
import { moment } from "../format.js";
import { visible } from "./words.js";

// When the shown step was in the trace of the same run, in which of its tasks, and the way back there.
export class Moments {
  constructor(recording) {
    this.recording = recording;
  }

  update({ number }) {
    const { columns, facts } = this.recording;
    const link = byId("moment");
    link.hidden = !facts.timeline;
    if (link.hidden) return;
    const run = this.recording.runOf(number);
    const time = columns.run_seconds[run] * 1e9 + columns.run_nanoseconds[run];
    const task = columns.run_tasks[run];
    const name = Object.hasOwn(facts.timeline.names, task) ? facts.timeline.names[task] : "";
    link.href = task ? `#task=${task}&at=${time}&t=span` : `#t=${Math.max(0, time - 1e6)}-${time + 1e6}`;
    link.textContent = `← ${name ? `${visible(name)} ` : ""}at ${moment(time, 1e4)} on the timeline`;
  }
}
