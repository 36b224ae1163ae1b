import type { Clock } from "../base/Clock.ts";
import { isGridError } from "../base/GridError.ts";
import { type HandleEntry, type HandleRecord, isHandle } from "../base/HandleRecord.ts";
import { inTime } from "../base/wait.ts";
import type { HandleStore } from "./HandleStore.ts";

/** Records kept beside the database: so a player's every range costs no look-up, and it works without a database too. */
const MOST_REMEMBERED = 1_000;
/** A page's answer takes milliseconds. A page that sleeps, or has no such record, never answers. */
const PAGES_LIMIT_MS = 3_000;

export interface HandleBookOptions {
  readonly store: HandleStore;
  readonly clock: Clock;
  /** Asks all pages for what a handle stands for. Resolves with how many were asked. */
  askPages(handle: string): Promise<number>;
}

/** Knows what handles stand for: from memory, from the database, or from the pages that made them. */
export class HandleBook {
  readonly #options: HandleBookOptions;
  /** Least recently used first. */
  readonly #remembered = new Map<string, HandleRecord>();
  readonly #waiting = new Map<string, Set<(record: HandleRecord) => void>>();
  #passingSecret: Uint8Array<ArrayBuffer> | undefined;
  /** Writes are done in the order in which they were asked for: none brings back what was revoked after it. */
  #writing: Promise<unknown> = Promise.resolve();
  #revocations = 0;

  constructor(options: HandleBookOptions) {
    this.#options = options;
  }

  /**
   * What pages make handles with, 32 bytes, and whether it and they are kept. Where they cannot be it is the worker's own,
   * for its life.
   */
  async profile(): Promise<{ readonly secret: Uint8Array<ArrayBuffer>; readonly isKept: boolean }> {
    try {
      return { secret: await this.#options.store.secret(), isKept: true };
    } catch (error) {
      throwUnlessStore(error);
      this.#passingSecret ??= crypto.getRandomValues(new Uint8Array(32));
      return { secret: this.#passingSecret, isKept: false };
    }
  }

  /** Resolves when the entries are on disk, or where that cannot be, when this worker knows them. */
  async keep(entries: readonly HandleEntry[]): Promise<void> {
    for (const { handle, record } of entries) {
      this.#remember(handle, record);
      for (const found of this.#waiting.get(handle) ?? []) found(record);
    }
    try {
      await this.#write(() => this.#options.store.put(entries));
    } catch (error) {
      throwUnlessStore(error);
    }
  }

  /** What a handle stands for. Pages are asked where nothing is stored; undefined if none of them says it in time. */
  async find(handle: string, signal: AbortSignal): Promise<HandleRecord | undefined> {
    if (!isHandle(handle)) return undefined;
    const revocations = this.#revocations;
    const known = this.#remembered.get(handle) ?? (await this.#stored(handle)) ?? this.#remembered.get(handle);
    signal.throwIfAborted();
    // What was read may be what was being revoked.
    if (revocations !== this.#revocations) return this.find(handle, signal);
    if (known !== undefined) {
      this.#remember(handle, known);
      return known;
    }
    return this.#fromPages(handle, signal);
  }

  /**
   * Resolves when nobody can use the handle any more, until a page makes it again from the cap.
   * @throws GridError STORE_UNAVAILABLE: it is forgotten here, and may be on disk still
   */
  async revoke(handle: string): Promise<void> {
    this.#remembered.delete(handle);
    try {
      await this.#write(() => this.#options.store.delete(handle));
    } finally {
      this.#remembered.delete(handle);
      this.#revocations++;
    }
  }

  #write(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  async #stored(handle: string): Promise<HandleRecord | undefined> {
    try {
      return await this.#options.store.get(handle);
    } catch (error) {
      throwUnlessStore(error);
      return undefined;
    }
  }

  async #fromPages(handle: string, signal: AbortSignal): Promise<HandleRecord | undefined> {
    const waiting = this.#waiting.get(handle) ?? new Set();
    this.#waiting.set(handle, waiting);
    let hear = (_: HandleRecord | undefined): void => {};
    const answer = new Promise<HandleRecord | undefined>((resolve) => {
      hear = resolve;
    });
    waiting.add(hear);
    const none = () => hear(undefined);
    this.#options.askPages(handle).then((asked) => {
      if (asked === 0) none();
    }, none);
    try {
      return await inTime(answer, PAGES_LIMIT_MS, this.#options.clock, () => undefined, signal);
    } finally {
      waiting.delete(hear);
      if (waiting.size === 0) this.#waiting.delete(handle);
    }
  }

  #remember(handle: string, record: HandleRecord): void {
    this.#remembered.delete(handle);
    this.#remembered.set(handle, record);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MOST_REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
  }
}

/** Without a database handles live as long as the worker and the pages that made them. */
function throwUnlessStore(error: unknown): void {
  if (!isGridError(error, "STORE_UNAVAILABLE") && !isGridError(error, "STORE_FULL")) throw error;
}
