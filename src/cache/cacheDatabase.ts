import type { DBSchema } from "idb";
import type { Clock } from "../base/Clock.ts";
import { type Database, openDatabase } from "../database/openDatabase.ts";

/** Of what is in the store of the same name: how much it counts for, and when it was used in the order of uses. */
export interface Use {
  readonly size: number;
  readonly at: number;
}

interface UseStore {
  key: string;
  value: Use;
  indexes: { at: number };
}

export interface CacheSchema extends DBSchema {
  /** What is known of files: UEBs, chains, share maps, hash pages. */
  facts: { key: string; value: Uint8Array };
  factUses: UseStore;
  /** Ciphertext. */
  segments: { key: string; value: Uint8Array };
  segmentUses: UseStore;
}

/** What a worker may lose at any time, and finds again after a restart if it was lucky. */
export function openCacheDatabase(clock?: Clock): Database<CacheSchema> {
  return openDatabase<CacheSchema>({
    name: "gridfetch-cache",
    migrations: [
      (database) => {
        for (const [bytes, uses] of [
          ["facts", "factUses"],
          ["segments", "segmentUses"],
        ] as const) {
          database.createObjectStore(bytes);
          database.createObjectStore(uses).createIndex("at", "at");
        }
      },
    ],
    ...(clock && { clock }),
  });
}
