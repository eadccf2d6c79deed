// Where the time axis has its marks: round numbers, about `apart` pixels from one another.

export function ticks(start, end, width, apart = 110) {
  const step = roundUp(((end - start) / Math.max(1, width)) * apart);
  const first = Math.ceil(start / step) * step;
  const times = [];
  for (let i = 0; first + i * step <= end; i++) times.push(first + i * step);
  return { step, times };
}

// The next of 1, 2, 5, 10, 20, 50, … nanoseconds.
function roundUp(ns) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, ns)));
  return [1, 2, 5, 10].map((digit) => digit * power).find((round) => round >= ns) ?? 10 * power;
}

export function tickLabel(ns, step) {
  if (ns === 0) return "0 s";
  const [size, unit] = step >= 1e7 ? [1e9, "s"] : step >= 1e4 ? [1e6, "ms"] : [1e3, "µs"];
  const decimals = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
  return `${(ns / size).toFixed(decimals)} ${unit}`;
}
