import type { Clock } from "../base/Clock.ts";
import type { EventLog } from "../base/EventLog.ts";
import { defaultKeptLimits } from "../base/keptLimits.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import type { CacheSchema } from "./cacheDatabase.ts";
import { DatabaseStore } from "./DatabaseStore.ts";
import { FileMemory } from "./FileMemory.ts";
import type { FileParts } from "./FileParts.ts";
import type { Database } from "./openDatabase.ts";

/** The memory of files in this browser, besides what is kept for good. */
export function openFileMemory(
  database: Database<CacheSchema>,
  clock: Clock,
  log: EventLog,
  keptOf: (cap: Omit<ChkVerifyCap, "kind">) => FileParts,
): FileMemory {
  const { facts, segments } = defaultKeptLimits;
  const stores = {
    facts: new DatabaseStore(database, "facts", facts),
    segments: new DatabaseStore(database, "segments", segments),
  };
  return new FileMemory(stores, clock, defaultKeptLimits, log, keptOf);
}
