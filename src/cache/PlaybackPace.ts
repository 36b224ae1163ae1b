import type { Clock } from "../base/Clock.ts";

/**
 * Tells a player from a download: whether bytes come no faster than `rate` over a while, a burst aside. Credit grows with
 * time up to `burst` and shrinks with every byte, down to as much below zero: whoever keeps going faster is found out
 * after the burst and stays so until it has paused or slowed down.
 */
export class PlaybackPace {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #burst: number;
  #credit: number;
  #at: number;

  /** @param rate bytes a millisecond @param burst bytes */
  constructor(clock: Clock, rate: number, burst: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#burst = burst;
    this.#credit = burst;
    this.#at = clock.now();
  }

  /** Counts bytes, and says whether they are within the pace. */
  allows(bytes: number): boolean {
    const now = this.#clock.now();
    this.#credit = Math.min(this.#burst, this.#credit + (now - this.#at) * this.#rate);
    this.#at = now;
    const isWithin = this.#credit > 0;
    this.#credit = Math.max(-this.#burst, this.#credit - bytes);
    return isWithin;
  }
}
