import { byId, el } from "../dom.js";
import { Finder } from "./finder.js";
import { EVENT_GROUPS } from "./moves.js";
import { Player, SPEEDS } from "./player.js";

// Buttons, the scrubber and the keys.
export class Controls {
  #announcing = 0;
  #drawing = 0;

  constructor(view) {
    this.view = view;
    this.last = view.recording.count - 1;
    this.player = new Player((steps) => this.#advance(steps), () => this.#showPlaying());
    this.finder = new Finder(view.recording, view.source, (marks) => this.go(view.moves.marked(view.step, marks, 1)));
    this.actions = this.#makeActions();
    for (const [id, action] of Object.entries(this.actions)) byId(id).addEventListener("click", action);
    this.#fillMenus();
    this.#connectScrubber();
    addEventListener("keydown", (event) => this.#onKey(event));
  }

  // By the reader, so the playing ends.
  go(step) {
    if (this.player.isPlaying) this.player.stop();
    this.view.goTo(step);
  }

  #makeActions() {
    const { view } = this;
    const { moves } = view;
    const group = () => EVENT_GROUPS[byId("event-kind").selectedIndex];
    return {
      first: () => this.go(0),
      back: () => this.go(view.step - 1),
      play: () => this.#play(),
      forward: () => this.go(view.step + 1),
      last: () => this.go(this.last),
      "line-back": () => this.go(moves.line(view.step, -1)),
      line: () => this.go(moves.line(view.step, 1)),
      over: () => this.go(moves.over(view.step, 1)),
      "event-back": () => this.#toEvent(group(), -1),
      event: () => this.#toEvent(group(), 1),
      "show-arrows": () => this.#toggleArrows(),
      "more-moves": () => this.#toggleMoves(),
    };
  }

  #toEvent(group, direction) {
    byId("event-kind").selectedIndex = EVENT_GROUPS.indexOf(group);
    const step = this.view.moves.event(this.view.step, group, direction);
    if (step < 0) this.#announce(`no ${group.name} ${direction > 0 ? "after" : "before"} this step`);
    this.go(step);
  }

  #fillMenus() {
    byId("event-kind").append(...EVENT_GROUPS.map((group) => el("option", {}, group.name)));
    byId("speed").append(...SPEEDS.map((speed) => el("option", { value: speed }, `${speed.toLocaleString("en")}/s`)));
    byId("speed").value = this.player.speed;
    byId("speed").addEventListener("change", () => {
      this.player.speed = Number(byId("speed").value);
    });
  }

  #connectScrubber() {
    const [scrubber, number] = [byId("scrubber"), byId("number")];
    scrubber.max = number.max = this.last;
    byId("count").textContent = `of ${this.last.toLocaleString("en")}`;
    // One picture for all that the pointer did since the last one.
    scrubber.addEventListener("input", () => {
      cancelAnimationFrame(this.#drawing);
      this.#drawing = requestAnimationFrame(() => this.go(Number(scrubber.value)));
    });
    number.addEventListener("change", () => this.go(Math.max(0, Math.min(this.last, Math.round(Number(number.value)) || 0))));
  }

  #play() {
    if (!this.player.isPlaying && this.view.step === this.last) this.view.goTo(0);
    this.player.toggle();
  }

  #advance(steps) {
    const step = Math.min(this.last, this.view.step + steps);
    this.view.goTo(step);
    return step < this.last;
  }

  #showPlaying() {
    const { isPlaying } = this.player;
    byId("play").replaceChildren(isPlaying ? "■" : "▶", el("span", {}, isPlaying ? " Stop" : " Play"));
    byId("play").setAttribute("aria-label", isPlaying ? "Stop" : "Play");
    byId("play").setAttribute("aria-pressed", String(isPlaying));
  }

  #toggleArrows() {
    const { arrows } = this.view;
    arrows.toggle();
    byId("show-arrows").setAttribute("aria-pressed", String(arrows.isOn));
  }

  // Where the window is narrow, they are there when asked for.
  #toggleMoves() {
    const isOpen = byId("moves").classList.toggle("is-open");
    byId("more-moves").setAttribute("aria-expanded", String(isOpen));
  }

  #changeSpeed(by) {
    const at = Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.player.speed) + by));
    this.player.speed = SPEEDS[at];
    byId("speed").value = SPEEDS[at];
  }

  #toFound(direction) {
    const { marked } = this.finder;
    if (marked) this.go(this.view.moves.marked(this.view.step, marked, direction));
    else this.#select("find");
  }

  #select(id) {
    if (!byId(id).checkVisibility()) this.#toggleMoves();
    byId(id).select();
  }

  #keyed(event) {
    const { view, actions } = this;
    const direction = event.shiftKey ? -1 : 1;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const hundredth = Math.max(1, Math.round(this.last / 100));
    const group = EVENT_GROUPS.find((other) => other.key === key);
    if (group) return () => this.#toEvent(group, direction);
    return {
      ArrowLeft: actions.back,
      ArrowRight: actions.forward,
      ArrowUp: actions["line-back"],
      ArrowDown: actions.line,
      Home: actions.first,
      End: actions.last,
      PageUp: () => this.go(Math.max(0, view.step - hundredth)),
      PageDown: () => this.go(Math.min(this.last, view.step + hundredth)),
      " ": actions.play,
      o: () => this.go(view.moves.over(view.step, direction)),
      a: actions["show-arrows"],
      n: () => this.#toFound(direction),
      g: () => this.#select("number"),
      "/": () => this.#select("find"),
      "?": () => byId("help").showModal(),
      "+": () => this.#changeSpeed(1),
      "=": () => this.#changeSpeed(1),
      "-": () => this.#changeSpeed(-1),
    }[key];
  }

  #onKey(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (target.matches?.("select, input:not([type=range])")) {
      if (event.key === "Escape") this.#leave(target);
      return;
    }
    if (target.matches?.("button") && event.key === " ") return;
    const action = this.#keyed(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  // What has been typed there does not count.
  #leave(input) {
    if (input === byId("number")) input.value = this.view.step;
    input.blur();
  }

  update() {
    const { view } = this;
    byId("scrubber").value = view.step;
    if (document.activeElement !== byId("number") || !this.player.isPlaying) byId("number").value = view.step;
    for (const id of ["first", "back", "line-back"]) byId(id).setAttribute("aria-disabled", String(view.step === 0));
    for (const id of ["last", "forward", "line", "over"]) byId(id).setAttribute("aria-disabled", String(view.step === this.last));
    if (!this.player.isPlaying) this.#announce(`step ${view.step}: ${byId("opcode").textContent} ${byId("meaning").textContent}. ${byId("sentence").textContent}`);
  }

  #announce(text) {
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => byId("announcer").replaceChildren(text), 300);
  }
}
