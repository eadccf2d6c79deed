import { decodeBase64, inflate } from "../load.js";
import { readNews, readRaw, readSums, unfold } from "./numbers.js";

// The data block of the page: the length of the facts, the facts as JSON, the sections that they name.

const SUMS = [
  "ends", "run_steps", "run_frames", "run_threads", "event_steps", "event_kinds", "event_frames", "event_threads", "event_values",
  "content_steps", "content_objects", "content_heads", "content_tails", "content_sizes", "frame_codes", "frame_bases", "frame_threads", "frame_names", "frame_tasks", "frame_generators",
  "object_types", "object_details", "object_layouts", "object_births", "object_deaths", "value_types",
];

const MOMENTS = ["run_seconds", "run_nanoseconds", "run_tasks"];

export async function readColumns(text) {
  const bytes = await inflate(decodeBase64(text));
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const sections = {};
  let at = 4 + length;
  for (const [name, size] of facts.sections) {
    sections[name] = bytes.subarray(at, at + size);
    at += size;
  }
  const columns = { facts };
  for (const name of SUMS) columns[name] = readSums(sections[name]);
  columns.instructions = readInstructions(sections.instructions, columns);
  columns.places = readPlaces(sections.places, columns);
  columns.changes = readNews(sections.changes);
  columns.contents = readNews(sections.contents);
  columns.contentEnds = sumUp(columns.content_sizes);
  if (facts.timeline) for (const name of MOMENTS) columns[name] = readSums(sections[name]);
  return columns;
}

function stepsOfRun(columns, run) {
  const { run_steps: starts } = columns;
  return [starts[run], run + 1 < starts.length ? starts[run + 1] : columns.ends.length];
}

// Each was written as its difference from the one behind the same frame's last one.
function readInstructions(bytes, columns) {
  const numbers = readSums(bytes);
  const following = new Int32Array(columns.frame_codes.length).fill(-1);
  for (let run = 0; run < columns.run_steps.length; run++) {
    const frame = columns.run_frames[run];
    const [start, end] = stepsOfRun(columns, run);
    let expected = following[frame];
    if (expected < 0) expected = columns.facts.codes[columns.frame_codes[frame]].first;
    for (let step = start; step < end; step++) {
      numbers[step] += expected;
      expected = numbers[step] + 1;
    }
    following[frame] = expected;
  }
  return numbers;
}

// Each was written as its slot in the frame that runs.
function readPlaces(bytes, columns) {
  const raw = readRaw(bytes);
  const places = new Int32Array(raw.length);
  let change = 0;
  for (let run = 0; run < columns.run_steps.length; run++) {
    const base = columns.frame_bases[columns.run_frames[run]];
    const last = stepsOfRun(columns, run)[1];
    const end = last ? columns.ends[last - 1] : 0;
    for (; change < end; change++) places[change] = unfold(raw[change]) + base;
  }
  for (; change < raw.length; change++) places[change] = unfold(raw[change]);
  return places;
}

function sumUp(sizes) {
  const ends = new Uint32Array(sizes.length);
  for (let i = 0, end = 0; i < ends.length; i++) ends[i] = end += sizes[i];
  return ends;
}
