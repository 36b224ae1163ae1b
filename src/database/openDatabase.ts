import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPTransaction, openDB, type StoreNames } from "idb";
import { type Clock, systemClock } from "../base/Clock.ts";
import { GridError } from "../base/GridError.ts";
import { inTime } from "../base/wait.ts";

/**
 * One step from a version of a database to the next. It may await the transaction's own requests, nothing else: an
 * IndexedDB transaction commits as soon as it is left idle.
 */
export type Migration = (
  database: IDBPDatabase,
  transaction: IDBPTransaction<unknown, string[], "versionchange">,
) => void | Promise<void>;

/** Which database, and how it came to be what it is. */
export interface DatabasePlan {
  readonly name: string;
  /** The first makes version 1 from nothing, each further one the next version. They are added to, never changed. */
  readonly migrations: readonly Migration[];
  readonly clock?: Clock;
  /** Gives up what the browser's storage can do without. A write that finds no room is tried once more after it. */
  readonly makeRoom?: () => Promise<void>;
}

type ReadTransaction<S extends DBSchema, N extends StoreNames<S>> = IDBPTransaction<S, N[], "readonly">;
/** A transaction that writes to the stores of these names. */
export type WriteTransaction<S extends DBSchema, N extends StoreNames<S>> = IDBPTransaction<S, N[], "readwrite">;

/**
 * An IndexedDB database that may be missing, full, deleted or closed at any time. It is opened when it is first used, and
 * again whenever the connection was lost.
 */
