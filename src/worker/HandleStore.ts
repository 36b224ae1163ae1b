import type { Clock } from "../base/Clock.ts";
import { isGridError } from "../base/GridError.ts";
import { type HandleEntry, type HandleRecord, isHandleRecord } from "../base/HandleRecord.ts";
import { type Database, FORBIDDEN, openDatabase, type WriteTransaction } from "../database/openDatabase.ts";
import { makeKeyStore, type Sealed, SecretBox, type SecretBoxSchema } from "../database/SecretBox.ts";

interface Row {
  readonly handle: string;
  readonly sealed: Sealed;
  /**
   * When it was made or last found, in milliseconds since 1970; within `TOUCH_MS`. Up to 0.2.0 it was the time since that
   * worker's start: such a row counts as very old until it is found.
   */
  readonly usedAt: number;
}

interface Schema extends SecretBoxSchema {
  handles: { key: string; value: Row; indexes: { usedAt: number } };
  profile: { key: string; value: Sealed };
}

const DATABASE = "gridfetch-handles";
const SECRET = "secret";
const SECRET_LENGTH = 32;

/** Some 300 bytes each, the choice of an archive up to some 100 KB. The least recently used go first; a page that still shows one sends it again. */
const MOST_HANDLES = 20_000;
/** A handle in use is written to disk anew this rarely. */
const TOUCH_MS = 3_600_000;

/**
 * The opaque URLs of this browser profile and what they stand for, and the secret that they are made with. Outlives
 * worker and browser. All of it is encrypted under a key that cannot be taken out.
 */
export class HandleStore {
  readonly #database: Database<Schema>;
  readonly #box: SecretBox;
  readonly #clock: Clock;

  /** @param makeRoom is asked to give something else up where the disk is full */
  constructor(clock: Clock, makeRoom?: () => Promise<void>) {
    this.#clock = clock;
    this.#database = openDatabase<Schema>({
      name: DATABASE,
      migrations: [
        (database, transaction) => {
          database.createObjectStore("handles", { keyPath: "handle" }).createIndex("usedAt", "usedAt");
          database.createObjectStore("profile");
          return makeKeyStore(database, transaction);
        },
      ],
      clock,
      ...(makeRoom && { makeRoom }),
    });
    this.#box = new SecretBox(this.#database as unknown as Database<SecretBoxSchema>);
  }

  /**
   * The profile's secret, 32 bytes; made on first use, once, however many ask at the same time.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async secret(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#openSecret(await this.#sealedSecret())) ?? this.#replaceSecret();
  }

  /**
   * Resolves when all are kept.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async put(entries: readonly HandleEntry[]): Promise<void> {
    const box = await this.#box.unlock();
    const rows = await Promise.all(
      entries.map(async ({ handle, record }) => ({ handle, sealed: await box.seal(JSON.stringify(record), handle) })),
    );
    await this.#database.write(["handles"], async (transaction) => {
      const handles = transaction.objectStore("handles");
      const usedAt = await this.#nextUse(transaction);
      await Promise.all(rows.map((row) => handles.put({ ...row, usedAt })));
      const surplus = (await handles.count()) - MOST_HANDLES;
      if (surplus <= 0) return;
      const oldest = await handles.index("usedAt").getAllKeys(null, surplus);
      await Promise.all(oldest.map((handle) => handles.delete(handle)));
    });
  }

  /**
   * What a handle stands for, if it is known.
   * @throws GridError STORE_UNAVAILABLE
   */
  async get(handle: string): Promise<HandleRecord | undefined> {
    const row = await this.#database.read(["handles"], (transaction) => transaction.objectStore("handles").get(handle));
    const text = row && (await (await this.#box.unlock()).open(row.sealed, handle));
    if (row === undefined || text === undefined) return undefined;
    const record: unknown = JSON.parse(text);
    if (!isHandleRecord(record)) return undefined;
    // On a full disk, too, a handle is good.
    if (Math.abs(this.#clock.wallNow() - row.usedAt) > TOUCH_MS) await this.#touch(handle).catch(() => undefined);
    return record;
  }

  /**
   * Resolves when it is forgotten, or was never kept, since the browser keeps nothing here.
   * @throws GridError STORE_UNAVAILABLE
   */
  async delete(handle: string): Promise<void> {
    try {
      await this.#database.write(["handles"], (transaction) => transaction.objectStore("handles").delete(handle));
    } catch (error) {
      if (!isGridError(error, "STORE_UNAVAILABLE") || error.details.reason !== FORBIDDEN) throw error;
    }
  }

  /** Closes the connection; the next use opens it again. */
  close(): void {
    this.#database.close();
  }

  /** Not where it was deleted in between: a revoked handle must not come back. */
  async #touch(handle: string): Promise<void> {
    await this.#database.write(["handles"], async (transaction) => {
      const handles = transaction.objectStore("handles");
      const row = await handles.get(handle);
      if (row !== undefined) await handles.put({ ...row, usedAt: await this.#nextUse(transaction) });
    });
  }

  /** Later than all uses before, also where the clock was set back in between. */
  async #nextUse(transaction: WriteTransaction<Schema, "handles">): Promise<number> {
    const latest = await transaction.objectStore("handles").index("usedAt").openKeyCursor(null, "prev");
    return Math.max(this.#clock.wallNow(), (latest?.key ?? 0) + 1);
  }

  async #sealedSecret(): Promise<Sealed> {
    const known = await this.#database.read(["profile"], (transaction) =>
      transaction.objectStore("profile").get(SECRET),
    );
    if (known !== undefined) return known;
    const made = await this.#newSecret();
    return this.#database.write(["profile"], async (transaction) => {
      const profile = transaction.objectStore("profile");
      // Another worker, an update of this one say, may have been faster.
      const present = await profile.get(SECRET);
      if (present !== undefined) return present;
      await profile.put(made, SECRET);
      return made;
    });
  }

  /** What cannot be opened was sealed with a key that is gone, and all handles with it. */
  async #replaceSecret(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#database.write(["profile", "handles"], async (transaction) => {
      await Promise.all([transaction.objectStore("profile").clear(), transaction.objectStore("handles").clear()]);
    });
    const secret = await this.#openSecret(await this.#sealedSecret());
    return secret ?? crypto.getRandomValues(new Uint8Array(SECRET_LENGTH));
  }

  async #newSecret(): Promise<Sealed> {
    const bytes = crypto.getRandomValues(new Uint8Array(SECRET_LENGTH));
    return (await this.#box.unlock()).seal(JSON.stringify([...bytes]), SECRET);
  }

  async #openSecret(sealed: Sealed): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const text = await (await this.#box.unlock()).open(sealed, SECRET);
    return text === undefined ? undefined : Uint8Array.from(JSON.parse(text) as number[]);
  }
}
