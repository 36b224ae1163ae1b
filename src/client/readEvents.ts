import { isAnnouncement } from "../channel/messages.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";

/** A listener that is slower than this many events misses progress, and then the oldest ones. */
const MOST_KEPT = 1_000;

/**
 * The worker's events from the moment of the call on. Ends when `signal` aborts or when the loop over it is left.
 */
export function readEvents(container: ServiceWorkerContainer, signal?: AbortSignal): AsyncIterableIterator<ReadEvent> {
  const kept: ReadEvent[] = [];
  let wake = () => {};
  let isOver = false;

  const hear = ({ data }: MessageEvent) => {
    if (!isAnnouncement(data) || data.kind !== "read") return;
    if (kept.length >= MOST_KEPT) {
      const progress = kept.findIndex(({ type }) => type === "progress");
      kept.splice(Math.max(progress, 0), 1);
    }
    kept.push(data.content);
    wake();
  };
  const end = () => {
    isOver = true;
    container.removeEventListener("message", hear);
    signal?.removeEventListener("abort", end);
    wake();
  };
  container.addEventListener("message", hear);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();

  return {
    async next() {
      while (kept.length === 0 && !isOver) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const value = isOver ? undefined : kept.shift();
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
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
