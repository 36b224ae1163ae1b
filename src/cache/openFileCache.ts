import type { Clock } from "../base/Clock.ts";
import type { EventLog } from "../base/EventLog.ts";
import type { Database } from "../database/openDatabase.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import type { CacheSchema } from "./cacheDatabase.ts";
import { defaultCacheLimits } from "./cacheLimits.ts";
import { DatabaseStore } from "./DatabaseStore.ts";
import { FileCache } from "./FileCache.ts";
import type { FileParts } from "./FileParts.ts";

/** The cache of files in this browser, besides what is kept for good. */
export function openFileCache(
  database: Database<CacheSchema>,
  clock: Clock,
  log: EventLog,
  keptOf: (cap: Omit<ChkVerifyCap, "kind">) => FileParts,
): FileCache {
  const { facts, segments } = defaultCacheLimits;
  const stores = {
    facts: new DatabaseStore(database, "facts", facts),
    segments: new DatabaseStore(database, "segments", segments),
  };
  return new FileCache(stores, clock, defaultCacheLimits, log, keptOf);
}
