/**
 * Runs `work` with a signal that is aborted with the caller's, or with the error that `late` makes after `ms`
 * milliseconds.
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  ms: number,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const both = new AbortController();
  const stop = () => both.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => both.abort(late()), ms);
  try {
    return await work(both.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
