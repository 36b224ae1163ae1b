import type { Clock } from "../base/Clock.ts";
import { type ErrorRecord, toErrorRecord } from "../base/errorRecord.ts";
import { GridError, type GridErrorCode, isGridError } from "../base/GridError.ts";
import type { HandOver, Keep, KeepEvent } from "../base/Keep.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { Slots } from "../base/Slots.ts";
import { inTime, unlessAborted } from "../base/wait.ts";
import type { KeepRecord, KeepStore } from "../cache/KeepStore.ts";
import { type KeptFiles, keepIdOf } from "../cache/KeptFiles.ts";
import type { Cap, ChkCap, ChkVerifyCap } from "../formats/Cap.ts";
import { formatCap, verifyCapOf } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import type { FileNodes } from "./createFileNodes.ts";

/** Each may take the memory of a read. */
const FILES_AT_ONCE = 2;
/** Between two tries to go on, doubled each time without a new byte. */
const FIRST_PAUSE_MS = 2_000;
const LAST_PAUSE_MS = 60_000;

/** What ends by itself: servers, network and the web server come back, and other tabs let go of the store. */
const PASSING: ReadonlySet<GridErrorCode> = new Set<GridErrorCode>([
  "NOT_ENOUGH_SHARES",
  "SERVER_UNREACHABLE",
  "SERVER_REFUSED",
  "TIMED_OUT",
  "BAD_CONFIG",
  "STORE_UNAVAILABLE",
]);

export interface KeeperOptions {
  readonly kept: KeptFiles;
  readonly clock: Clock;
  /**
   * What reads the files of the grid of that name; of the first if it is empty.
   * @param isAgain the last try failed: perhaps the servers have moved
   */
  readonly files: (grid: string, isAgain: boolean) => Promise<FileNodes>;
  /** Runs `work` while nobody else does under that name, in whichever worker. */
  readonly alone: (name: string, signal: AbortSignal, work: () => Promise<void>) => Promise<void>;
  readonly announce: (event: KeepEvent) => void;
  /** Resolves when nobody else brings the file: the browser does where a page has handed it over. */
  readonly unlessBrought?: (keep: Keep, signal: AbortSignal) => Promise<void>;
}

interface Job {
  readonly controller: AbortController;
  readonly over: Promise<void>;
  /** Why it waits, while it does. */
  reason: GridError | undefined;
  /** Ends its pause. */
  wake(): void;
}

