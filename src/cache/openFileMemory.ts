import type { Clock } from "../base/Clock.ts";
import type { EventLog } from "../base/EventLog.ts";
import { defaultKeptLimits } from "../base/keptLimits.ts";
import { openCacheDatabase } from "./cacheDatabase.ts";
import { DatabaseStore } from "./DatabaseStore.ts";
import { FileMemory } from "./FileMemory.ts";
import type { KeptFiles } from "./KeptFiles.ts";

/** The memory of files in this browser, in IndexedDB, besides those kept `offline`. Nothing is opened before the first file is. */
export function openFileMemory(clock: Clock, log: EventLog, offline: KeptFiles): FileMemory {
  const database = openCacheDatabase(clock);
  const { facts, segments } = defaultKeptLimits;
  const stores = {
    facts: new DatabaseStore(database, "facts", facts),
    segments: new DatabaseStore(database, "segments", segments),
  };
  return new FileMemory(stores, clock, defaultKeptLimits, log, offline);
}
