import { isAnnouncement } from "../channel/messages.ts";
import { askWorker } from "./askWorker.ts";

/**
 * Firefox ends a worker 30 s after the last word from a page, even one that streams, and a download that is cut so
 * looks complete. Every 10 s is what was measured to keep it.
 */
const PING_MS = 10_000;

/** `connect` may be called again and again. */
const kept = new WeakSet<ServiceWorkerContainer>();

/** Speaks to the worker regularly while it streams, and not otherwise. */
export function keepWorkerAlive(container: ServiceWorkerContainer): void {
  if (kept.has(container)) return;
  kept.add(container);
  let isPinging = false;
  container.addEventListener("message", ({ data }) => {
    if (!isAnnouncement(data) || isPinging) return;
    isPinging = true;
    void ping(container).finally(() => {
      isPinging = false;
    });
  });
}

async function ping(container: ServiceWorkerContainer): Promise<void> {
  for (let streams = 1; streams > 0; ) {
    await new Promise((resolve) => setTimeout(resolve, PING_MS));
    if (container.controller === null) return;
    const silence = new Promise<{ streams: number }>((resolve) => setTimeout(() => resolve({ streams: 0 }), PING_MS));
    ({ streams } = await Promise.race([askWorker(container.controller, "ping"), silence]));
  }
}
