import { noLongerWanted } from "./noLongerWanted.ts";

/**
 * A stream of what `pieces` gives: nothing happens before somebody pulls, and one piece is made for each pull. The caller's `signal`
 * errors the stream as soon as it is aborted, whether anybody pulls or not.
 *
 * @param pieces gets a signal of its own, which is aborted when the stream ends before it is done: failed, cancelled or aborted
 */
export function toStream<T>(
  pieces: (own: AbortSignal) => AsyncGenerator<T, void>,
  signal: AbortSignal | undefined,
): ReadableStream<T> {
  const over = new AbortController();
  const iterator = pieces(over.signal);
  // A caller may use one signal for all its reads: nothing of one that is over may hang on it.
  let leave = (): void => {};
  return new ReadableStream<T>(
    {
      start(controller) {
        const abort = (): void => {
          over.abort(signal?.reason);
          controller.error(signal?.reason);
          // What it fails with has no reader any more.
          iterator.return().catch(() => {});
        };
        leave = () => signal?.removeEventListener("abort", abort);
        if (signal?.aborted) abort();
        else signal?.addEventListener("abort", abort, { once: true });
      },
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (!done) return controller.enqueue(value);
        } catch (error) {
          leave();
          over.abort(noLongerWanted);
          throw error;
        }
        leave();
        controller.close();
      },
      async cancel(reason) {
        leave();
        over.abort(reason);
        await iterator.return();
      },
    },
    // Nothing is made before somebody pulls.
    { highWaterMark: 0 },
  );
}
