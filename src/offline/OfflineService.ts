import { type ErrorRecord, toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import type { HandOver, Keep, KeepEvent } from "../base/Keep.ts";
import { Slots } from "../base/Slots.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import type { Cap, ChkCap, ChkVerifyCap } from "../formats/Cap.ts";
import { formatCap, verifyCapOf } from "../formats/formatCap.ts";
import type { OfflineFile } from "./OfflineFile.ts";
import type { OfflineFiles } from "./OfflineFiles.ts";
import { type JobPlatform, OfflineJob } from "./OfflineJob.ts";
import type { OfflineRecord } from "./OfflineStore.ts";

/** Each may take the memory of a read. */
const FILES_AT_ONCE = 2;

export interface OfflineServiceOptions extends JobPlatform {
  readonly kept: OfflineFiles;
  readonly announce: (event: KeepEvent) => void;
}

/** Keeps files offline: a job for each that is to be fetched, in this worker and, by what is written down, in the next. */
export class OfflineService {
  readonly #options: OfflineServiceOptions;
  readonly #kept: OfflineFiles;
  readonly #slots = new Slots(FILES_AT_ONCE);
  readonly #jobs = new Map<string, OfflineJob>();
  /** Why files have failed of which not even that could be written. */
  readonly #failures = new Map<string, ErrorRecord>();
  #resumed: Promise<void> | undefined;

  constructor(options: OfflineServiceOptions) {
    this.#options = options;
    this.#kept = options.kept;
  }

  /** Files that are being fetched, or wait for it. */
  get count(): number {
    return this.#jobs.size;
  }

  /** A reader has put parts of a file, or found that some are wrong. */
  changed(record: OfflineRecord): void {
    this.#tell(record);
    if (record.state === "keeping" && !this.#jobs.has(record.id)) this.#start(this.#kept.byId(record.id));
  }

  /**
   * Keeps the file of a cap, or goes on with it. Resolves when that is written down.
   * @throws GridError UNSUPPORTED_CAP; STORE_FULL, STORE_UNAVAILABLE
   */
  async keep(cap: Cap, grid: string): Promise<Keep> {
    const verifyCap = keepableOf(cap);
    const file = this.#kept.of(verifyCap);
    const { size } = verifyCap;
    const fresh = { id: file.id, cap: formatCap(verifyCap), grid, size, keptBytes: 0, state: "keeping" } as const;
    const record = await file.change((before) => (before === undefined ? fresh : goingOn(before)));
    return this.#begin(file, record ?? fresh);
  }

  /** @throws GridError UNSUPPORTED_CAP; STORE_UNAVAILABLE */
  async find(cap: Cap): Promise<Keep | undefined> {
    const record = await this.#kept.of(keepableOf(cap)).record();
    return record && this.#view(record);
  }

  /** @throws GridError STORE_UNAVAILABLE */
  async list(): Promise<Keep[]> {
    return (await this.#kept.records()).map((record) => this.#view(record));
  }

  /**
   * Goes on with a file, pauses it, or forgets it with all that is there of it. Resolves when that is written down.
   * @throws GridError STORE_FULL, STORE_UNAVAILABLE
   */
  change(id: string, to: "keeping" | "paused" | "removed"): Promise<void> {
    const file = this.#kept.byId(id);
    if (to === "keeping") return this.#goOn(file);
    return to === "paused" ? this.#suspend(file) : this.#remove(file);
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
    const file = this.#kept.byId(id);
    if ((await file.record())?.state !== "keeping") return;
    this.#jobs.get(id)?.end();
    this.#start(file, files);
    await this.#jobs.get(id)?.over;
  }

  /** What the browser can fetch by itself, and should: of a file of which half is kept it would fetch all anew. Never rejects. */
  async unfinished(): Promise<HandOver[]> {
    const jobs = [...this.#jobs.values()];
    const all = await Promise.all(jobs.map(({ file }) => this.#handOver(file).catch(() => undefined)));
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

  async #goOn(file: OfflineFile): Promise<void> {
    const record = await file.change((before) => before && goingOn(before));
    if (record !== undefined) await this.#begin(file, record);
  }

  async #suspend(file: OfflineFile): Promise<void> {
    const record = await file.change((before) => {
      if (before === undefined || before.state === "kept") return before;
      const { reason: _, ...rest } = before;
      return { ...rest, state: "paused" };
    });
    if (record?.state === "kept") return;
    // Before the job has ended: by then it may be wanted again, and that must be heard last.
    if (record !== undefined) this.#tell(record);
    await this.#end(file);
  }

  async #remove(file: OfflineFile): Promise<void> {
    await file.remove();
    this.#options.announce({ id: file.id, state: "removed" });
    await this.#end(file);
  }

  async #resume(): Promise<void> {
    for (const { id, state } of await this.#kept.records()) if (state === "keeping") this.#start(this.#kept.byId(id));
  }

  async #begin(file: OfflineFile, record: OfflineRecord): Promise<Keep> {
    await file.reload();
    if (record.state === "keeping") this.#start(file);
    this.#tell(record);
    return this.#view(record);
  }

  #start(file: OfflineFile, brought?: FileNodes): void {
    const { id } = file;
    const present = this.#jobs.get(id);
    if (present !== undefined && !present.isEnding) {
      present.wake();
      return;
    }
    this.#failures.delete(id);
    const listener = {
      told: (record: OfflineRecord) => this.#tell(record),
      failed: (record: OfflineRecord, error: unknown) => this.#fail(file, record, error),
    };
    const job = new OfflineJob(file, this.#options, this.#slots, listener, present?.over, brought);
    this.#jobs.set(id, job);
    void job.over.then(() => {
      if (this.#jobs.get(id) === job) this.#jobs.delete(id);
    });
  }

  async #end({ id }: OfflineFile): Promise<void> {
    const job = this.#jobs.get(id);
    job?.end();
    await job?.over;
  }

  async #handOver(file: OfflineFile): Promise<HandOver | undefined> {
    const record = await file.record();
    if (record?.state !== "keeping" || 2 * record.keptBytes > record.size) return undefined;
    const { id, size, grid } = record;
    const urls = await (await this.#options.files(grid, false)).openShares(file.cap(record));
    return urls.length === 0 ? undefined : { id, size, urls };
  }

  async #fail(file: OfflineFile, known: OfflineRecord, error: unknown): Promise<void> {
    const reason = toErrorRecord(error);
    const fail = (record: OfflineRecord | undefined): OfflineRecord | undefined =>
      record?.state === "keeping" ? { ...record, state: "failed", reason } : record;
    const record = await file.change(fail).catch(async () => {
      // On a full disk not even that can be written: the next worker tries once more.
      this.#failures.set(file.id, reason);
      const present = await file.record().catch(() => known);
      file.giveUp();
      return fail(present);
    });
    if (record !== undefined) this.#tell(record);
  }

  #view({ id, size, keptBytes, state, reason }: OfflineRecord): Keep {
    const job = this.#jobs.get(id);
    const failure = state === "keeping" && job === undefined ? this.#failures.get(id) : undefined;
    if (failure !== undefined) return { id, size, keptBytes, state: "failed", reason: failure };
    const waits = state === "keeping" && job?.reason !== undefined ? toErrorRecord(job.reason) : undefined;
    const why = reason ?? waits;
    return { id, size, keptBytes, state, ...(why !== undefined && { reason: why }) };
  }

  #tell(record: OfflineRecord): void {
    this.#options.announce(this.#view(record));
  }
}

/** Wanted, from now on: the record without what stood in the way. The same one where nothing has to be written. */
function goingOn(record: OfflineRecord): OfflineRecord {
  if (record.state === "kept" || record.state === "keeping") return record;
  const { reason: _, ...rest } = record;
  return { ...rest, state: "keeping" };
}

/** @throws GridError UNSUPPORTED_CAP */
function keepableOf(cap: Cap): ChkVerifyCap {
  if (cap.kind === "CHK") return verifyCapOf(cap as ChkCap);
  const why =
    cap.kind === "LIT" ? "the file is in its cap, and so always there" : "only a file that cannot change can be kept";
  throw new GridError("UNSUPPORTED_CAP", { kind: cap.kind }, `This cannot be kept offline: ${why}.`);
}
