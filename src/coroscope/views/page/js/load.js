// The data block of the page as facts (JSON) and columns (typed arrays).
// Bytes: length of the facts (u32, little-endian), the facts, then each column's planes, least significant first.

export async function loadData(text) {
  const bytes = await inflate(decodeBase64(text));
  const factsLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + factsLength)));
  const columns = {};
  let at = 4 + factsLength;
  for (const [name, count, planes] of facts.columns) {
    columns[name] = joinPlanes(bytes, at, count, planes);
    at += count * planes;
  }
  return { facts, columns };
}

export function decodeBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export async function inflate(bytes) {
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(inflated).arrayBuffer());
}

// The narrowest array that holds the numbers exactly; nanoseconds fit a float's 53 bits for 104 days.
function joinPlanes(bytes, at, count, planes) {
  if (planes === 0) return new Uint8Array(count);
  if (planes === 1) return bytes.subarray(at, at + count);
  const low = new Uint32Array(count);
  addPlanes(low, bytes, at, count, Math.min(planes, 4));
  if (planes <= 4) return low;
  const high = new Uint32Array(count);
  addPlanes(high, bytes, at + 4 * count, count, planes - 4);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = high[i] * 2 ** 32 + low[i];
  return values;
}

// Up to four planes as whole numbers. Each number is touched once: a page may have fifty million.
function addPlanes(values, bytes, at, count, planes) {
  const [second, third, fourth] = [at + count, at + 2 * count, at + 3 * count];
  if (planes === 1) for (let i = 0; i < count; i++) values[i] = bytes[at + i];
  else if (planes === 2) for (let i = 0; i < count; i++) values[i] = bytes[at + i] | (bytes[second + i] << 8);
  else if (planes === 3) for (let i = 0; i < count; i++) values[i] = bytes[at + i] | (bytes[second + i] << 8) | (bytes[third + i] << 16);
  else for (let i = 0; i < count; i++) values[i] = bytes[at + i] | (bytes[second + i] << 8) | (bytes[third + i] << 16) | (bytes[fourth + i] << 24);
}

export function unzigzag(value) {
  return value % 2 ? -(value + 1) / 2 : value / 2;
}

// Running sums of signed differences.
export function sumDeltas(column) {
  const values = new Float64Array(column.length);
  let value = 0;
  for (let i = 0; i < column.length; i++) values[i] = value += unzigzag(column[i]);
  return values;
}

// Where each row's items begin in a column of all items, from how many each row has.
export function firstOf(counts) {
  const first = new Uint32Array(counts.length + 1);
  for (let row = 0; row < counts.length; row++) first[row + 1] = first[row] + counts[row];
  return first;
}
