import { type Database, openDatabase } from "../database/openDatabase.ts";
import { makeKeyStore, type Sealed, SecretBox, type SecretBoxSchema } from "../database/SecretBox.ts";
import type { Visit } from "./Visits.ts";

/** A file or a directory that the person at this browser wants to find again. */
export interface Entry {
  readonly id: string;
  readonly kind: "file" | "directory";
  readonly name: string;
  /** Secret. */
  readonly cap: string;
  /** The media type, empty for a directory. */
  readonly type: string;
  /** In bytes; of a directory 0. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
}

interface Row {
  readonly id: string;
  readonly sealed: Sealed;
}

interface VisitRow extends Row {
  /** Milliseconds since 1970. */
  readonly at: number;
}

interface Schema extends SecretBoxSchema {
  entries: { key: string; value: Row };
  visits: { key: string; value: VisitRow; indexes: { at: number } };
}

/** More than anybody goes back. */
const MOST_VISITS = 500;

/**
 * The library on disk. Everything in it, names too, is encrypted under a key that cannot be taken out of the browser; what shows
 * is how many entries there are, and about how long they are.
 */
export class LibraryStore {
  readonly #database: Database<Schema>;
  readonly #box: SecretBox;

  constructor() {
    this.#database = openDatabase<Schema>({
      name: "gridfetch-library",
      migrations: [
        (database, transaction) => {
          database.createObjectStore("entries", { keyPath: "id" });
          return makeKeyStore(database, transaction);
        },
        (database) => {
          database.createObjectStore("visits", { keyPath: "id" }).createIndex("at", "at");
        },
      ],
    });
    this.#box = new SecretBox(this.#database as unknown as Database<SecretBoxSchema>);
  }

  /**
   * All entries, the newest first. What cannot be opened, since its key is gone, is left out.
   * @throws GridError STORE_UNAVAILABLE
   */
  async all(): Promise<Entry[]> {
    const rows = await this.#database.read(["entries"], (transaction) => transaction.objectStore("entries").getAll());
    const box = await this.#box.unlock();
    const texts = await Promise.all(rows.map(({ id, sealed }) => box.open(sealed, id)));
    const entries = texts.filter((text) => text !== undefined).map((text) => JSON.parse(text) as unknown);
    return entries.filter(isEntry).sort((one, other) => other.addedAt - one.addedAt);
  }

  /**
   * Resolves when it is kept; one with the same id is replaced.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async put(entry: Entry): Promise<void> {
    const { id } = entry;
    const sealed = await (await this.#box.unlock()).seal(JSON.stringify(entry), id);
    await this.#database.write(["entries"], (transaction) => transaction.objectStore("entries").put({ id, sealed }));
  }

  /** @throws GridError STORE_UNAVAILABLE */
  async delete(id: string): Promise<void> {
    await this.#database.write(["entries"], (transaction) => transaction.objectStore("entries").delete(id));
  }

  /**
   * Resolves when it is kept; one with the same id is replaced, and the oldest may leave.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async putVisit(id: string, visit: Visit): Promise<void> {
    const sealed = await (await this.#box.unlock()).seal(JSON.stringify(visit), id);
    await this.#database.write(["visits"], async (transaction) => {
      const visits = transaction.objectStore("visits");
      await visits.put({ id, sealed, at: Date.now() });
      const surplus = (await visits.count()) - MOST_VISITS;
      if (surplus <= 0) return;
      const oldest = await visits.index("at").getAllKeys(null, surplus);
      await Promise.all(oldest.map((key) => visits.delete(key)));
    });
  }

  /**
   * Undefined where it is gone, or its key is.
   * @throws GridError STORE_UNAVAILABLE
   */
  async visit(id: string): Promise<Visit | undefined> {
    const row = await this.#database.read(["visits"], (transaction) => transaction.objectStore("visits").get(id));
    const text = row && (await (await this.#box.unlock()).open(row.sealed, id));
    const visit: unknown = text === undefined ? undefined : JSON.parse(text);
    return isVisit(visit) ? visit : undefined;
  }

  /** Closes the connection; the next use opens it again. */
  close(): void {
    this.#database.close();
  }
}

/** Another version may have written it. */
function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { id, kind, name, cap, type, size, addedAt } = value as Record<string, unknown>;
  const areTexts = [id, name, cap, type].every((text) => typeof text === "string");
  return areTexts && (kind === "file" || kind === "directory") && Number.isFinite(size) && Number.isFinite(addedAt);
}

function isVisit(value: unknown): value is Visit {
  if (typeof value !== "object" || value === null) return false;
  const { cap, name } = value as Record<string, unknown>;
  return typeof cap === "string" && typeof name === "string";
}
