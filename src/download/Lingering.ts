import type { Clock } from "../base/Clock.ts";
import type { Limits } from "../base/limits.ts";

interface Left {
  readonly bytes: number;
  end(): void;
}

/**
 * Segments of one file that were under way when their last reader left. They go on for a moment, since whoever reads the file next
 * mostly wants what comes there, unless he turns out to be elsewhere.
 */
export class Lingering {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #enter: () => () => void;
  readonly #left = new Map<number, Left>();

  /** @param enter makes this a reader of the file, until the result is called */
  constructor(clock: Clock, limits: Limits, enter: () => () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#enter = enter;
  }

  /** The last reader of a segment has left. `callOff` is called when it has lingered, and does nothing if there is a new one. */
  left(segment: number, bytes: number, callOff: () => void): void {
    if (this.#left.has(segment)) return;
    let sum = bytes;
    for (const { bytes } of this.#left.values()) sum += bytes;
    if (sum > this.#limits.lingerBytes) {
      callOff();
      return;
    }
    const leave = this.#enter();
    const stop = this.#clock.after(this.#limits.linger, () => this.over(segment));
    const end = () => {
      stop();
      callOff();
      leave();
    };
    this.#left.set(segment, { bytes, end });
  }

  /** It is here, or will not come. */
  over(segment: number): void {
    const left = this.#left.get(segment);
    this.#left.delete(segment);
    left?.end();
  }

  /** A reader begins to fetch a segment: who reads on from there has no use for what lies before it, or far behind. */
  wanted(segment: number, bytes: number): void {
    for (const other of [...this.#left.keys()])
      if (other < segment || (other - segment) * bytes > this.#limits.lingerBytes) this.over(other);
  }
}
