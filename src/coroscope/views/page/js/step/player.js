// Plays the run: so many steps a second, as the clock has it.

export const SPEEDS = [1, 2, 5, 10, 30, 100, 1000, 10000];

export class Player {
  #last = 0;
  #owed = 0;
  speed = 5;
  isPlaying = false;

  // `advance(steps)` says whether there is more.
  constructor(advance, changed) {
    this.advance = advance;
    this.changed = changed;
  }

  toggle() {
    if (this.isPlaying) return this.stop();
    this.isPlaying = true;
    this.#owed = 0;
    this.#last = performance.now();
    this.changed();
    requestAnimationFrame((now) => this.#tick(now));
  }

  stop() {
    this.isPlaying = false;
    this.changed();
  }

  #tick(now) {
    if (!this.isPlaying) return;
    this.#owed += (Math.max(0, now - this.#last) / 1000) * this.speed;
    this.#last = now;
    const steps = Math.floor(this.#owed);
    this.#owed -= steps;
    if (steps && !this.advance(steps)) this.stop();
    else requestAnimationFrame((next) => this.#tick(next));
  }
}
