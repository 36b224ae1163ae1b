import type { CheckPart, KeepPart, RelayPart, WorkerParts } from "./WorkerParts.ts";

// The names under which vite.config.ts has the scripts put what they export.
declare const self: ServiceWorkerGlobalScope & {
  gridfetchRelay?: RelayPart;
  gridfetchCheck?: CheckPart;
  gridfetchKeep?: KeepPart;
};

/**
 * The parts as scripts beside the worker's own, loaded when they are first needed. A browser lets an installed worker load only
 * what it loaded while it was being installed, and keeps that: `install` sees to it.
 */
export const scriptParts: WorkerParts & { install(): void } = {
  relay() {
    if (self.gridfetchRelay === undefined) self.importScripts("gridfetch-relay.js");
    return self.gridfetchRelay as RelayPart;
  },
  check() {
    if (self.gridfetchCheck === undefined) self.importScripts("gridfetch-check.js");
    return self.gridfetchCheck as CheckPart;
  },
  keep() {
    if (self.gridfetchKeep === undefined) self.importScripts("gridfetch-keep.js");
    return self.gridfetchKeep as KeepPart;
  },
  install() {
    self.addEventListener("install", (event) => event.waitUntil(loadAll()));
  },
};

/** An app that was deployed without one of them must hear of it: its worker is not installed. */
async function loadAll(): Promise<void> {
  scriptParts.relay();
  scriptParts.check();
  scriptParts.keep();
}
