import type { Clock } from "../base/Clock.ts";
import { sleep } from "../base/wait.ts";

/** After a failure the next attempt on the same bytes starts no sooner than this. */
const PAUSE_MS = 1_000;

/** More failures than this within one pause are many files at once, and none of them is asked again and again. */
const MOST_REMEMBERED = 64;

/**
 * Slows down whoever asks again for what has just failed. Firefox's media element answers a failed start with the same
 * request at once, thousands of times a second, and each would be a round of questions to all servers. Held back, not
 * refused: the answer is always that of a fresh attempt.
 */
export class FailurePacer {
  readonly #clock: Clock;
  /** When each failed, oldest first. The keys may hold caps: they stay in here. */
  readonly #failedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that what this URL stands for cannot be read from this offset on, as was seen just now. */
  failed(url: string, offset: number): void {
    const key = `${offset} ${url}`;
    this.#failedAt.delete(key);
    this.#failedAt.set(key, this.#clock.now());
    for (const oldest of this.#failedAt.keys()) {
      if (this.#failedAt.size <= MOST_REMEMBERED) break;
      this.#failedAt.delete(oldest);
    }
  }

  /**
   * Resolves at once, or after the rest of the pause where the same bytes failed just now.
   * @throws the signal's reason
   */
  async turn(url: string, offset: number, signal: AbortSignal): Promise<void> {
    const failedAt = this.#failedAt.get(`${offset} ${url}`);
    const wait = failedAt === undefined ? 0 : failedAt + PAUSE_MS - this.#clock.now();
    if (wait > 0) await sleep(wait, this.#clock, signal);
  }
}
