import type { DBSchema } from "idb";
import type { Clock } from "../base/Clock.ts";
import type { FileFact, PartNames } from "../cache/FileParts.ts";
import { type Database, openDatabase } from "../database/openDatabase.ts";
import {
  damaged,
  type OfflineParts,
  type OfflineRecord,
  type OfflineStore,
  takesParts,
  withBytes,
} from "./OfflineStore.ts";

/** In a record's place, while the parts of a file that was removed are being deleted. */
interface Removed {
  readonly id: string;
  readonly isRemoved: true;
}

interface Schema extends DBSchema {
  keeps: { key: string; value: OfflineRecord | Removed };
  /** By the file's id and what it is. */
  facts: { key: [string, FileFact]; value: Uint8Array };
  /** Ciphertext, by the file's id and the segment's number. */
  segments: { key: [string, number]; value: Uint8Array };
}

const PARTS = ["facts", "segments"] as const;
/** So few are deleted in one step that whoever reads another file meanwhile waits for some milliseconds. */
const DELETED_AT_ONCE = 64;

/** A OfflineStore in IndexedDB. */
export class DatabaseOfflineStore implements OfflineStore {
  readonly #database: Database<Schema>;

  /** @param makeRoom is asked to give something else up where the disk is full */
  constructor(clock: Clock, makeRoom?: () => Promise<void>) {
    this.#database = openDatabase<Schema>({
      name: "gridfetch-offline",
      migrations: [
        (database) => {
          database.createObjectStore("keeps", { keyPath: "id" });
          for (const name of PARTS) database.createObjectStore(name);
        },
      ],
      clock,
      ...(makeRoom && { makeRoom }),
    });
  }

  async list(): Promise<OfflineRecord[]> {
    const all = await this.#database.read(["keeps"], (transaction) => transaction.objectStore("keeps").getAll());
    // An earlier worker may have been ended before it was done.
    for (const record of all) if (isRemoved(record)) void this.#clear(record.id);
    return all.filter(isUsable);
  }

  async get(id: string): Promise<OfflineRecord | undefined> {
    const record = await this.#database.read(["keeps"], (transaction) => transaction.objectStore("keeps").get(id));
    return record !== undefined && isUsable(record) ? record : undefined;
  }

  change(
    id: string,
    edit: (record: OfflineRecord | undefined) => OfflineRecord | undefined,
  ): Promise<OfflineRecord | undefined> {
    return this.#database.write(["keeps"], async (transaction) => {
      const keeps = transaction.objectStore("keeps");
      const before = present(await keeps.get(id));
      const record = edit(before);
      if (record !== undefined && record !== before) await keeps.put(record);
      return record;
    });
  }

  async remove(id: string): Promise<void> {
    await this.#database.write(["keeps"], (transaction) =>
      transaction.objectStore("keeps").put({ id, isRemoved: true }),
    );
    void this.#clear(id);
  }

  /**
   * Deletes the parts of a removed file, some at a time. Ends early where the file is wanted again: what is left of it is as good as
   * ever. Never rejects: whoever lists the files next goes on.
   */
  async #clear(id: string): Promise<void> {
    const step = (): Promise<boolean> =>
      this.#database.write(["keeps", ...PARTS], async (transaction) => {
        const keeps = transaction.objectStore("keeps");
        if (!isRemoved(await keeps.get(id))) return true;
        const found = await Promise.all([
          transaction.objectStore("facts").getAllKeys(partsOf(id), DELETED_AT_ONCE),
          transaction.objectStore("segments").getAllKeys(partsOf(id), DELETED_AT_ONCE),
        ]);
        const [facts, segments] = found;
        await Promise.all([
          ...facts.map((key) => transaction.objectStore("facts").delete(key)),
          ...segments.map((key) => transaction.objectStore("segments").delete(key)),
        ]);
        const isLast = found.every(({ length }) => length < DELETED_AT_ONCE);
        if (isLast) await keeps.delete(id);
        return isLast;
      });
    try {
      while (!(await step()));
    } catch {
      // The store is away.
    }
  }

  add(id: string, { facts, segments }: OfflineParts): Promise<OfflineRecord | undefined> {
    return this.#database.write(["keeps", ...PARTS], async (transaction) => {
      const keeps = transaction.objectStore("keeps");
      const bytesOf = transaction.objectStore("segments");
      const factsOf = transaction.objectStore("facts");
      const record = present(await keeps.get(id));
      if (!takesParts(record)) return record;
      const there = await Promise.all([...segments.keys()].map((segment) => bytesOf.getKey([id, segment])));
      let added = 0;
      const requests: Promise<unknown>[] = [...facts].map(([fact, bytes]) => factsOf.put(bytes, [id, fact]));
      for (const [i, [segment, bytes]] of [...segments].entries()) {
        if (there[i] !== undefined) continue;
        added += bytes.length;
        requests.push(bytesOf.put(bytes, [id, segment]));
      }
      const changed = withBytes(record, added);
      requests.push(keeps.put(changed));
      await Promise.all(requests);
      return changed;
    });
  }

  drop(id: string, { facts, segments }: PartNames): Promise<OfflineRecord | undefined> {
    return this.#database.write(["keeps", ...PARTS], async (transaction) => {
      const keeps = transaction.objectStore("keeps");
      const bytesOf = transaction.objectStore("segments");
      const record = present(await keeps.get(id));
      if (record === undefined) return undefined;
      const lengths = await Promise.all(segments.map(async (segment) => lengthOf(await bytesOf.get([id, segment]))));
      const changed = damaged(withBytes(record, -lengths.reduce((sum, length) => sum + length, 0)));
      await Promise.all([
        ...segments.map((segment) => bytesOf.delete([id, segment])),
        ...facts.map((fact) => transaction.objectStore("facts").delete([id, fact])),
        keeps.put(changed),
      ]);
      return changed;
    });
  }

  contents(id: string): Promise<PartNames> {
    return this.#database.read([...PARTS], async (transaction) => {
      const [facts, segments] = await Promise.all([
        transaction.objectStore("facts").getAllKeys(partsOf(id)),
        transaction.objectStore("segments").getAllKeys(partsOf(id)),
      ]);
      return { facts: facts.map(([, fact]) => fact), segments: segments.map(([, segment]) => segment) };
    });
  }

  async segment(id: string, segment: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#database.read(["segments"], (transaction) =>
      transaction.objectStore("segments").get([id, segment]),
    );
    return bytes instanceof Uint8Array ? bytes : undefined;
  }

  async facts(id: string, facts: readonly FileFact[]): Promise<Map<FileFact, Uint8Array>> {
    const values = await this.#database.read(["facts"], (transaction) =>
      Promise.all(facts.map((fact) => transaction.objectStore("facts").get([id, fact]))),
    );
    const found = new Map<FileFact, Uint8Array>();
    for (const [i, fact] of facts.entries()) {
      const bytes: unknown = values[i];
      if (bytes instanceof Uint8Array) found.set(fact, bytes);
    }
    return found;
  }
}

/** Of all keys that begin with the id: an array comes after numbers and texts. (Indexed Database API 3.0, section 2.4) */
function partsOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id], [id, []]);
}

function isRemoved(record: OfflineRecord | Removed | undefined): record is Removed {
  return record !== undefined && "isRemoved" in record;
}

function present(record: OfflineRecord | Removed | undefined): OfflineRecord | undefined {
  return isRemoved(record) ? undefined : record;
}

/** Nothing that comes out of a store is believed. */
function isUsable(record: OfflineRecord | Removed): record is OfflineRecord {
  if (isRemoved(record)) return false;
  const { cap, grid, size, keptBytes } = record;
  return typeof cap === "string" && typeof grid === "string" && Number.isSafeInteger(size) && keptBytes >= 0;
}

function lengthOf(bytes: unknown): number {
  return bytes instanceof Uint8Array ? bytes.length : 0;
}
