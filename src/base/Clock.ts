/** The only source of time in core, so that tests can run hours of it in a moment. */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes back. */
  now(): number;
  /** Calls `callback` once, `ms` milliseconds from now. The result cancels it; cancelling late or twice does nothing. */
  after(ms: number, callback: () => void): () => void;
}

/** Real time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
