import type { Limits } from "../base/limits.ts";
import type { ByteRange } from "../base/range.ts";
import { segmentsPerRun } from "../download/runs.ts";
import { type Geometry, segmentAt, segmentLength } from "../formats/Geometry.ts";
import type { HealthBook } from "../servers/HealthBook.ts";

type FetchSegment<T> = (segment: number, signal: AbortSignal) => Promise<T>;

/** Of a file's context, what matters here. */
interface Surroundings {
  readonly limits: Limits;
  readonly health: Pick<HealthBook, "underWay">;
}

interface Ahead<T> {
  readonly segment: number;
  readonly bytes: number;
  readonly result: Promise<T>;
  readonly controller: AbortController;
  isHere: boolean;
}

/**
 * The segments of one range, in order, some of them asked for before they are wanted: at most `limits.windowMost` bytes in
 * at most `limits.windowSegments`. The window starts small, and nothing beyond it is asked for before its consumer has taken
 * that much: many readers take a little and leave. It grows fast when a consumer who has taken a whole window has to wait (two
 * waits of a round trip each, and it is as large as it may be), and doubles when that has read on for two windows: larger runs
 * are fewer requests. It is filled in runs, a half of it or a third: neighbouring blocks that are asked for together cost one
 * request.
 */
export class ReadAhead<T> {
  readonly #fetch: FetchSegment<T>;
  readonly #geometry: Geometry;
  readonly #offset: number;
  readonly #end: number;
  readonly #limits: Limits;
  readonly #health: Surroundings["health"];
  readonly #signal: AbortSignal;
  readonly #ahead: Ahead<T>[] = [];
  #next: number;
  #window: number;
  /** Bytes of the segment that was given last which the consumer has not taken yet. */
  #untaken = 0;
  /** Bytes taken since the window last grew. */
  #readOn = 0;

  /**
   * @param range bytes of the file, at least one; the segments that hold them are fetched
   */
  constructor(
    fetch: FetchSegment<T>,
    geometry: Geometry,
    { offset, length }: ByteRange,
    { limits, health }: Surroundings,
    signal: AbortSignal,
  ) {
    this.#fetch = fetch;
    this.#geometry = geometry;
    this.#offset = offset;
    this.#end = offset + length;
    this.#next = segmentAt(geometry, offset);
    this.#limits = limits;
    this.#health = health;
    this.#signal = signal;
    this.#window = limits.windowStart;
    // One listener for all segments: a signal with dozens of them makes Node warn of a leak.
    signal.addEventListener("abort", () => this.#drop(), { once: true });
  }

  /**
   * What was fetched for the next segment; undefined after the last one. Whoever asks for it has taken all of the one before.
   * @throws what fetching fails with; the signal's reason
   */
  async next(): Promise<T | undefined> {
    this.#signal.throwIfAborted();
    this.#readOn += this.#untaken;
    this.#untaken = 0;
    const isHere = this.#ahead[0]?.isHere ?? false;
    if (!isHere && this.#readOn >= this.#window) this.#widen(this.#limits.windowGrowth);
    else if (this.#readOn >= 2 * this.#window) this.#widen(2);
    this.#fill();
    const head = this.#ahead[0];
    if (head === undefined) return undefined;
    const result = await head.result;
    this.#ahead.shift();
    this.#untaken = this.#wanted(head.segment);
    return result;
  }

  /** The consumer has taken so many bytes more of the segment that `next` gave last. */
  took(bytes: number): void {
    this.#untaken -= bytes;
    this.#readOn += bytes;
    this.#fill();
  }

  #widen(times: number): void {
    this.#window = Math.min(times * this.#window, this.#limits.windowMost);
    this.#readOn = 0;
  }

  #drop(): void {
    for (const { controller } of this.#ahead) controller.abort(this.#signal.reason);
  }

  #fill(): void {
    if (this.#signal.aborted) return;
    let asked = this.#untaken;
    for (const { bytes } of this.#ahead) asked += bytes;
    const { windowSegments } = this.#limits;
    const least = this.#leastAhead();
    if (asked > this.#window * least || this.#ahead.length > windowSegments * least) return;
    for (;;) {
      const run = this.#nextRun();
      const bytes = run.reduce((sum, { bytes }) => sum + bytes, 0);
      if (bytes === 0) return;
      // Where what is left of a run is little of a window, the next run comes along.
      const most = asked <= this.#window * least ? this.#limits.windowMost : this.#window;
      const isFull = asked + bytes > most || this.#ahead.length + run.length > windowSegments;
      // One run is always asked for, however large its segment.
      if (isFull && this.#ahead.length > 0) return;
      asked += bytes;
      for (const { segment, bytes } of run) this.#ask(segment, bytes);
      this.#next += run.length;
    }
  }

  /** From the next segment to the end of its run, or of the range. */
  #nextRun(): { segment: number; bytes: number }[] {
    const perRun = segmentsPerRun(this.#geometry, this.#limits);
    const end = Math.min(
      (Math.floor(this.#next / perRun) + 1) * perRun,
      Math.ceil(this.#end / this.#geometry.segmentSize),
    );
    return Array.from({ length: Math.max(0, end - this.#next) }, (_, i) => ({
      segment: this.#next + i,
      bytes: segmentLength(this.#geometry, this.#next + i),
    }));
  }

  /** How many of a segment's bytes the range has. */
  #wanted(segment: number): number {
    const start = segment * this.#geometry.segmentSize;
    const end = start + segmentLength(this.#geometry, segment);
    return Math.min(this.#end, end) - Math.max(this.#offset, start);
  }

  /**
   * The fraction of the window at which it is filled up. Where servers are far, and a half would not bridge the round trip in
   * which the next run has not begun to come, runs are shorter.
   */
  #leastAhead(): number {
    const underWay = this.#health.underWay(this.#geometry.needed);
    return Math.min(Math.max(1 / 2, (2 * underWay) / this.#window), 2 / 3);
  }

  #ask(segment: number, bytes: number): void {
    const controller = new AbortController();
    const result = this.#fetch(segment, controller.signal);
    const ahead: Ahead<T> = { segment, bytes, result, controller, isHere: false };
    // A failure ahead of the consumer shows when it gets there.
    ahead.result.then(
      () => {
        ahead.isHere = true;
      },
      () => {},
    );
    this.#ahead.push(ahead);
  }
}
