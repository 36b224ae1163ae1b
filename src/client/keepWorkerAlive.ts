import type { HandOver } from "../base/Keep.ts";
import { sleep } from "../base/wait.ts";
import { isAnnouncement } from "../channel/messages.ts";
import { askWorker } from "./askWorker.ts";
import { pageTimers } from "./pageTimers.ts";

/**
 * Firefox ends a worker 30 s after the last word from a page, even one that streams, and a download that is cut so
 * looks complete. Every 10 s is what was measured to keep it.
 */
const PING_MS = 10_000;

/** Soon after a file began to be kept, the worker knows where its shares are. */
const FIRST_KEEP_MS = 2_000;

/** A worker may be busy, or its machine asleep. One that is silent this often in a row does nothing any more. */
const MOST_SILENCES = 30;

/** `connect` may be called again and again. */
const kept = new WeakSet<ServiceWorkerContainer>();

/**
 * Speaks to the worker regularly while it streams to whichever tab or keeps a file offline, and not otherwise: the tab that
 * began it may be closed or asleep. A worker that was ended in the middle goes on with what it was to keep when it is spoken
 * to.
 *
 * @param tell hears what the browser could take over, as often as the worker is spoken to
 */
export function keepWorkerAlive(
  container: ServiceWorkerContainer,
  tell: (unfinished: readonly HandOver[]) => void = () => {},
): void {
  if (kept.has(container)) return;
  kept.add(container);
  let isPinging = false;
  const start = (wait: number) => {
    if (isPinging) return;
    isPinging = true;
    void ping(container, wait, tell).finally(() => {
      isPinging = false;
    });
  };
  container.addEventListener("message", ({ data }) => {
    if (!isAnnouncement(data)) return;
    const { kind, content } = data;
    if (kind === "read" && content.type === "started") start(PING_MS);
    if (kind === "keep" && content.state === "keeping") start(FIRST_KEEP_MS);
  });
  // What began before this page did, it has not heard of.
  start(0);
}

async function ping(
  container: ServiceWorkerContainer,
  wait: number,
  tell: (unfinished: readonly HandOver[]) => void,
): Promise<void> {
  await sleep(wait, pageTimers);
  for (let silences = 0; silences < MOST_SILENCES && container.controller !== null; ) {
    try {
      const answer = await askWorker(container.controller, "ping", {}, { limit: PING_MS });
      const { streams, keeping = 0, unfinished = [] } = answer;
      tell(unfinished);
      if (streams + keeping === 0) return;
      silences = 0;
      await sleep(PING_MS, pageTimers);
    } catch {
      // Its limit has been the pause; a worker of another version answers at once.
      silences++;
      await sleep(PING_MS / 2, pageTimers);
    }
  }
}
