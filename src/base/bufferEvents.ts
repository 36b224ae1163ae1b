/** A listener that is slower than this many events misses progress, and then the oldest ones. */
const MOST_KEPT = 1_000;

/**
 * Events from the moment of the call on, for a loop. Ends when `signal` aborts or when the loop over it is left.
 *
 * @param listen begins to pass events on, and returns what ends that
 * @param isProgress of what more will follow soon: it is left out first where the listener is slow
 */
export function bufferEvents<Event>(
  listen: (hear: (event: Event) => void) => () => void,
  isProgress: (event: Event) => boolean,
  signal?: AbortSignal,
): AsyncIterableIterator<Event> {
  const kept: Event[] = [];
  let wake = () => {};
  let isOver = false;

  const stopListening = listen((event) => {
    if (kept.length >= MOST_KEPT) kept.splice(Math.max(kept.findIndex(isProgress), 0), 1);
    kept.push(event);
    wake();
  });
  const end = () => {
    isOver = true;
    stopListening();
    signal?.removeEventListener("abort", end);
    wake();
  };
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();

  const take = async (): Promise<IteratorResult<Event>> => {
    while (kept.length === 0 && !isOver) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const value = isOver ? undefined : kept.shift();
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  };
  let last: Promise<unknown> = Promise.resolve();

  return {
    // Whoever asks before the last answer has come is answered after it.
    next() {
      const next = last.then(take);
      last = next;
      return next;
    },
    async return() {
      end();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