export interface Database<S extends DBSchema> {
  /**
   * Runs `work` in one transaction that reads. `work` may await the transaction's own requests, nothing else. Where the
   * connection may be lost it is called a second time, in a transaction of a new one; the first was undone then.
   * @throws GridError STORE_UNAVAILABLE; whatever `work` throws; the signal's reason
   */
  read<T, N extends StoreNames<S>>(
    stores: N[],
    work: (transaction: ReadTransaction<S, N>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;

  /**
   * As `read`, in one transaction that writes. It resolves after the transaction is complete; where it rejects, nothing was
   * written, unless it was the signal or the time limit that ended the wait: then all of it or nothing was.
   * @throws GridError STORE_FULL when there is no room; as `read`
   */
  write<T, N extends StoreNames<S>>(
    stores: N[],
    work: (transaction: WriteTransaction<S, N>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;

  /** Closes the connection. The next use opens it again. */
  close(): void;

  /**
   * Deletes it with all that is in it, which gives its room on disk back at once. The next use makes it anew.
   * @throws GridError STORE_UNAVAILABLE
   */
  delete(): Promise<void>;
}

/** Opening takes milliseconds. Where another tab does not give up its old version, or the browser hangs, it takes forever. */
const OPEN_TIMEOUT = 3_000;
/** A transaction that is not over after this will not be. */
const TRANSACTION_TIMEOUT = 30_000;
/** After opening failed every use fails at once for so long: no read is to wait for a store that is not there. */
const RETRY_PAUSE = 10_000;

/** In some windows there is no `indexedDB` at all, in others it throws. Nothing was ever stored there. */
export const FORBIDDEN = "the browser does not offer it here, as in some private windows";

/** What a browser says where the disk is full, or this origin's part of it. */
const FULL = "QuotaExceededError";

/** Gives a database that is not opened before it is used: this never fails. */
export function openDatabase<S extends DBSchema>(plan: DatabasePlan): Database<S> {
  return new ReopeningDatabase<S>(plan);
}

class ReopeningDatabase<S extends DBSchema> implements Database<S> {
  readonly #plan: DatabasePlan;
  readonly #clock: Clock;
  #connection: Promise<IDBPDatabase<S>> | undefined;
  #isOverdue = false;
  #isBlocked = false;
  #lastFailure: { readonly error: unknown; readonly until: number } | undefined;

  constructor(plan: DatabasePlan) {
    this.#plan = plan;
    this.#clock = plan.clock ?? systemClock;
  }

  read<T, N extends StoreNames<S>>(
    stores: N[],
    work: (transaction: ReadTransaction<S, N>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#transact("readonly", stores, work, signal);
  }

  write<T, N extends StoreNames<S>>(
    stores: N[],
    work: (transaction: WriteTransaction<S, N>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#transact("readwrite", stores, work, signal);
  }

  close(): void {
    this.#drop(this.#connection);
  }

  async delete(): Promise<void> {
    this.close();
    try {
      await this.#answer(deleteDB(this.#plan.name));
    } catch (error) {
      throw this.#explain(error) ?? error;
    }
  }

  async #transact<T, N extends StoreNames<S>, M extends "readonly" | "readwrite">(
    mode: M,
    stores: N[],
    work: (transaction: IDBPTransaction<S, N[], M>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const attempt = async (): Promise<T> => {
      const opening = this.#open();
      const connection = this.#connection;
      try {
        const database = await opening;
        // Relaxed: what was acknowledged survives the browser being killed, which is measured; a power cut may undo it whole.
        return await settle(database.transaction(stores, mode, { durability: "relaxed" }), work);
      } catch (error) {
        if (mayBeLost(error)) this.#drop(connection);
        throw error;
      }
    };
    const result = attempt().catch(async (error: unknown) => {
      if (!mayBeLost(error) && !(await this.#makeRoom(error))) throw error;
      signal?.throwIfAborted();
      return attempt();
    });
    try {
      return await this.#answer(result, signal);
    } catch (error) {
      throw this.#explain(error) ?? error;
    }
  }

  /** Was there no room, and is there some now? Never rejects. */
  async #makeRoom(error: unknown): Promise<boolean> {
    const { makeRoom } = this.#plan;
    if (nameOf(error) !== FULL || makeRoom === undefined) return false;
    return makeRoom().then(
      () => true,
      () => false,
    );
  }

  /** The connection. It is waited for once: whoever comes while it is overdue does not wait. */
  #open(): Promise<IDBPDatabase<S>> {
    if (this.#lastFailure !== undefined && this.#clock.now() < this.#lastFailure.until) {
      return Promise.reject(this.#lastFailure.error);
    }
    if (this.#isOverdue) return Promise.reject(this.#overdue());
    this.#connection ??= this.#connect();
    return inTime(this.#connection, OPEN_TIMEOUT, this.#clock, () => {
      this.#isOverdue = true;
      throw this.#overdue();
    });
  }

  #connect(): Promise<IDBPDatabase<S>> {
    const { name, migrations } = this.#plan;
    const connect = async (): Promise<IDBPDatabase<S>> =>
      openDB<S>(name, migrations.length, {
        upgrade: (database, from, _to, transaction) => {
          const steps = migrations.slice(from);
          // What a migration sees is untyped: the schema is what stands at the end of all of them.
          const [untyped, change] = [database, transaction] as unknown as Parameters<Migration>;
          void migrate(steps, untyped, change);
        },
        blocked: () => {
          this.#isBlocked = true;
        },
        // Another tab, or a newer worker, wants to upgrade or delete it: it must not wait for this one.
        blocking: () => this.#drop(connection),
        terminated: () => this.#drop(connection),
      });
    const connection = connect()
      .catch((error: unknown) => {
        if (!mayBeLost(error)) throw error;
        return connect();
      })
      .catch((error: unknown) => {
        throw this.#explain(error) ?? this.#unavailable(FORBIDDEN, error);
      });
    connection.then(
      () => {
        this.#isOverdue = false;
        this.#isBlocked = false;
        this.#lastFailure = undefined;
      },
      (error: unknown) => {
        this.#isOverdue = false;
        this.#isBlocked = false;
        if (this.#connection === connection) this.#connection = undefined;
        this.#lastFailure = { error, until: this.#clock.now() + RETRY_PAUSE };
      },
    );
    return connection;
  }

  #drop(connection: Promise<IDBPDatabase<S>> | undefined): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection?.then(
      (database) => database.close(),
      () => {},
    );
  }

  #answer<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
    const late = (): never => {
      throw this.#unavailable("it does not answer");
    };
    return inTime(answer, TRANSACTION_TIMEOUT, this.#clock, late, signal);
  }

  #overdue(): GridError {
    return this.#unavailable(
      this.#isBlocked ? "another tab still uses its older version; close the other tabs" : "it does not open",
    );
  }

  /** What is the database's own doing, in our words. */
  #explain(error: unknown): GridError | undefined {
    const name = nameOf(error);
    if (name === undefined) return undefined;
    if (name === FULL) {
      return new GridError(
        "STORE_FULL",
        { store: this.#plan.name },
        `There is no room left in the browser's storage for ${this.#plan.name}. Free disk space, or remove files kept offline.`,
        { cause: error },
      );
    }
    if (name === "VersionError") return this.#unavailable("a newer gridfetch has made it anew; reload the page", error);
    // Keys are the only thing we store that may not be copied: Safari needs the system's keychain for it.
    if (name === "DataCloneError") return this.#unavailable("the browser stores no keys here", error);
    const isForbidden = name === "SecurityError" || name === "InvalidStateError";
    return this.#unavailable(isForbidden ? FORBIDDEN : `it failed with ${name}`, error);
  }

  #unavailable(reason: string, cause?: unknown): GridError {
    return new GridError(
      "STORE_UNAVAILABLE",
      { store: this.#plan.name, reason },
      `The browser's storage ${this.#plan.name} cannot be used: ${reason}.`,
      { cause },
    );
  }
}

/** The migrations, in order. A failing one undoes all of them, and the opening fails. */
async function migrate(
  steps: readonly Migration[],
  database: IDBPDatabase,
  transaction: Parameters<Migration>[1],
): Promise<void> {
  transaction.done.catch(() => {}); // the opening fails, too
  try {
    for (const step of steps) await step(database, transaction);
  } catch {
    abort(transaction);
  }
}

/** The work's result once the transaction is complete. Where either fails, nothing is written. */
async function settle<T, X extends { done: Promise<void>; error: DOMException | null; abort(): void }>(
  transaction: X,
  work: (transaction: X) => Promise<T>,
): Promise<T> {
  const done = transaction.done;
  done.catch(() => {}); // told below
  try {
    const result = await work(transaction);
    await done;
    return result;
  } catch (error) {
    abort(transaction);
    // A full disk shows here and nowhere else: the requests of a transaction that fails end with a mere AbortError.
    throw transaction.error ?? error;
  }
}

function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort();
  } catch {
    // It is over already.
  }
}

/**
 * May the connection be what failed? Safari says UnknownError to everything that is asked of a connection whose database
 * process has ended, for ever, and does not close it; any browser InvalidStateError while one is being closed, by itself or by a
 * tab that deletes the database or brings a newer one. Not where the answer is the disk's, a transaction's own or the data's.
 */
function mayBeLost(error: unknown): boolean {
  const name = nameOf(error);
  return name !== undefined && ![FULL, "AbortError", "ConstraintError"].includes(name);
}

/** Of a DOMException. Browsers differ in the class of some, for instance QuotaExceededError, but not in the name. */
function nameOf(error: unknown): string | undefined {
  return error instanceof DOMException ? error.name : undefined;
}
