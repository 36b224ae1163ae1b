/** The only source of time in core, so that tests can run hours of it in a moment. */
export interface Clock {
  /** Milliseconds from an arbitrary start, which is another in every worker and page; never goes back. For times that are measured. */
  now(): number;
  /** Milliseconds since 1970, as the computer's clock says: it may be set, also back. For times that are written to disk. */
  wallNow(): number;
  /** Calls `callback` once, `ms` milliseconds from now. The result cancels it; cancelling late or twice does nothing. */
  after(ms: number, callback: () => void): () => void;
}

interface Timer {
  readonly due: number;
  callback(): void;
}

/**
 * A read sets a timer for nearly everything that it waits for, thousands a second, and cancels all but a few: they share
 * one timer of the platform, which is left to ring in vain when its own has been cancelled.
 */
class SystemClock implements Clock {
  readonly #timers = new Set<Timer>();
  #next = Number.POSITIVE_INFINITY;
  #handle: ReturnType<typeof setTimeout> | undefined;

  now(): number {
    return performance.now();
  }

  wallNow(): number {
    return Date.now();
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: performance.now() + ms, callback };
    this.#timers.add(timer);
    if (timer.due < this.#next) this.#ringAt(timer.due);
    return () => {
      this.#timers.delete(timer);
      // It would keep Node from ending.
      if (this.#timers.size === 0) this.#ringAt(Number.POSITIVE_INFINITY);
    };
  }

  #ringAt(due: number): void {
    this.#next = due;
    clearTimeout(this.#handle);
    if (due === Number.POSITIVE_INFINITY) return;
    this.#handle = setTimeout(() => this.#ring(), Math.max(0, due - performance.now()));
  }

  #ring(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    const due: Timer[] = [];
    for (const timer of this.#timers) {
      if (timer.due <= now) due.push(timer);
      else next = Math.min(next, timer.due);
    }
    this.#ringAt(next);
    for (const timer of due.sort((a, b) => a.due - b.due)) {
      // Another's callback may have cancelled it. In a microtask, so that one that throws does not take the others with it.
      queueMicrotask(() => {
        if (this.#timers.delete(timer)) timer.callback();
      });
    }
  }
}

/** Real time. */
export const systemClock: Clock = new SystemClock();
