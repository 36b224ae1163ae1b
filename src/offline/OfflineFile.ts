import type { Clock } from "../base/Clock.ts";
import { isGridError } from "../base/GridError.ts";
import { Spans } from "../base/Spans.ts";
import { inTime } from "../base/wait.ts";
import type { FileFact, PartNames } from "../cache/FileParts.ts";
import type { FetchTarget } from "../files/fetchMissing.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { type OfflineRecord, type OfflineStore, takesParts } from "./OfflineStore.ts";

/** What was verified is written this soon, so that little is lost with a worker that is killed. */
const WRITE_DELAY_MS = 150;
/** A read goes on without what the store has not given after this: it may be busy, with other files of tens of gigabytes. */
const PATIENCE_MS = 1_000;
/** Bytes that wait to be written; who brings more must wait, or lose it. */
const QUEUE_BYTES = 4 * 1024 * 1024;

/**
 * What is kept offline of one file, which may be nothing. Whoever puts something has verified it; whoever takes something verifies
 * it again, and has it forgotten where that fails.
 */
export class OfflineFile implements FetchTarget {
  readonly id: string;
  #cap: ChkVerifyCap | undefined;
  readonly #store: OfflineStore;
  readonly #clock: Clock;
  readonly #changed: (record: OfflineRecord) => void;
  #loading: Promise<void> | undefined;
  #takesParts = false;
  readonly #facts = new Set<FileFact>();
  #segments = new Spans();
  #queue = emptyQueue();
  #writing: Queue | undefined;
  #cancelTimer: (() => void) | undefined;
  #step: Promise<void> = Promise.resolve();
  #failure: unknown;

