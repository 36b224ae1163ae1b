import { isGridError } from "../base/GridError.ts";
import type { Database } from "../database/openDatabase.ts";
import { type ByteStore, type Changes, sizeOf } from "./ByteStore.ts";
import type { CacheSchema } from "./cacheDatabase.ts";

type Write = Parameters<Database<CacheSchema>["write"]>[1] extends (transaction: infer T) => unknown ? T : never;

/** How full the store is, and the number of its latest use. */
interface Level {
  /** Where that was counted: the database may have been deleted before there is another connection. */
  readonly connection: unknown;
  bytes: number;
  at: number;
}

/** A store that a full disk has refused is cut back to this fraction. */
const CUT_BACK = 0.5;

/** A ByteStore in IndexedDB. A step is one transaction, so a worker that is killed leaves no half of one behind. */
export class DatabaseStore implements ByteStore {
  readonly #database: Database<CacheSchema>;
  readonly #bytes: "facts" | "segments";
  readonly #uses: "factUses" | "segmentUses";
  #most: number;
  #level: Level | undefined;

  /** @param most bytes, counted as `sizeOf` does */
  constructor(database: Database<CacheSchema>, kind: "facts" | "segments", most: number) {
    this.#database = database;
    this.#bytes = kind;
    this.#uses = kind === "facts" ? "factUses" : "segmentUses";
    this.#most = most;
  }

  async get(keys: readonly string[], signal?: AbortSignal): Promise<Map<string, Uint8Array>> {
    if (keys.length === 0) return new Map();
    const values = await this.#database.read(
      [this.#bytes],
      (transaction) => Promise.all(keys.map((key) => transaction.objectStore(this.#bytes).get(key))),
      signal,
    );
    const found = new Map<string, Uint8Array>();
    for (const [i, key] of keys.entries()) {
      const value: unknown = values[i];
      if (value instanceof Uint8Array) found.set(key, value);
    }
    return found;
  }

  keys(prefix: string, signal?: AbortSignal): Promise<string[]> {
    return this.#database.read(
      [this.#uses],
      (transaction) => transaction.objectStore(this.#uses).getAllKeys(IDBKeyRange.bound(prefix, `${prefix}\uffff`)),
      signal,
    );
  }

  async apply(changes: Changes): Promise<void> {
    try {
      await this.#step(changes);
    } catch (error) {
      // Whether anything of it happened may be unknown, and other programs may have changed the store.
      const level = this.#level;
      this.#level = undefined;
      if (isGridError(error, "STORE_FULL")) await this.#cutBack(level);
      throw error;
    }
  }

  async #step({ uses, deletes, puts }: Changes): Promise<void> {
    const level = await this.#database.write([this.#bytes, this.#uses], async (transaction) => {
      const bytes = transaction.objectStore(this.#bytes);
      const useOf = transaction.objectStore(this.#uses);
      const isCounted = this.#level?.connection === transaction.db;
      const level = this.#level && isCounted ? { ...this.#level } : await this.#takeStock(transaction);
      const touched = new Set([...uses, ...deletes, ...puts.keys()]);
      const before = new Map(await Promise.all([...touched].map(async (key) => [key, await useOf.get(key)] as const)));
      // The requests are waited for with the transaction: one after the other they would take many turns.
      const requests: Promise<unknown>[] = [];
      const drop = (key: string): void => {
        level.bytes -= countOf(before.get(key)?.size);
        before.delete(key);
      };
      for (const key of uses) {
        const use = before.get(key);
        if (use === undefined) continue;
        const now = { ...use, at: ++level.at };
        before.set(key, now);
        requests.push(useOf.put(now, key));
      }
      for (const key of deletes) {
        drop(key);
        requests.push(bytes.delete(key), useOf.delete(key));
      }
      for (const [key, value] of puts) {
        drop(key);
        level.bytes += sizeOf(value);
        requests.push(bytes.put(ownBytes(value), key), useOf.put({ size: sizeOf(value), at: ++level.at }, key));
      }
      await Promise.all(requests);
      await this.#evict(transaction, level);
      return level;
    });
    this.#level = level;
  }

  /** What is there is counted once in a connection's life, so that a wrong figure does not last. */
  async #takeStock(transaction: Write): Promise<Level> {
    const level: Level = { connection: transaction.db, bytes: 0, at: 0 };
    for (const use of await transaction.objectStore(this.#uses).getAll()) {
      level.bytes += countOf(use?.size);
      level.at = Math.max(level.at, countOf(use?.at));
    }
    return level;
  }

  async #evict(transaction: Write, level: Level): Promise<void> {
    if (level.bytes <= this.#most) return;
    const bytes = transaction.objectStore(this.#bytes);
    for (
      let cursor = await transaction.objectStore(this.#uses).index("at").openCursor();
      cursor !== null && level.bytes > this.#most;
      cursor = await cursor.continue()
    ) {
      level.bytes -= countOf(cursor.value.size);
      await Promise.all([bytes.delete(cursor.primaryKey), cursor.delete()]);
    }
  }

  /** The disk has no room for what the store may have: it makes do with less from now on. */
  async #cutBack(level: Level | undefined): Promise<void> {
    const held = level?.bytes ?? this.#most;
    this.#most = Math.floor(CUT_BACK * Math.min(held, this.#most));
    await this.#step({ uses: [], deletes: [], puts: new Map() }).catch(() => {});
  }
}

/** Nothing that comes out of a store is believed. */
function countOf(value: unknown): number {
  return Number.isSafeInteger(value) ? Math.max(0, value as number) : 0;
}

/** IndexedDB stores the whole buffer behind a view. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}
