import { bufferEvents } from "../base/bufferEvents.ts";
import { toErrorRecord } from "../base/errorRecord.ts";
import { type GridErrorCode, isGridError } from "../base/GridError.ts";
import type { ZipChoice } from "../base/HandleRecord.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { inTime, withOwnSignal } from "../base/wait.ts";
import type { Grid } from "../client/Grid.ts";
import { GridFile } from "../client/GridFile.ts";
import { pageTimers } from "../client/pageTimers.ts";
import type { UrlOptions } from "../client/UrlOptions.ts";
import { askToWrite, canChooseFile, chooseFile, type DiskFile, mayWrite } from "./DiskFile.ts";
import { inTurn } from "./inTurn.ts";
import type { Save, SaveEvent } from "./Save.ts";
import { SaveJob } from "./SaveJob.ts";
import { type SaveRecord, SaveStore } from "./SaveStore.ts";
import { Speed } from "./Speed.ts";
import { shareFile } from "./shareFile.ts";
import { sourceOf } from "./source.ts";

/**
 * - `"file system"`: into a file that the person chooses, with pause and resume; Chromium's browsers on a computer.
 * - `"download"`: by the browser's own download.
 * - `"share"`: to another app of the device. Where an app on the home screen of an iPhone cannot download.
 */
export type SaveWay = "file system" | "download" | "share";

/** What is saved, and how. */
export interface SaveOptions extends Pick<UrlOptions, "filename" | "grid"> {
  /** The first that works here, unless given. */
  readonly as?: SaveWay;
  /** Of a `"download"` that could not begin, in words, as `grid.download` has it. */
  readonly onFailed?: (reason: string) => void;
  /** Ends asking and sharing; not a save that has begun: `pause` and `remove` do. */
  readonly signal?: AbortSignal;
}

/** So many go on at once, of all tabs; the others wait. */
const AT_ONCE = 3;
/** Between two tries to go on, doubled each time without a new byte. */
const FIRST_PAUSE_MS = 2_000;
const LAST_PAUSE_MS = 60_000;
/** So long a pause waits at most for what is being put in its place. */
const CLOSING_MS = 30_000;
/** Between two events of progress. */
const PROGRESS_MS = 250;

/** What ends by itself: servers, network, worker and web server come back. */
const PASSING: ReadonlySet<GridErrorCode> = new Set<GridErrorCode>([
  "NOT_ENOUGH_SHARES",
  "NO_VERSION",
  "SERVER_UNREACHABLE",
  "SERVER_REFUSED",
  "TIMED_OUT",
  "OFFLINE",
  "NO_WORKER",
  "BAD_CONFIG",
]);

const opened = new WeakMap<Grid, Saves>();

/**
 * What is being saved to disk, of all tabs and earlier visits. Goes on with what was left, so an app calls it at its start.
 *
 * @param grid as `connect` gives it
 */
export function openSaves(grid: Grid): Saves {
  const saves = opened.get(grid) ?? new Saves(grid);
  opened.set(grid, saves);
  return saves;
}

/** The one queue of all tabs. Every tab knows every save; one writes it, and where that one is closed another goes on. */
export class Saves {
  readonly #grid: Grid;
  readonly #store = new SaveStore();
  /** To the other tabs, and from them. */
  readonly #channel: BroadcastChannel;
  readonly #listeners = new Set<(event: SaveEvent) => void>();
  /** The last that was heard of each that goes on. */
  readonly #latest = new Map<string, Save>();
  /** Those that this tab writes, or would write if the tab that does were closed. */
  readonly #running = new Map<string, AbortController>();

