import type { Clock } from "../base/Clock.ts";
import type { EventLog } from "../base/EventLog.ts";
import { defaultKeptLimits } from "../base/keptLimits.ts";
import type { CacheSchema } from "./cacheDatabase.ts";
import { DatabaseStore } from "./DatabaseStore.ts";
import { FileMemory } from "./FileMemory.ts";
import type { KeptFiles } from "./KeptFiles.ts";
import type { Database } from "./openDatabase.ts";

/** The memory of files in this browser, besides those kept `offline`. */
export function openFileMemory(
  database: Database<CacheSchema>,
  clock: Clock,
  log: EventLog,
  offline: KeptFiles,
): FileMemory {
  const { facts, segments } = defaultKeptLimits;
  const stores = {
    facts: new DatabaseStore(database, "facts", facts),
    segments: new DatabaseStore(database, "segments", segments),
  };
  return new FileMemory(stores, clock, defaultKeptLimits, log, offline);
}
