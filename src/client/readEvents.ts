import { type Announcements, isAnnouncement } from "../channel/messages.ts";

/** A listener that is slower than this many events misses progress, and then the oldest ones. */
const MOST_KEPT = 1_000;

/**
 * The worker's announcements of one kind, from the moment of the call on. Ends when `signal` aborts or when the loop over it
 * is left.
 *
 * @param isProgress of what more will follow soon: it is left out first where the listener is slow
 */
export function readEvents<Kind extends "read" | "keep">(
  container: ServiceWorkerContainer,
  kind: Kind,
  isProgress: (event: Announcements[Kind]) => boolean,
  signal?: AbortSignal,
): AsyncIterableIterator<Announcements[Kind]> {
  const kept: Announcements[Kind][] = [];
  let wake = () => {};
  let isOver = false;

  const hear = ({ data }: MessageEvent) => {
    if (!isAnnouncement(data) || data.kind !== kind) return;
    if (kept.length >= MOST_KEPT) {
      kept.splice(Math.max(kept.findIndex(isProgress), 0), 1);
    }
    kept.push(data.content as Announcements[Kind]);
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

  const take = async (): Promise<IteratorResult<Announcements[Kind]>> => {
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