  /** As `openSaves`. */
  constructor(grid: Grid) {
    this.#grid = grid;
    this.#channel = new BroadcastChannel(`gridfetch-saves ${grid.scope}`);
    this.#channel.addEventListener("message", ({ data }: MessageEvent<SaveEvent>) => {
      if (typeof data?.id === "string") this.#hear(data);
    });
    void this.#goOn();
  }

  /**
   * Saves a file, a folder as one ZIP archive, or a choice of files as one. From a click: browsers let no page ask where to without one.
   *
   * @param what a cap, as for `grid.url`, or a list, as for `grid.zip`
   * @returns what is being saved, once that is written down; undefined where there is nothing to follow: the person has chosen no file, or the
   *   browser has it, as a download or to share
   * @throws GridError as `grid.url`, `grid.zip`, `grid.open`; STORE_UNAVAILABLE, STORE_FULL; when sharing TOO_LARGE above 256 MiB, and the browser's own
   *   NotAllowedError where the click was too long ago: the same from another click is done at once; the signal's reason
   */
  async save(
    what: string | readonly ZipChoice[],
    { as = usualWay(), onFailed = () => {}, signal, ...options }: SaveOptions = {},
  ): Promise<Save | undefined> {
    signal?.throwIfAborted();
    const { url, name, type } = sourceOf(this.#grid, what, { ...options, download: as === "download" });
    if (as === "download") {
      this.#grid.download(url, onFailed);
      return undefined;
    }
    if (as === "share") {
      await shareFile(await GridFile.open(url, signal), name, await type(), signal);
      return undefined;
    }
    const disk = await chooseFile(name);
    return disk && this.#add(url, disk, signal);
  }

  /**
   * All that is being saved, or was, the oldest first; until it is removed.
   * @throws GridError STORE_UNAVAILABLE
   */
  async list(): Promise<readonly Save[]> {
    return (await this.#ours()).map((record) => {
      const latest = this.#latest.get(record.id);
      return latest?.state === record.state ? latest : toSave(record);
    });
  }

  /** What becomes of all saves from now on, in whichever tab: each event is the whole state of one. Leaving the loop, or the signal, ends it. */
  events({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<SaveEvent> {
    return bufferEvents<SaveEvent>(
      (hear) => {
        this.#listeners.add(hear);
        return () => this.#listeners.delete(hear);
      },
      ({ state }) => state === "saving",
      signal,
    );
  }

  /**
   * Stops one that is being saved. Resolves when what was written is in its place, where it stays. Nothing happens to one that is saved.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async pause(id: string): Promise<void> {
    await this.#change(id, ({ wantsClick: _, reason: __, ...record }) =>
      record.state === "saved" ? undefined : { ...record, state: "paused" },
    );
    // The tab that writes has it until then.
    const patience = AbortSignal.timeout(CLOSING_MS);
    await navigator.locks.request(lockOf(id), { signal: patience }, () => undefined).catch(() => undefined);
  }

  /**
   * Goes on with one that was paused, or that failed, from the bytes that are on disk and are right. From a click: after a restart the browser asks whether the app
   * may write.
   *
   * @returns whether it goes on: not where the person says no, and where there is none to go on with
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async resume(id: string): Promise<boolean> {
    const { disk } = (await this.#store.get(id)) ?? {};
    if (disk === undefined || !(await askToWrite(disk))) return false;
    const changed = await this.#change(id, ({ wantsClick: _, reason: __, ...record }) =>
      record.state === "saved" ? undefined : { ...record, state: "saving" },
    );
    return changed !== undefined;
  }

  /**
   * Takes one out of the list. One that is not saved yet is ended, and what was written of it is deleted from the disk, where the browser can.
   * @throws GridError STORE_UNAVAILABLE, STORE_FULL
   */
  async remove(id: string): Promise<void> {
    const record = await this.#store.get(id);
    await this.#store.remove(id);
    this.#tell({ id, state: "removed" });
    // Saved: the file is the person's. Else: not before the tab that writes it has heard.
    const { disk } = record ?? {};
    await navigator.locks.request(lockOf(id), async () => {
      await this.#store.remove(id);
      await disk?.remove?.().catch(() => undefined);
    });
  }

  async #add(url: string, disk: DiskFile, signal: AbortSignal | undefined): Promise<Save> {
    const { size, etag } = await GridFile.open(url, signal).catch((error: unknown) => {
      // Choosing has made an empty one.
      disk.remove?.().catch(() => undefined);
      throw error;
    });
    const id = crypto.randomUUID();
    const facts = { id, name: disk.name, url, size, etag, written: 0, addedAt: Date.now() };
    const record: SaveRecord = { ...facts, state: "saving", disk };
    await this.#store.add(record);
    this.#tell(toSave(record));
    return toSave(record);
  }

  async #change(id: string, how: (record: SaveRecord) => SaveRecord | undefined): Promise<SaveRecord | undefined> {
    const changed = await this.#store.change(id, how);
    if (changed) this.#tell(toSave(changed));
    return changed;
  }

  /** Of this app: others on the origin, with scopes of their own, have theirs in the same store. */
  async #ours(): Promise<SaveRecord[]> {
    return (await this.#store.list()).filter(({ url }) => url.startsWith(this.#grid.scope.href));
  }

  async #goOn(): Promise<void> {
    const records = await this.#ours().catch(() => []);
    for (const record of records) this.#follow(toSave(record));
  }

  #tell(event: SaveEvent): void {
    this.#channel.postMessage(event);
    this.#hear(event);
  }

  #hear(event: SaveEvent): void {
    this.#follow(event);
    for (const listener of this.#listeners) listener(event);
  }

  #follow(event: SaveEvent): void {
    const { id } = event;
    if (event.state === "saving") {
      this.#latest.set(id, event);
      void this.#run(id);
    } else {
      this.#latest.delete(id);
      this.#running.get(id)?.abort(noLongerWanted);
    }
  }

  /** Waits until no other tab writes it, and writes it then, if it is still to be. Never rejects. */
  async #run(id: string): Promise<void> {
    const before = this.#running.get(id);
    if (before && !before.signal.aborted) return;
    const over = new AbortController();
    this.#running.set(id, over);
    const { signal } = over;
    let isCalledOff = false;
    // One that is being paused puts what it has in its place first: the lock is free after that.
    const writing = navigator.locks.request(lockOf(id), { signal }, () =>
      this.#write(id, signal).catch(() => {
        isCalledOff = signal.aborted;
      }),
    );
    await writing.catch(() => undefined);
    if (this.#running.get(id) === over) this.#running.delete(id);
    // What this tab has told of its progress may have come to others after the word that it is paused.
    const record = isCalledOff ? await this.#store.get(id).catch(() => undefined) : undefined;
    if (record) this.#tell(toSave(record));
  }

  async #write(id: string, signal: AbortSignal): Promise<void> {
    let job: SaveJob | undefined;
    let reached = 0;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
      // Another tab may have had it until now.
      const record = await this.#store.get(id);
      if (record?.state !== "saving" || record.disk === undefined) return;
      if (!(await mayWrite(record.disk))) return this.#end(id, { state: "paused", wantsClick: true });
      job ??= new SaveJob(id, record.disk, this.#store, this.#progressOf(record, signal));
      const current = job;
      try {
        await inTurn(navigator.locks, "gridfetch-saves", AT_ONCE, signal, () => current.run(record, signal));
        return await this.#end(id, { state: "saved", disk: undefined });
      } catch (error) {
        signal.throwIfAborted();
        const reason = toErrorRecord(error);
        if (!isGridError(error) || !PASSING.has(error.code)) return this.#end(id, { state: "failed", reason });
        const { written } = (await this.#store.get(id)) ?? record;
        this.#tell({ ...toSave(record), written, reason });
        if (written > reached) pause = FIRST_PAUSE_MS;
        reached = written;
        await untilOnline(pause, signal);
      }
    }
  }

  #progressOf(record: SaveRecord, signal: AbortSignal): (written: number, size: number) => void {
    const speed = new Speed();
    let toldAt = Number.NEGATIVE_INFINITY;
    return (written, size) => {
      const now = performance.now();
      if (signal.aborted || now - toldAt < PROGRESS_MS) return;
      toldAt = now;
      const bytesPerSecond = speed.at(now, written);
      const isTold = bytesPerSecond !== undefined && bytesPerSecond > 0;
      const pace = isTold ? { bytesPerSecond, secondsLeft: (size - written) / bytesPerSecond } : {};
      this.#tell({ ...toSave(record), size, written, ...pace });
    };
  }

  async #end(id: string, how: Pick<SaveRecord, "state"> & Partial<SaveRecord>): Promise<void> {
    await this.#change(id, (record) =>
      record.state === "saving"
        ? { ...record, ...how, ...(how.state === "saved" && { written: record.size }) }
        : undefined,
    );
  }
}

/** What a page may know of it. */
function toSave({ etag: _, disk: __, addedAt: ___, ...save }: SaveRecord): Save {
  return save;
}

function lockOf(id: string): string {
  return `gridfetch-save ${id}`;
}

function usualWay(): SaveWay {
  if (canChooseFile()) return "file system";
  // Safari's own: true in an app on the home screen, where a download leads nowhere.
  return (navigator as { standalone?: boolean }).standalone ? "share" : "download";
}

/** Resolves after so many milliseconds, and as soon as there is a network again. @throws the signal's reason */
function untilOnline(ms: number, signal: AbortSignal): Promise<void> {
  return withOwnSignal(signal, (own) => {
    const online = new Promise<void>((resolve) => addEventListener("online", () => resolve(), { signal: own }));
    return inTime(online, ms, pageTimers, () => {}, own);
  });
}
