import type { Clock } from "../base/Clock.ts";
import { type Database, openDatabase } from "../database/openDatabase.ts";
import { makeKeyStore, type Sealed, SecretBox, type SecretBoxSchema } from "../database/SecretBox.ts";

/**
 * What a worker knows of its grids, each as JSON; secret: a configuration and swissnums that pages have passed, and the
 * configuration that the web server had last.
 */
export type ConfigKind = "config" | "secrets" | "served";

interface Schema extends SecretBoxSchema {
  documents: { key: ConfigKind; value: Sealed };
}

const DATABASE = "gridfetch-grids";

/** Keeps what a worker was told of its grids, so that it outlives the worker. All of it is encrypted: it has swissnums in it. */
export class ConfigStore {
  readonly #database: Database<Schema>;
  readonly #box: SecretBox;

  /** @param makeRoom is asked to give something else up where the disk is full */
  constructor(clock: Clock, makeRoom?: () => Promise<void>) {
    this.#database = openDatabase<Schema>({
      name: DATABASE,
      migrations: [
        (database, transaction) => {
          database.createObjectStore("documents");
          return makeKeyStore(database, transaction);
        },
      ],
      clock,
      ...(makeRoom && { makeRoom }),
    });
    this.#box = new SecretBox(this.#database as unknown as Database<SecretBoxSchema>);
  }

  /**
   * The parsed JSON that was kept, or undefined if there is none.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL, also where nothing could have been kept
   */
  async load(kind: ConfigKind): Promise<unknown> {
    const box = await this.#box.unlock();
    const sealed = await this.#database.read(["documents"], (transaction) =>
      transaction.objectStore("documents").get(kind),
    );
    const text = sealed && (await box.open(sealed, kind));
    return text === undefined ? undefined : JSON.parse(text);
  }

  /**
   * Resolves when it is kept. Undefined takes it away.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async save(kind: ConfigKind, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    const sealed = value === undefined ? undefined : await (await this.#box.unlock()).seal(text, kind);
    await this.#database.write(["documents"], async (transaction) => {
      const documents = transaction.objectStore("documents");
      await (sealed === undefined ? documents.delete(kind) : documents.put(sealed, kind));
    });
  }

  /** Closes the connection; the next use opens it again. */
  close(): void {
    this.#database.close();
  }
}
