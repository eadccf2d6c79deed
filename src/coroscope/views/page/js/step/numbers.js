// Sections of whole numbers, seven bits a byte, as stepper/packed_numbers.py packs them.

export function readRaw(bytes) {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] < 128) count++;
  const numbers = new Uint32Array(count);
  for (let i = 0, at = 0; at < count; at++) {
    let byte = bytes[i++];
    let number = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[i++];
      number |= (byte & 127) << shift;
    }
    numbers[at] = number;
  }
  return numbers;
}

export function unfold(number) {
  return number & 1 ? -((number + 1) >>> 1) : number >>> 1;
}

// Running sums of signed differences.
export function readSums(bytes) {
  const raw = readRaw(bytes);
  const sums = new Int32Array(raw.length);
  for (let i = 0, sum = 0; i < raw.length; i++) sums[i] = sum += unfold(raw[i]);
  return sums;
}

// Values, of which the next new one, or the next new object, is a small number.
export function readNews(bytes) {
  const raw = readRaw(bytes);
  const values = new Int32Array(raw.length);
  let [newest, oldest] = [0, 0];
  for (let i = 0; i < raw.length; i++) {
    const number = raw[i];
    if (number & 1) {
      values[i] = unfold(number >>> 1) + oldest;
      oldest = Math.min(oldest, values[i]);
    } else {
      values[i] = newest - unfold(number >>> 1);
      newest = Math.max(newest, values[i]);
    }
  }
  return values;
}

// How many of `numbers`, which ascend, are at most `limit`; between two positions of them.
export function countUpTo(numbers, limit, low = 0, high = numbers.length) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The positions at which each key stands, in order: those of `key` are items[first[key]] to items[first[key + 1] - 1].
export class Positions {
  constructor(keys, count) {
    this.first = new Uint32Array(count + 1);
    for (let i = 0; i < keys.length; i++) this.first[keys[i] + 1]++;
    for (let key = 0; key < count; key++) this.first[key + 1] += this.first[key];
    const next = this.first.slice();
    this.items = new Uint32Array(keys.length);
    for (let i = 0; i < keys.length; i++) this.items[next[keys[i]]++] = i;
  }

  of(key) {
    return key + 1 < this.first.length ? this.items.subarray(this.first[key], this.first[key + 1]) : [];
  }

  // The last position of `key` whose number, in `numbers` (or itself), is at most `limit`; -1 if there is none.
  last(key, limit, numbers = null) {
    const end = this.#endUpTo(key, limit, numbers);
    return end > this.first[key] ? this.items[end - 1] : -1;
  }

  // The first one whose number is above `limit`.
  following(key, limit, numbers = null) {
    const end = this.#endUpTo(key, limit, numbers);
    return end < this.first[key + 1] ? this.items[end] : -1;
  }

  #endUpTo(key, limit, numbers) {
    let [low, high] = [this.first[key], this.first[key + 1]];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.items[middle];
      if ((numbers ? numbers[item] : item) <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
