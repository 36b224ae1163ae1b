import { noLongerWanted } from "./noLongerWanted.ts";

/**
 * A stream of what `pieces` gives: nothing happens before somebody pulls, and one piece is made for each pull. The caller's `signal`
 * errors the stream as soon as it is aborted, whether anybody pulls or not.
 *
 * @param pieces gets a signal of its own, which is aborted when the stream ends, however it does: done, failed, cancelled or aborted
 */
export function toStream<T>(
  pieces: (own: AbortSignal) => AsyncGenerator<T, void>,
  signal: AbortSignal | undefined,
): ReadableStream<T> {
  const over = new AbortController();
  const all = async function* (): AsyncGenerator<T, void> {
    try {
      yield* pieces(over.signal);
    } finally {
      over.abort(noLongerWanted);
    }
  };
  const iterator = all();
  return new ReadableStream<T>(
    {
      start(controller) {
        const abort = (): void => {
          over.abort(signal?.reason);
          controller.error(signal?.reason);
          // What it fails with has no reader any more.
          iterator.return().catch(() => {});
        };
        if (signal?.aborted) abort();
        // A caller may use one signal for all its reads: nothing of one that is over may hang on it.
        else signal?.addEventListener("abort", abort, { once: true, signal: over.signal });
      },
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        over.abort(reason);
        await iterator.return();
      },
    },
    // Nothing is made before somebody pulls.
    { highWaterMark: 0 },
  );
}
