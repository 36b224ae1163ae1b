import type { HandOver } from "../base/Keep.ts";
import { isAnnouncement } from "../channel/messages.ts";
import { askNewer, askWorker } from "./askWorker.ts";
import { pageTimers } from "./pageTimers.ts";

/**
 * Firefox ends a worker 30 s after the last word from a page, even one that streams, and a download that is cut so
 * looks complete. Every 10 s is what was measured to keep it.
 */
const PING_MS = 10_000;
const LIMIT = { limit: PING_MS };

/** Soon after a file began to be kept, the worker knows where its shares are. */
const FIRST_KEEP_MS = 2_000;

/** A worker may be busy, or its machine asleep. One that is silent this often in a row does nothing any more. */
const MOST_SILENCES = 30;

/** `connect` may be called again and again. */
const kept = new WeakSet<ServiceWorkerContainer>();

/** Hears what the browser should take over when the page is left. */
type TakeDown = (unfinished: readonly HandOver[]) => void;

/**
 * Speaks to the worker regularly while it streams to whichever tab or keeps a file offline, and not otherwise: the tab that
 * began it may be closed or asleep. A worker that was ended in the middle goes on with what it is to keep when it is asked
 * to.
 *
 * @param limit of background work, in bytes a second
 * @param takeDown where the browser can take over what is being kept
 */
export function keepWorkerAlive(
  container: ServiceWorkerContainer,
  limit: () => number | undefined,
  takeDown?: TakeDown,
): void {
  if (kept.has(container)) return;
  kept.add(container);
  let isSpeaking = false;
  let news = 0;
  let lookAtClock = () => {};
  const hear = (wait: number) => {
    news++;
    if (!isSpeaking) void speak(wait);
  };
  container.addEventListener("message", ({ data }) => {
    if (!isAnnouncement(data)) return;
    const { kind, content } = data;
    lookAtClock();
    if (kind === "read" && content.type === "started") hear(PING_MS);
    if (kind === "keep" && content.state === "keeping") hear(FIRST_KEEP_MS);
  });
  // What began before this page did, it has not heard of.
  hear(0);

  async function speak(wait: number): Promise<void> {
    isSpeaking = true;
    await pause(wait);
    for (let silences = 0; silences < MOST_SILENCES && container.controller !== null; ) {
      // What begins while the worker answers may be in no answer.
      const before = news;
      try {
        if (!(await isAtWork(container.controller, limit(), takeDown)) && news === before) break;
        silences = 0;
        await pause(PING_MS);
      } catch {
        // Its limit has been the pause; a worker of another version answers at once.
        silences++;
        await pause(PING_MS / 2);
      }
    }
    isSpeaking = false;
  }

  /** Browsers let the timers of a hidden page wait, for a minute and more. Its messages come, and what streams is told of four times a second. */
  function pause(ms: number): Promise<void> {
    const due = Date.now() + ms;
    return new Promise((resolve) => {
      const cancel = pageTimers.after(ms, resolve);
      lookAtClock = () => {
        if (Date.now() < due) return;
        cancel();
        resolve();
      };
    });
  }
}

/** Has the worker go on with what it is to keep offline, and says whether there is something for which it must be kept alive. */
async function isAtWork(
  worker: ServiceWorker,
  limit: number | undefined,
  takeDown: TakeDown | undefined,
): Promise<boolean> {
  const alive = await askWorker(worker, "ping", {}, LIMIT);
  // A worker of a version before 5 does all of it when it is pinged.
  const keeping = alive.keeping ?? (await askNewer(worker, "offlineWork", { limit }, LIMIT))?.keeping ?? 0;
  if (keeping > 0 && takeDown !== undefined) {
    const unfinished = alive.unfinished ?? (await askNewer(worker, "handOvers", {}, LIMIT))?.unfinished;
    if (unfinished !== undefined) takeDown(unfinished);
  }
  return alive.streams + keeping > 0;
}
