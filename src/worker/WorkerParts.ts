import type * as check from "./checkPart.ts";
import type * as keep from "./keepPart.ts";
import type * as relay from "./relayPart.ts";
import type * as zip from "./zipPart.ts";

export type RelayPart = typeof relay;
export type CheckPart = typeof check;
export type KeepPart = typeof keep;
export type ZipPart = typeof zip;

/** Parts that most workers never need. A worker that is bundled has them in it; the ready-made one loads their scripts. */
export interface WorkerParts {
  relay(): RelayPart;
  check(): CheckPart;
  keep(): KeepPart;
  zip(): ZipPart;
}
