import { READY, RUNNING, WAITING } from "./spans.js";

export const NAME = { key: "name", title: "coroutine" };
// The columns after the name; `is` says what a number means, `share` makes it a percentile of the lifetimes.
export const MEASURES = [
  { key: "tasks", title: "tasks", is: "count" },
  { key: "running", title: "running", is: "time" },
  { key: "ready", title: "ready", is: "time" },
  { key: "waiting", title: "waiting", is: "time" },
  { key: "p50", title: "50 %", is: "time", share: 0.5 },
  { key: "p90", title: "90 %", is: "time", share: 0.9 },
  { key: "p99", title: "99 %", is: "time", share: 0.99 },
  { key: "max", title: "longest", is: "time", share: 1 },
];
// What the table can be sorted by.
export const SORTS = [NAME, ...MEASURES].map(({ key }) => key);

// A row of numbers for each coroutine: its tasks, their time in each state, and how long they lived. A task that had not
// ended counts with what the recording has of it.
export function coroutineStatistics(model) {
  const groups = model.groups("coroutine");
  const counts = new Uint32Array(groups.length);
  for (let row = 0; row < model.count; row++) counts[groups.of[row]] += model.isCounted(row);
  const lives = livesByGroup(model, groups, counts);
  const rows = Array.from(counts, (tasks, group) => ({ group, tasks, running: 0, ready: 0, waiting: 0 }));
  const { rowTotals } = model.spans;
  for (let row = 0; row < model.count; row++) {
    if (!model.isCounted(row)) continue;
    const sums = rows[groups.of[row]];
    sums.running += rowTotals[RUNNING][row];
    sums.ready += rowTotals[READY][row];
    sums.waiting += rowTotals[WAITING][row];
  }
  const counted = rows.filter(({ tasks }) => tasks);
  for (const row of counted) {
    const sorted = lives[row.group].sort();
    for (const { key, share } of MEASURES) if (share) row[key] = percentile(sorted, share);
  }
  return counted;
}

function livesByGroup(model, groups, counts) {
  const lives = Array.from(counts, (tasks) => new Float64Array(tasks));
  const filled = new Uint32Array(groups.length);
  for (let row = 0; row < model.count; row++) {
    if (!model.isCounted(row)) continue;
    const group = groups.of[row];
    lives[group][filled[group]++] = model.spans.rowEnd[row] - model.spans.created[row];
  }
  return lives;
}

// The smallest value that at least `share` of all do not exceed: one that occurred, not a mean of two.
function percentile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)];
}
