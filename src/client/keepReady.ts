import { askNewer } from "./askWorker.ts";

/** A worker that nobody asks ends after half a minute, and its connections with it. */
const PAUSE_MS = 30_000;

/**
 * Has the worker open its connections again when somebody comes back to the page after a pause, since a read most likely follows, and look at those it has when the network is
 * back: which browsers tell that to workers was not tried.
 */
export function keepReady(container: ServiceWorkerContainer): void {
  const ask = (): void => {
    if (container.controller) askNewer(container.controller, "ready", {}).catch(() => undefined);
  };
  let hiddenAt = Number.POSITIVE_INFINITY;
  document.addEventListener("visibilitychange", () => {
    const now = Date.now();
    if (document.visibilityState === "hidden") hiddenAt = now;
    else if (now - hiddenAt >= PAUSE_MS) ask();
  });
  addEventListener("online", ask);
}
