import type { DBSchema } from "idb";
import { concatBytes } from "../base/bytes.ts";
import type { ErrorRecord } from "../base/errorRecord.ts";
import { openDatabase } from "../database/openDatabase.ts";
import type { DiskFile } from "./DiskFile.ts";
import { type Bytes, DIGEST } from "./pieces.ts";
import type { Save } from "./Save.ts";

/** A save, as it is kept for later visits. The cap is not in it: its URL is of a handle. */
export interface SaveRecord {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Of the version that is being written, as its entity tag. */
  readonly size: number;
  readonly etag: string | null;
  /** When it was last put in its place. What is really there the digests tell. */
  readonly written: number;
  readonly state: Save["state"];
  readonly wantsClick?: true;
  readonly reason?: ErrorRecord;
  /** Undefined once it is saved. */
  readonly disk: DiskFile | undefined;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
}

/** So many pieces' digests are one row: written after that many pieces, and not after each. */
export const ROW = 16;

interface Schema extends DBSchema {
  saves: { key: string; value: SaveRecord };
  /** SHA-256 of pieces, by the save's id and the row's number. */
  digests: { key: [string, number]; value: Bytes };
}

/** What is to be saved, and what was written of it, in IndexedDB. All of it throws STORE_UNAVAILABLE or STORE_FULL. */
export class SaveStore {
  readonly #database = openDatabase<Schema>({
    name: "gridfetch-saves",
    migrations: [
      (database) => {
        database.createObjectStore("saves", { keyPath: "id" });
        database.createObjectStore("digests");
      },
    ],
  });

  /** The oldest first. */
  async list(): Promise<SaveRecord[]> {
    const all = await this.#database.read(["saves"], (transaction) => transaction.objectStore("saves").getAll());
    return all.sort((one, other) => one.addedAt - other.addedAt);
  }

  get(id: string): Promise<SaveRecord | undefined> {
    return this.#database.read(["saves"], (transaction) => transaction.objectStore("saves").get(id));
  }

  async add(record: SaveRecord): Promise<void> {
    await this.#database.write(["saves"], (transaction) => transaction.objectStore("saves").add(record));
  }

  /** @returns how it is now; undefined if there is none, or it is to stay as it is */
  change(id: string, how: (record: SaveRecord) => SaveRecord | undefined): Promise<SaveRecord | undefined> {
    return this.#database.write(["saves"], async (transaction) => {
      const saves = transaction.objectStore("saves");
      const record = await saves.get(id);
      const changed = record && how(record);
      if (changed) await saves.put(changed);
      return changed;
    });
  }

  async remove(id: string): Promise<void> {
    await this.#database.write(["saves", "digests"], async (transaction) => {
      await Promise.all([
        transaction.objectStore("saves").delete(id),
        transaction.objectStore("digests").delete(rowsOf(id)),
      ]);
    });
  }

  /** Of all pieces from the first on, one after the other. */
  async digests(id: string): Promise<Bytes> {
    const rows = await this.#database.read(["digests"], (transaction) =>
      transaction.objectStore("digests").getAll(rowsOf(id)),
    );
    return concatBytes(rows);
  }

  /** @param from number of the first of these pieces, a multiple of ROW */
  async putDigests(id: string, from: number, digests: Bytes): Promise<void> {
    await this.#database.write(["digests"], async (transaction) => {
      const rows = transaction.objectStore("digests");
      for (let at = 0; at < digests.length; at += ROW * DIGEST)
        await rows.put(digests.slice(at, at + ROW * DIGEST), [id, (from + at / DIGEST) / ROW]);
    });
  }

  async forgetDigests(id: string): Promise<void> {
    await this.#database.write(["digests"], (transaction) => transaction.objectStore("digests").delete(rowsOf(id)));
  }
}

function rowsOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, 0], [id, Number.POSITIVE_INFINITY]);
}
