import { systemClock } from "../base/Clock.ts";
import { sleep } from "../base/wait.ts";
import type { Surroundings } from "../http/explainFailure.ts";
import type { LocalNetwork } from "../servers/localNetwork.ts";

/** More would not be read. */
const MOST_ORIGINS = 10;
/** Chromium 156 tells of a request that the policy forbids one or two milliseconds after it has failed. */
const EVENT_MS = 100;

/**
 * What this worker can tell of its own way to the network. Call it when the script starts: it listens from then on.
 *
 * @param localNetwork of the grids that are known then
 */
export function workerSurroundings(localNetwork: () => Promise<LocalNetwork>): Surroundings {
  const origins = new Set<string>();
  self.addEventListener("securitypolicyviolation", (event) => {
    const { blockedURI, disposition, effectiveDirective } = event as SecurityPolicyViolationEvent;
    const isKeptBack = disposition === "enforce" && effectiveDirective === "connect-src";
    if (isKeptBack && origins.size < MOST_ORIGINS && URL.canParse(blockedURI)) origins.add(new URL(blockedURI).origin);
  });
  return {
    isOffline: () => !navigator.onLine,
    async forbidden() {
      if (origins.size === 0) await sleep(EVENT_MS, systemClock);
      return [...origins];
    },
    async isKeptFromLocalNetwork() {
      return (await localNetwork()).state !== "granted";
    },
  };
}
