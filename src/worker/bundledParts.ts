import * as check from "./checkPart.ts";
import * as keep from "./keepPart.ts";
import * as relay from "./relayPart.ts";
import type { WorkerParts } from "./WorkerParts.ts";
import * as zip from "./zipPart.ts";

/** All parts in the worker's own script: a bundler makes one file of an app's worker. */
export const bundledParts: WorkerParts = { relay: () => relay, check: () => check, keep: () => keep, zip: () => zip };
