import { sleep } from "../base/wait.ts";
import { askWorker } from "./askWorker.ts";
import { pageTimers } from "./pageTimers.ts";

/** How often it is looked whether the present worker has come to rest. */
const LOOK_MS = 5_000;

const watched = new WeakSet<ServiceWorkerRegistration>();

/**
 * Lets a new version of the worker take over in a quiet moment: when the present one streams nothing, to no tab, but what a paused player
 * holds, for weeks perhaps. A player goes on with the new one at its next request, so nothing has to be reloaded. Where the present one is of a
 * version that cannot be asked, the new one waits until all pages are gone, as the browser has it.
 */
export function letUpdateIn(registration: ServiceWorkerRegistration): void {
  if (watched.has(registration)) return;
  watched.add(registration);
  registration.addEventListener("updatefound", () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed") void offer(registration);
    });
  });
  void offer(registration);
}

async function offer(registration: ServiceWorkerRegistration): Promise<void> {
  while (registration.waiting !== null) {
    try {
      if (await isQuiet(registration.active)) return void (await askWorker(registration.waiting, "takeOver", {}));
    } catch {
      // Busy, replaced meanwhile, or of another version: the next look shows it.
    }
    await sleep(LOOK_MS, pageTimers);
  }
}

async function isQuiet(active: ServiceWorker | null): Promise<boolean> {
  if (active === null) return true;
  const { streams, resting = 0 } = await askWorker(active, "ping", {});
  return streams === resting;
}
