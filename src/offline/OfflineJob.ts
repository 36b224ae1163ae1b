import type { Clock } from "../base/Clock.ts";
import { type GridError, type GridErrorCode, isGridError } from "../base/GridError.ts";
import type { Keep } from "../base/Keep.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { Slots } from "../base/Slots.ts";
import { inTime, unlessAborted } from "../base/wait.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import type { OfflineFile } from "./OfflineFile.ts";
import type { OfflineRecord } from "./OfflineStore.ts";

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

/** What a job works with. */
export interface JobPlatform {
  readonly clock: Clock;
  /**
   * What reads the files of the grid of that name; of the first if it is empty.
   * @param isAgain the last try failed: perhaps the servers have moved
   */
  readonly files: (grid: string, isAgain: boolean) => Promise<FileNodes>;
  /** Runs `work` while nobody else does under that name, in whichever worker. */
  readonly alone: (name: string, signal: AbortSignal, work: () => Promise<void>) => Promise<void>;
  /** Resolves when nobody else brings the file: the browser does where a page has handed it over. */
  readonly unlessBrought?: (keep: Keep, signal: AbortSignal) => Promise<void>;
}

/** Who hears of a job. */
interface JobListener {
  /** There is news of it: it is done, or waits. */
  told(record: OfflineRecord): void;
  /** It cannot be done. */
  failed(record: OfflineRecord, error: unknown): Promise<void>;
}

/** Fetches one file, until it is whole, is not wanted any more or cannot be had; waits where it cannot be had now. */
export class OfflineJob {
  readonly file: OfflineFile;
  /** Resolves when nothing of it goes on any more. */
  readonly over: Promise<void>;
  /** Why it waits, while it does. */
  reason: GridError | undefined;
  readonly #platform: JobPlatform;
  readonly #slots: Slots;
  readonly #listener: JobListener;
  readonly #controller = new AbortController();
  #brought: FileNodes | undefined;
  #wake = (): void => {};

  /**
   * Begins it, when `before` is over.
   * @param slots so many fetch at once
   * @param brought what reads it in the first try, in place of the grid
   */
  constructor(
    file: OfflineFile,
    platform: JobPlatform,
    slots: Slots,
    listener: JobListener,
    before: Promise<void> | undefined,
    brought: FileNodes | undefined,
  ) {
    this.file = file;
    this.#platform = platform;
    this.#slots = slots;
    this.#listener = listener;
    this.#brought = brought;
    // In a turn of its own: whoever begins it must know it first.
    this.over = Promise.resolve(before).then(() => this.#begin());
  }

  get isEnding(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Calls it off. */
  end(): void {
    this.#controller.abort(noLongerWanted);
  }

  /** Ends its pause. */
  wake(): void {
    this.#wake();
  }

  /** Never rejects. */
  async #begin(): Promise<void> {
    const { signal } = this.#controller;
    // It was called off, or what it hears it by failed.
    await this.#platform.alone(`gridfetch-keep ${this.file.id}`, signal, () => this.#run(signal)).catch(() => {});
  }

  /** The store may be away at any moment, as servers may. */
  async #run(signal: AbortSignal): Promise<void> {
    let known: OfflineRecord | undefined;
    for (let pause = FIRST_PAUSE_MS; ; await this.#pause(pause, signal)) {
      let before = known?.keptBytes ?? 0;
      try {
        // Another worker may have had it until now.
        await this.file.reload();
        known = await this.file.record();
        if (known?.state !== "keeping") return;
        before = known.keptBytes;
        await this.#fetch(known, signal);
        this.reason = undefined;
        known = await this.file.change(whole);
        if (known !== undefined) this.#listener.told(known);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (known !== undefined && !isPassing(error)) return this.#listener.failed(known, error);
        this.reason = error as GridError;
      }
      known = await this.file.record().catch(() => known);
      if (known !== undefined) this.#listener.told(known);
      pause = (known?.keptBytes ?? 0) > before ? FIRST_PAUSE_MS : Math.min(2 * pause, LAST_PAUSE_MS);
    }
  }

  async #fetch(record: OfflineRecord, signal: AbortSignal): Promise<void> {
    const { files, unlessBrought } = this.#platform;
    const brought = this.#brought;
    this.#brought = undefined;
    if (brought === undefined) await unlessBrought?.(record, signal);
    const leave = await this.#slots.take(signal);
    try {
      // Nobody waits for a web server that does not answer once the file is not wanted.
      const nodes = brought ?? (await unlessAborted(files(record.grid, this.reason !== undefined), signal));
      await nodes.fetchInto(this.file, this.file.cap(record), signal);
    } finally {
      leave();
    }
  }

  /** Ends early when the job is woken. @throws the signal's reason */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new Promise<void>((wake) => {
      this.#wake = wake;
    });
    await inTime(woken, ms, this.#platform.clock, () => {}, signal);
    this.#wake = () => {};
  }
}

function isPassing(error: unknown): error is GridError {
  return isGridError(error) && PASSING.has(error.code);
}

/** All parts are there, whatever was counted. */
function whole(record: OfflineRecord | undefined): OfflineRecord | undefined {
  return record?.state === "keeping" ? { ...record, keptBytes: record.size, state: "kept" } : record;
}