  /**
   * @param changed hears of each change of the record that comes from putting and forgetting parts
   * @param cap unless it is still to be read from the record
   */
  constructor(
    id: string,
    store: OfflineStore,
    clock: Clock,
    changed: (record: OfflineRecord) => void,
    cap?: ChkVerifyCap,
  ) {
    this.#cap = cap;
    this.id = id;
    this.#store = store;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Looks up what there is, once. Never rejects: without a store there is nothing. */
  load(): Promise<void> {
    if (this.#loading === undefined) {
      // What is being written must not be looked up half.
      this.#step = this.#step.then(() =>
        this.#load().catch(() => {
          this.#loading = undefined;
        }),
      );
      this.#loading = this.#step;
    }
    return this.#loading;
  }

  /** Looks it up again: another worker may have changed it. */
  reload(): Promise<void> {
    this.#loading = undefined;
    return this.load();
  }

  /** What it is found and verified by. @param record its own */
  cap(record: OfflineRecord): ChkVerifyCap {
    this.#cap ??= parseCap(record.cap) as ChkVerifyCap;
    return this.#cap;
  }

  /** Its record as it is written down now. @throws GridError STORE_UNAVAILABLE */
  async record(): Promise<OfflineRecord | undefined> {
    const record = await this.#store.get(this.id);
    this.#follow(record);
    return record;
  }

  /**
   * Changes the record: `edit` may be called more than once. Resolves, with the record, when that is written down.
   * @throws GridError STORE_FULL, STORE_UNAVAILABLE, and nothing is changed
   */
  async change(
    edit: (record: OfflineRecord | undefined) => OfflineRecord | undefined,
  ): Promise<OfflineRecord | undefined> {
    const record = await this.#store.change(this.id, edit);
    this.#follow(record);
    return record;
  }

  /** Forgets it, with all that is there of it. Resolves when that is written down. @throws GridError STORE_UNAVAILABLE */
  async remove(): Promise<void> {
    await this.#store.remove(this.id);
    this.#follow(undefined);
  }

  /** Nothing can be written: it takes no parts until its record is looked up again. */
  giveUp(): void {
    this.#takesParts = false;
  }

  hasFact(fact: FileFact): boolean {
    return this.#facts.has(fact);
  }

  hasSegment(segment: number): boolean {
    return this.#segments.contains(segment, 1);
  }

  /** What the file is opened with, if it is there and comes in time. Looks up what there is. Never rejects. */
  ueb(): Promise<Uint8Array | undefined> {
    const looking = this.load().then(() => this.facts(["ueb"]));
    return this.#inTime(looking).then((facts) => facts?.get("ueb"));
  }

  /** Facts; without those that do not come in time, and those that are gone, which are forgotten. Never rejects. */
  async facts(facts: readonly FileFact[]): Promise<Map<FileFact, Uint8Array>> {
    const wanted = facts.filter((fact) => this.#facts.has(fact));
    if (wanted.length === 0) return new Map();
    const found = await this.#inTime(this.#store.facts(this.id, wanted));
    if (found !== undefined) this.forget({ facts: wanted.filter((fact) => !found.has(fact)) });
    return found ?? new Map();
  }

  /** A segment's ciphertext, or undefined where it does not come in time, or is gone and is forgotten. Never rejects. */
  async segment(segment: number): Promise<Uint8Array | undefined> {
    const answer = await this.#inTime(this.#store.segment(this.id, segment).then((bytes) => ({ bytes })));
    if (answer !== undefined && answer.bytes === undefined) this.forget({ segments: [segment] });
    return answer?.bytes;
  }

  /**
   * Keeps a fact, whose bytes must not change any more.
   * @param isRecalled it came from memory: one that is there is as good
   */
  putFact(fact: FileFact, bytes: Uint8Array, isRecalled: boolean): void {
    if (!this.#takesParts || (isRecalled && this.#facts.has(fact))) return;
    this.#queue.facts.set(fact, ownBytes(bytes));
    this.#writeSoon();
  }

  /**
   * Keeps a copy of a segment's ciphertext, if it is not there.
   * @param willWait of who brings no more while `isFull`; what others bring then is not kept
   */
  putSegment(segment: number, ciphertext: Uint8Array, willWait = false): void {
    const queue = this.#queue;
    if (!this.wants(segment) || queue.segments.has(segment) || this.#writing?.segments.has(segment)) return;
    if (this.isFull && !willWait) return;
    queue.segments.set(segment, ciphertext.slice());
    queue.bytes += ciphertext.length;
    this.#writeSoon();
  }

  wants(segment: number): boolean {
    return this.#takesParts && !this.hasSegment(segment);
  }

  /** Is so much waiting that whoever brings more should `flush` first? */
  get isFull(): boolean {
    return this.#queue.bytes >= QUEUE_BYTES;
  }

  /**
   * Resolves when all that was put is written.
   * @throws GridError STORE_FULL, STORE_UNAVAILABLE, of an earlier write too: what was put since the last `flush` may be lost
   */
  async flush(): Promise<void> {
    await this.#write();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  forget(parts: Partial<PartNames>): void {
    const { facts, segments } = { facts: [], segments: [], ...parts };
    if (!facts.some((fact) => this.#facts.has(fact)) && !segments.some((segment) => this.hasSegment(segment))) return;
    for (const fact of facts) this.#facts.delete(fact);
    for (const segment of segments) this.#segments.remove(segment, 1);
    this.#step = this.#step.then(async () => {
      const record = await this.#store.drop(this.id, { facts, segments }).catch(() => undefined);
      if (record !== undefined) this.#changed(record);
    });
  }

  /** As the record says now; undefined after it was removed. */
  #follow(record: OfflineRecord | undefined): void {
    this.#takesParts = takesParts(record);
    if (record !== undefined) return;
    this.#facts.clear();
    this.#segments = new Spans();
  }

  async #load(): Promise<void> {
    // What could not be written is missing now, and is fetched again.
    this.#failure = undefined;
    if ((await this.record()) === undefined) return;
    const { facts, segments } = await this.#store.contents(this.id);
    this.#facts.clear();
    for (const fact of facts) this.#facts.add(fact);
    this.#segments = new Spans();
    for (const segment of segments) this.#segments.add(segment, 1);
  }

  /** Undefined where the store fails or is late: that says nothing of what is in it. */
  #inTime<T>(answer: Promise<T>): Promise<T | undefined> {
    return inTime(answer, PATIENCE_MS, this.#clock, () => undefined).catch(() => undefined);
  }

  #writeSoon(): void {
    this.#cancelTimer ??= this.#clock.after(WRITE_DELAY_MS, () => void this.#write());
  }

  /** Never rejects. */
  #write(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#step = this.#step.then(() => this.#writeQueue());
    return this.#step;
  }

  async #writeQueue(): Promise<void> {
    const queue = this.#queue;
    if (queue.facts.size + queue.segments.size === 0) return;
    this.#queue = emptyQueue();
    this.#writing = queue;
    try {
      const record = await this.#store.add(this.id, queue);
      this.#follow(record);
      if (!takesParts(record)) return;
      for (const fact of queue.facts.keys()) this.#facts.add(fact);
      for (const segment of queue.segments.keys()) this.#segments.add(segment, 1);
      this.#changed(record);
    } catch (error) {
      this.#failure = isGridError(error) ? error : new Error("The store failed", { cause: error });
    } finally {
      this.#writing = undefined;
    }
  }
}

interface Queue {
  readonly facts: Map<FileFact, Uint8Array>;
  readonly segments: Map<number, Uint8Array>;
  bytes: number;
}

function emptyQueue(): Queue {
  return { facts: new Map(), segments: new Map(), bytes: 0 };
}

/** IndexedDB stores the whole buffer behind a view. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}
