// The colours in use, read from the style sheet so that each is written down once.

const NAMES = [
  "page", "raised", "text", "muted", "line", "accent", "bad", "cursor", "selection",
  "running", "ready", "waiting", "waiting-edge", "on-running", "on-ready", "on-waiting", "lane", "lane-fill",
  "starting", "serialising", "lock", "on-starting", "on-serialising", "on-lock",
];

// Follows the system until the reader chooses.
export class Theme {
  onChange = () => {};

  constructor() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const kept = history.state?.theme; // by the page's other view
    this.#choose(kept ? kept === "dark" : system.matches);
    system.addEventListener("change", () => this.#choose(system.matches));
  }

  toggle() {
    this.#choose(document.documentElement.dataset.theme !== "dark");
  }

  #choose(isDark) {
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    this.#read();
    this.onChange();
  }

  #read() {
    const style = getComputedStyle(document.documentElement);
    this.css = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.rgb = Object.fromEntries(NAMES.map((name) => [name, parseHex(this.css[name])]));
  }
}

function parseHex(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// As an ImageData in a little-endian Uint32Array holds it.
export function packColor([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
