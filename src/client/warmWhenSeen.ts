import { askNewer } from "./askWorker.ts";

/** A worker that nobody asks ends after half a minute, and its connections with it. */
const PAUSE_MS = 30_000;

/** Has the worker open its connections again when somebody comes back to the page after a pause: a read most likely follows. */
export function warmWhenSeen(container: ServiceWorkerContainer): void {
  let hiddenAt = Number.POSITIVE_INFINITY;
  document.addEventListener("visibilitychange", () => {
    const now = Date.now();
    if (document.visibilityState === "hidden") hiddenAt = now;
    else if (now - hiddenAt >= PAUSE_MS && container.controller) {
      askNewer(container.controller, "ready", {}).catch(() => undefined);
    }
  });
}
