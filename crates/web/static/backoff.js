// How long to wait before the next try to connect: doubling, and never the same for all who lost the
// server at one moment.

const FIRST = 1_000;
const LONGEST = 60_000;

export class Backoff {
  #tries = 0;

  /** @param {() => number} random from 0 to 1 */
  constructor(random) {
    this.random = random;
  }

  /** Milliseconds until the next try: between half of the step and all of it. */
  next() {
    const step = Math.min(LONGEST, FIRST * 2 ** this.#tries);
    this.#tries = Math.min(this.#tries + 1, 10);
    return Math.round(step * (0.5 + this.random() / 2));
  }

  reset() {
    this.#tries = 0;
  }
}
