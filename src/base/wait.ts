import type { Clock } from "./Clock.ts";
import { noLongerWanted } from "./noLongerWanted.ts";

// All waiting that can be late or called off. A signal that is aborted already ends each of these at once.

/** As much of a clock as waiting needs. */
type Timers = Pick<Clock, "after">;

/** Resolves after `ms` milliseconds. @throws the signal's reason as soon as it is aborted */
export function sleep(ms: number, clock: Timers, signal?: AbortSignal): Promise<void> {
  return inTime(new Promise(() => {}), ms, clock, () => {}, signal);
}

/**
 * What `promise` gives; or what `late` gives, or throws, where that has not come after `ms` milliseconds. Nothing ends what is waited for: it may
 * go on, and its result is nobody's then.
 *
 * @throws what `promise` fails with in time; the signal's reason as soon as it is aborted
 */
export function inTime<T, L>(
  promise: Promise<T>,
  ms: number,
  clock: Timers,
  late: () => L | Promise<L>,
  signal?: AbortSignal,
): Promise<T | L> {
  let cancel = (): void => {};
  const limit = new Promise<void>((ring) => {
    cancel = clock.after(ms, ring);
  }).then(late);
  return unlessAborted(Promise.race([promise, limit]), signal).finally(() => cancel());
}

/** What `promise` gives. What is waited for may go on. @throws what it fails with; the signal's reason as soon as it is aborted */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * Runs `work` with a signal of its own: it is aborted with the caller's, and once the work has ended, however it did, so that nothing of
 * it runs on.
 *
 * @throws what the work throws; the signal's reason if it is aborted already, and the work is not begun
 */
export async function withOwnSignal<T>(
  signal: AbortSignal | undefined,
  work: (own: AbortSignal, abort: (reason: unknown) => void) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const over = new AbortController();
  // Not by a listener: a dozen of them on one signal makes Node warn of a leak.
  const own = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  try {
    return await work(own, (reason) => over.abort(reason));
  } finally {
    over.abort(noLongerWanted);
  }
}

/**
 * The same, where the work's signal is also aborted after `ms` milliseconds, with what `late` makes. The work has to heed it: what has to be
 * waited for until it does is waited for.
 */
export function withDeadline<T>(
  ms: number,
  clock: Timers,
  late: () => unknown,
  signal: AbortSignal | undefined,
  work: (own: AbortSignal) => Promise<T>,
): Promise<T> {
  return withOwnSignal(signal, async (own, abort) => {
    const cancel = clock.after(ms, () => abort(late()));
    try {
      return await work(own);
    } finally {
      cancel();
    }
  });
}