/**
 * Keeps files offline: fetches what is missing of each, waits where it cannot be had now, and goes on after a restart with
 * what is written down.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #store: KeepStore;
  readonly #slots = new Slots(FILES_AT_ONCE);
  readonly #jobs = new Map<string, Job>();
  /** Why files have failed of which not even that could be written. */
  readonly #failures = new Map<string, ErrorRecord>();
  /** Of files that were brought: what reads them, once. */
  readonly #brought = new Map<string, FileNodes>();
  #resumed: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#store = options.kept.store;
    options.kept.changed = (record) => {
      this.#tell(record);
      // Part of it was found to be wrong.
      if (record.state === "keeping" && !this.#jobs.has(record.id)) this.#start(record);
    };
  }

  /** Files that are being fetched, or wait for it. */
  get count(): number {
    return this.#jobs.size;
  }

  /**
   * Keeps the file of a cap, or goes on with it. Resolves when that is written down.
   * @throws GridError UNSUPPORTED_CAP; STORE_FULL, STORE_UNAVAILABLE
   */
  async keep(cap: Cap, grid: string): Promise<Keep> {
    const verifyCap = keepableOf(cap);
    const id = keepIdOf(verifyCap);
    const { size } = verifyCap;
    const fresh = { id, cap: formatCap(verifyCap), grid, size, keptBytes: 0, state: "keeping" } as const;
    const record = await this.#store.change(id, (before) => (before === undefined ? fresh : goingOn(before)));
    return this.#begin(record ?? fresh);
  }

  /** @throws GridError UNSUPPORTED_CAP; STORE_UNAVAILABLE */
  async find(cap: Cap): Promise<Keep | undefined> {
    const record = await this.#store.get(keepIdOf(keepableOf(cap)));
    return record && this.#view(record);
  }

  /** @throws GridError STORE_UNAVAILABLE */
  async list(): Promise<Keep[]> {
    return (await this.#store.list()).map((record) => this.#view(record));
  }

  /**
   * Goes on with a file, pauses it, or forgets it with all that is there of it. Resolves when that is written down.
   * @throws GridError STORE_FULL, STORE_UNAVAILABLE
   */
  change(id: string, to: "keeping" | "paused" | "removed"): Promise<void> {
    if (to === "keeping") return this.#goOn(id);
    return to === "paused" ? this.#suspend(id) : this.#remove(id);
  }

  /** Goes on with what an earlier worker has left. @throws GridError STORE_UNAVAILABLE */
  resume(): Promise<void> {
    this.#resumed ??= this.#resume().catch((error: unknown) => {
      this.#resumed = undefined;
      throw error;
    });
    return this.#resumed;
  }

  /**
   * Goes on with a file from shares that were brought: with what is good of them, and then as ever. Resolves when it is kept,
   * or is no longer to be.
   * @param files that have these shares instead of the grid's
   * @throws GridError STORE_UNAVAILABLE
   */
  async take(id: string, files: FileNodes): Promise<void> {
    this.#brought.set(id, files);
    await this.#end(id);
    const record = await this.#store.get(id);
    if (record?.state === "keeping") this.#start(record);
    await this.#jobs.get(id)?.over;
    this.#brought.delete(id);
  }

  /** What the browser can fetch by itself, and should: of a file of which half is kept it would fetch all anew. Never rejects. */
  async unfinished(): Promise<HandOver[]> {
    const records = await this.#store.list().catch(() => []);
    const all = await Promise.all(records.map((record) => this.#handOver(record).catch(() => undefined)));
    return all.filter((each) => each !== undefined);
  }

  /** Nobody waits any longer: the network is back. */
  wake(): void {
    for (const job of this.#jobs.values()) job.wake();
  }

  /** Resolves when nothing is being kept. Never rejects. */
  async settled(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.all([...this.#jobs.values()].map(({ over }) => over));
  }

  async #goOn(id: string): Promise<void> {
    const record = await this.#store.change(id, (before) => before && goingOn(before));
    if (record !== undefined) await this.#begin(record);
  }

  async #suspend(id: string): Promise<void> {
    const record = await this.#store.change(id, (before) => {
      if (before === undefined || before.state === "kept") return before;
      const { reason: _, ...rest } = before;
      return { ...rest, state: "paused" };
    });
    this.#options.kept.byId(id).follow(record);
    if (record?.state === "kept") return;
    // Before the job has ended: by then it may be wanted again, and that must be heard last.
    if (record !== undefined) this.#tell(record);
    await this.#end(id);
  }

  async #remove(id: string): Promise<void> {
    await this.#store.remove(id);
    this.#options.kept.byId(id).follow(undefined);
    this.#options.announce({ id, state: "removed" });
    await this.#end(id);
  }

  async #resume(): Promise<void> {
    for (const record of await this.#store.list()) if (record.state === "keeping") this.#start(record);
  }

  async #begin(record: KeepRecord): Promise<Keep> {
    await this.#options.kept.byId(record.id).reload();
    if (record.state === "keeping") this.#start(record);
    this.#tell(record);
    return this.#view(record);
  }

  #start({ id }: KeepRecord): void {
    const present = this.#jobs.get(id);
    if (present !== undefined && !present.controller.signal.aborted) {
      present.wake();
      return;
    }
    this.#failures.delete(id);
    const controller = new AbortController();
    const { signal } = controller;
    const run = async (): Promise<void> => {
      try {
        await this.#options.alone(`gridfetch-keep ${id}`, signal, () => this.#run(id, job, signal));
      } catch {
        // Called off.
      } finally {
        if (this.#jobs.get(id) === job) this.#jobs.delete(id);
      }
    };
    // After the one that is ending, and in a turn of its own: the job must be known before it begins.
    const over = Promise.resolve(present?.over).then(run);
    const job: Job = { controller, over, reason: undefined, wake: () => {} };
    this.#jobs.set(id, job);
  }

  async #end(id: string): Promise<void> {
    const job = this.#jobs.get(id);
    job?.controller.abort(noLongerWanted);
    await job?.over;
  }

  /** Until the file is kept, is not to be kept any more, or cannot be. The store may be away at any moment, as servers may. */
  async #run(id: string, job: Job, signal: AbortSignal): Promise<void> {
    let known: KeepRecord | undefined;
    for (let pause = FIRST_PAUSE_MS; ; await this.#pause(job, pause, signal)) {
      let before = known?.keptBytes ?? 0;
      try {
        // Another worker may have had it until now.
        await this.#options.kept.byId(id).reload();
        known = await this.#store.get(id);
        if (known?.state !== "keeping") return;
        before = known.keptBytes;
        await this.#fetch(known, job.reason !== undefined, signal);
        job.reason = undefined;
        known = await this.#store.change(id, whole);
        if (known !== undefined) this.#tell(known);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (known !== undefined && !isPassing(error)) return this.#fail(known, error);
        job.reason = error as GridError;
      }
      known = await this.#store.get(id).catch(() => known);
      if (known !== undefined) this.#tell(known);
      pause = (known?.keptBytes ?? 0) > before ? FIRST_PAUSE_MS : Math.min(2 * pause, LAST_PAUSE_MS);
    }
  }

  async #handOver({ id, cap, grid, size, keptBytes, state }: KeepRecord): Promise<HandOver | undefined> {
    if (state !== "keeping" || 2 * keptBytes > size) return undefined;
    const urls = await (await this.#options.files(grid, false)).openShares(parseCap(cap) as ChkVerifyCap);
    return urls.length === 0 ? undefined : { id, size, urls };
  }

  async #fetch(record: KeepRecord, isAgain: boolean, signal: AbortSignal): Promise<void> {
    const { cap, grid } = record;
    const brought = this.#brought.get(record.id);
    this.#brought.delete(record.id);
    if (brought === undefined) await this.#options.unlessBrought?.(record, signal);
    const leave = await this.#slots.take(signal);
    try {
      // Nobody waits for a web server that does not answer once the file is not wanted.
      const files = brought ?? (await unlessAborted(this.#options.files(grid, isAgain), signal));
      await files.keep(parseCap(cap) as ChkVerifyCap, signal);
    } finally {
      leave();
    }
  }

  async #fail({ id, ...known }: KeepRecord, error: unknown): Promise<void> {
    const reason = toErrorRecord(error);
    const fail = (record: KeepRecord | undefined): KeepRecord | undefined =>
      record?.state === "keeping" ? { ...record, state: "failed", reason } : record;
    const record = await this.#store.change(id, fail).catch(async () => {
      // On a full disk not even that can be written: the next worker tries once more.
      this.#failures.set(id, reason);
      return fail(await this.#store.get(id).catch(() => ({ id, ...known })));
    });
    this.#options.kept.byId(id).follow(record);
    if (record !== undefined) this.#tell(record);
  }

  /** Ends early when the job is woken. @throws the signal's reason */
  async #pause(job: Job, ms: number, signal: AbortSignal): Promise<void> {
    const woken = new Promise<void>((wake) => {
      job.wake = wake;
    });
    await inTime(woken, ms, this.#options.clock, () => {}, signal);
    job.wake = () => {};
  }

  #view({ id, size, keptBytes, state, reason }: KeepRecord): Keep {
    const failure = state === "keeping" && !this.#jobs.has(id) ? this.#failures.get(id) : undefined;
    if (failure !== undefined) return { id, size, keptBytes, state: "failed", reason: failure };
    const why = reason ?? (state === "keeping" ? reasonOf(this.#jobs.get(id)) : undefined);
    return { id, size, keptBytes, state, ...(why !== undefined && { reason: why }) };
  }

  #tell(record: KeepRecord): void {
    this.#options.announce(this.#view(record));
  }
}

function reasonOf(job: Job | undefined) {
  return job?.reason && toErrorRecord(job.reason);
}

function isPassing(error: unknown): error is GridError {
  return isGridError(error) && PASSING.has(error.code);
}

/** Wanted, from now on: the record without what stood in the way. The same one where nothing has to be written. */
function goingOn(record: KeepRecord): KeepRecord {
  if (record.state === "kept" || record.state === "keeping") return record;
  const { reason: _, ...rest } = record;
  return { ...rest, state: "keeping" };
}

/** All parts are there, whatever was counted. */
function whole(record: KeepRecord | undefined): KeepRecord | undefined {
  return record?.state === "keeping" ? { ...record, keptBytes: record.size, state: "kept" } : record;
}

/** @throws GridError UNSUPPORTED_CAP */
function keepableOf(cap: Cap): ChkVerifyCap {
  if (cap.kind === "CHK") return verifyCapOf(cap as ChkCap);
  const why =
    cap.kind === "LIT" ? "the file is in its cap, and so always there" : "only a file that cannot change can be kept";
  throw new GridError("UNSUPPORTED_CAP", { kind: cap.kind }, `This cannot be kept offline: ${why}.`);
}
