import type { Clock } from "../base/Clock.ts";
import { type Database, openDatabase } from "./openDatabase.ts";
import { makeKeyStore, type Sealed, SecretBox, type SecretBoxSchema } from "./SecretBox.ts";

/** What pages have told a worker about its grids, each as JSON; secret. */
export type PassedKind = "config" | "secrets";

interface Schema extends SecretBoxSchema {
  passed: { key: PassedKind; value: Sealed };
}

const DATABASE = "gridfetch-grids";

/**
 * Keeps what pages pass to a worker, so that it outlives the worker. All of it is encrypted: a configuration has swissnums in
 * its NURLs.
 */
export class PassedStore {
  readonly #database: Database<Schema>;
  readonly #box: SecretBox;

  constructor(clock: Clock) {
    this.#database = openDatabase<Schema>({
      name: DATABASE,
      migrations: [
        (database, transaction) => {
          database.createObjectStore("passed");
          return makeKeyStore(database, transaction);
        },
      ],
      clock,
    });
    this.#box = new SecretBox(this.#database as unknown as Database<SecretBoxSchema>);
  }

  /**
   * The parsed JSON that was kept, or undefined if there is none.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async load(kind: PassedKind): Promise<unknown> {
    const sealed = await this.#database.read(["passed"], (transaction) => transaction.objectStore("passed").get(kind));
    const text = sealed && (await this.#box.open(sealed, kind));
    return text === undefined ? undefined : JSON.parse(text);
  }

  /**
   * Resolves when it is kept. Undefined takes it away.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async save(kind: PassedKind, value: unknown): Promise<void> {
    const sealed = value === undefined ? undefined : await this.#box.seal(JSON.stringify(value), kind);
    await this.#database.write(["passed"], async (transaction) => {
      const passed = transaction.objectStore("passed");
      await (sealed === undefined ? passed.delete(kind) : passed.put(sealed, kind));
    });
  }

  /** Closes the connection; the next use opens it again. */
  close(): void {
    this.#database.close();
  }
}
