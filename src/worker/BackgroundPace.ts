import type { Clock } from "../base/Clock.ts";
import { unlessAborted } from "../base/wait.ts";
import type { Background } from "../files/Background.ts";

/** Who has to wait looks again this often, in milliseconds. All look at the same moment: neighbours are then asked for together. */
const LOOK_MS = 100;

/** Work that no reader waits for goes on while none does, and no faster than a page has asked for. */
export class BackgroundPace implements Background {
  readonly #clock: Clock;
  readonly #isAwaited: () => boolean;
  #bytesPerMs = Number.POSITIVE_INFINITY;
  /** Bytes that were let through before their time, as it was then; below zero after a rest, by what one look is late. */
  #ahead = 0;
  #at = 0;
  #look: Promise<void> | undefined;

  /** @param isAwaited does a reader wait for bytes? */
  constructor(clock: Clock, isAwaited: () => boolean) {
    this.#clock = clock;
    this.#isAwaited = isAwaited;
  }

  /** @param bytesPerSecond as fast as it goes if undefined; counts for who waits already, too */
  limit(bytesPerSecond = Number.POSITIVE_INFINITY): void {
    this.#settle();
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  async turn(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#mustWait()) await unlessAborted(this.#nextLook(), signal);
    this.#ahead += bytes;
  }

  #mustWait(): boolean {
    this.#settle();
    return this.#ahead > 0 || this.#isAwaited();
  }

  /** What was let through is paid off by the time that has passed. */
  #settle(): void {
    const now = this.#clock.now();
    const paid = (now - this.#at) * this.#bytesPerMs;
    const isUnlimited = this.#bytesPerMs === Number.POSITIVE_INFINITY;
    this.#ahead = isUnlimited ? 0 : Math.max(-LOOK_MS * this.#bytesPerMs, this.#ahead - paid);
    this.#at = now;
  }

  #nextLook(): Promise<void> {
    this.#look ??= new Promise((resolve) => {
      this.#clock.after(LOOK_MS, () => {
        this.#look = undefined;
        resolve();
      });
    });
    return this.#look;
  }
}
