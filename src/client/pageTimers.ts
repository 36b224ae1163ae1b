/** A page's own timers, for base/wait.ts: as much of a clock as a page needs. */
export const pageTimers = {
  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
