// Times and shares in the words a person would use.

const UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

// Three significant digits: 1.23 s, 45.6 ms, 789 µs.
export function duration(ns) {
  if (ns === 0) return "0 s";
  const [size, unit] = UNITS.find(([limit]) => Math.abs(ns) >= limit * 0.9995) ?? UNITS.at(-1);
  const value = ns / size;
  const digits = unit === "ns" ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) * 1.0005)));
  return `${value.toFixed(digits)} ${unit}`;
}

// Bytes, with three significant digits: 1.20 MB, 45.6 kB, 789 bytes.
export function size(bytes) {
  if (bytes < 1000) return count(bytes, "byte");
  const [unit, name] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([limit]) => bytes >= limit * 0.9995) ?? [1e3, "kB"];
  return `${(bytes / unit).toFixed(Math.max(0, 2 - Math.floor(Math.log10((bytes / unit) * 1.0005))))} ${name}`;
}

// A moment, with as many decimals of a second as tell `step` nanoseconds apart.
export function moment(ns, step = 1e6) {
  const decimals = Math.min(9, Math.max(0, Math.ceil(9 - Math.log10(step))));
  return `${(ns / 1e9).toFixed(decimals)} s`;
}

// Small shares are not nothing ("0.04 %", "< 0.01 %"), and nearly all is not all ("99.7 %").
export function share(part, whole) {
  const percent = whole ? (100 * part) / whole : 0;
  if (percent === 0) return "0 %";
  if (percent < 0.01) return "< 0.01 %";
  if (percent < 100 && percent >= 99.95) return "> 99.9 %";
  const decimals = percent < 0.995 ? 2 : percent < 9.95 || (percent >= 99 && percent < 100) ? 1 : 0;
  return `${percent.toFixed(decimals)} %`;
}

export function count(number, noun) {
  const plural = noun.endsWith("s") ? `${noun}es` : `${noun}s`;
  return `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;
}

// The last part of a path: what a person calls the file.
export function fileName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function placeName(place) {
  return place.line ? `${fileName(place.file)}:${place.line}` : fileName(place.file);
}
