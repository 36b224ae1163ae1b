import type { Clock } from "../../base/Clock.ts";
import { sleep } from "../../base/wait.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Time that passes only when told to. Between two timers everything that can happen without time does happen: all of it is
 * microtasks (see installSynchronousCrypto), so one turn of the real event loop is enough.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #startedAt: number;

  /** @param startedAt the wall time at which it starts, in milliseconds since 1970 */
  constructor(startedAt = Date.UTC(2026, 0)) {
    this.#startedAt = startedAt;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#startedAt + this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleep(ms, this, signal);
  }

  /** Lets time pass until `promise` settles. Fails when no timer is left that could make it settle, or after `limit` ms. */
  async runUntil<T>(promise: Promise<T>, limit = 600_000): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    watched.catch(() => {});
    const end = this.#now + limit;
    await turn();
    while (!isSettled) {
      const next = this.#earliest();
      if (next === undefined) throw new Error(`Stuck: nothing can happen any more at ${this.#now} ms of virtual time`);
      if (next.at > end) throw new Error(`Not settled after ${limit} ms of virtual time`);
      this.#fire(next);
      await turn();
    }
    return watched;
  }

  /** Lets `ms` pass. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turn();
    for (let next = this.#earliest(); next !== undefined && next.at <= end; next = this.#earliest()) {
      this.#fire(next);
      await turn();
    }
    this.#now = end;
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        earliest === undefined ||
        timer.at < earliest.at ||
        (timer.at === earliest.at && timer.order < earliest.order)
      ) {
        earliest = timer;
      }
    }
    return earliest;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
  }
}

/** One turn of the event loop: every microtask, and all that they queue, has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
