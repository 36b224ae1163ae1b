import type { Clock } from "../base/Clock.ts";
import type { LogScope } from "../base/EventLog.ts";
import { isGridError } from "../base/GridError.ts";
import { inTime } from "../base/wait.ts";
import type { ByteStore, Changes } from "./ByteStore.ts";

/** How a store is written to and read from in the background of reads. */
export interface WriteBehindOptions {
  readonly store: ByteStore;
  readonly clock: Clock;
  readonly scope: LogScope;
  /** Bytes that may wait to be written; what comes beyond them is not kept. */
  readonly queueMost: number;
  /** Milliseconds for more to gather before a step. */
  readonly delay: number;
  /** Milliseconds after which a lookup has found nothing. */
  readonly patience: number;
}

interface Queue {
  readonly uses: Set<string>;
  readonly deletes: Set<string>;
  readonly puts: Map<string, Uint8Array>;
}

interface Lookup {
  readonly keys: Set<string>;
  readonly found: Promise<Map<string, Uint8Array>>;
}

/**
 * A ByteStore that never fails and never keeps anybody waiting: changes are written a little later, many in one step, or
 * dropped where the store cannot take them; lookups of one moment are one step, too, and find nothing where the store is
 * slow or out of order. What waits to be written is found already.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  #queue = emptyQueue();
  #queued = 0;
  /** Being written now. */
  #writing: Queue | undefined;
  #cancelTimer: (() => void) | undefined;
  #step: Promise<void> = Promise.resolve();
  #lookup: Lookup | undefined;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  /** Writes bytes soon, which must not change until then. False where too much is waiting: these are not written. */
  put(key: string, bytes: Uint8Array): boolean {
    const before = this.#queue.puts.get(key)?.length ?? 0;
    if (this.#queued - before + bytes.length > this.#options.queueMost) return false;
    this.#queue.puts.delete(key);
    this.#queue.puts.set(key, bytes);
    this.#queue.deletes.delete(key);
    this.#queued += bytes.length - before;
    this.#writeSoon();
    return true;
  }

  delete(key: string): void {
    this.#queued -= this.#queue.puts.get(key)?.length ?? 0;
    this.#queue.puts.delete(key);
    this.#queue.deletes.add(key);
    this.#writeSoon();
  }

  /** What is under these keys, which counts as used. Unverified. Never rejects. */
  async get(keys: readonly string[]): Promise<Map<string, Uint8Array>> {
    const lookup = this.#joinLookup(keys);
    const stored = await this.#inTime(lookup.found, new Map<string, Uint8Array>());
    const found = new Map<string, Uint8Array>();
    for (const key of keys) {
      const bytes = this.#waiting(key, stored.get(key));
      if (bytes === undefined) continue;
      found.set(key, bytes);
      this.#queue.uses.delete(key);
      this.#queue.uses.add(key);
    }
    if (found.size > 0) this.#writeSoon();
    return found;
  }

  /** The keys that begin with `prefix`, in no order. Never rejects. */
  async keys(prefix: string): Promise<Set<string>> {
    const found = new Set(await this.#inTime(this.#options.store.keys(prefix), []));
    for (const { puts, deletes } of [this.#writing, this.#queue].flatMap((queue) => queue ?? [])) {
      for (const key of deletes) found.delete(key);
      for (const key of puts.keys()) if (key.startsWith(prefix)) found.add(key);
    }
    return found;
  }

  /** Resolves when all that was put until now is written or dropped. */
  async settled(): Promise<void> {
    this.#write();
    await this.#step;
  }

  /** What a change that is not written yet makes of a stored value. */
  #waiting(key: string, stored: Uint8Array | undefined): Uint8Array | undefined {
    for (const queue of [this.#queue, this.#writing]) {
      const put = queue?.puts.get(key);
      if (put !== undefined) return put;
      if (queue?.deletes.has(key)) return undefined;
    }
    return stored;
  }

  #joinLookup(keys: readonly string[]): Lookup {
    if (this.#lookup === undefined) {
      const wanted = new Set<string>();
      // By then everything that looks something up at this moment has joined.
      const found = Promise.resolve().then(() => {
        this.#lookup = undefined;
        return this.#options.store.get([...wanted]);
      });
      this.#lookup = { keys: wanted, found };
    }
    for (const key of keys) this.#lookup.keys.add(key);
    return this.#lookup;
  }

  /** Never rejects. */
  async #inTime<T>(result: Promise<T>, otherwise: T): Promise<T> {
    const { clock, patience, scope } = this.#options;
    const late = (): T => {
      scope.log("info", "overdue");
      return otherwise;
    };
    try {
      return await inTime(result, patience, clock, late);
    } catch (error) {
      this.#failed(error);
      return otherwise;
    }
  }

  #writeSoon(): void {
    if (this.#writing !== undefined) return; // the end of that step sees to it
    this.#cancelTimer ??= this.#options.clock.after(this.#options.delay, () => this.#write());
  }

  #write(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const before = this.#step;
    this.#step = before.then(() => this.#writeQueue());
  }

  /** Never rejects. */
  async #writeQueue(): Promise<void> {
    const queue = this.#queue;
    if (queue.puts.size + queue.deletes.size + queue.uses.size === 0) return;
    this.#queue = emptyQueue();
    this.#writing = queue;
    const uses = [...queue.uses].filter((key) => !queue.puts.has(key) && !queue.deletes.has(key));
    const changes: Changes = { uses, deletes: [...queue.deletes], puts: queue.puts };
    try {
      await this.#options.store.apply(changes);
    } catch (error) {
      this.#failed(error);
    } finally {
      // They counted until now: what is being written is in memory as well.
      for (const bytes of queue.puts.values()) this.#queued -= bytes.length;
      this.#writing = undefined;
      const { puts, deletes, uses: used } = this.#queue;
      if (puts.size + deletes.size + used.size > 0) this.#writeSoon();
    }
  }

  #failed(error: unknown): void {
    this.#options.scope.log("info", "failed", () => ({ reason: isGridError(error) ? error.code : "unknown" }));
  }
}

function emptyQueue(): Queue {
  return { uses: new Set(), deletes: new Set(), puts: new Map() };
}
