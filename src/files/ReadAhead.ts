import type { Limits } from "../base/limits.ts";
import { type Geometry, segmentLength } from "../formats/Geometry.ts";

type FetchSegment<T> = (segment: number, signal: AbortSignal) => Promise<T>;

interface Ahead<T> {
  readonly segment: number;
  readonly bytes: number;
  readonly result: Promise<T>;
  readonly controller: AbortController;
  isHere: boolean;
}

/**
 * The segments of one range, in order, some of them asked for before they are wanted: at most `limits.windowMost` bytes in
 * at most `limits.windowSegments`. The window starts small, so that the first bytes come soon and little is lost to a seek. It
 * grows fast when the consumer has to wait (two waits of a round trip each, and it is as large as it may be), and doubles when
 * that has read on for two windows: larger runs are fewer requests. It is filled in runs, a half of it or a third: neighbouring
 * blocks that are asked for together cost one request.
 */
export class ReadAhead<T> {
  readonly #fetch: FetchSegment<T>;
  readonly #geometry: Geometry;
  readonly #end: number;
  readonly #limits: Limits;
  readonly #underWay: () => number;
  readonly #signal: AbortSignal;
  readonly #ahead: Ahead<T>[] = [];
  #next: number;
  #window: number;
  /** Bytes read since the window last grew. */
  #readOn = 0;

  /**
   * Segments from `first` up to, not including, `end`.
   * @param underWay bytes that are on their way at any moment while servers send at their full speed
   */
  constructor(
    fetch: FetchSegment<T>,
    geometry: Geometry,
    first: number,
    end: number,
    limits: Limits,
    underWay: () => number,
    signal: AbortSignal,
  ) {
    this.#fetch = fetch;
    this.#geometry = geometry;
    this.#next = first;
    this.#end = end;
    this.#limits = limits;
    this.#underWay = underWay;
    this.#signal = signal;
    this.#window = limits.windowStart;
    // One listener for all segments: a signal with dozens of them makes Node warn of a leak.
    signal.addEventListener("abort", () => this.#drop(), { once: true });
  }

  /** What was fetched for the next segment; undefined after the last one. */
  async next(): Promise<T | undefined> {
    this.#fill();
    const head = this.#ahead[0];
    if (head === undefined) return undefined;
    if (!head.isHere) this.#widen(this.#limits.windowGrowth);
    else if (this.#readOn >= 2 * this.#window) this.#widen(2);
    const result = await head.result;
    this.#readOn += head.bytes;
    this.#ahead.shift();
    this.#fill();
    return result;
  }

  #widen(times: number): void {
    this.#window = Math.min(times * this.#window, this.#limits.windowMost);
    this.#readOn = 0;
  }

  #drop(): void {
    this.#next = this.#end;
    for (const { controller } of this.#ahead) controller.abort(this.#signal.reason);
  }

  #fill(): void {
    let asked = 0;
    for (const { bytes } of this.#ahead) asked += bytes;
    const { windowSegments } = this.#limits;
    const least = this.#leastAhead();
    if (asked > this.#window * least || this.#ahead.length > windowSegments * least) return;
    while (this.#next < this.#end && this.#ahead.length < windowSegments) {
      const segment = this.#next;
      const bytes = segmentLength(this.#geometry, segment);
      // One segment is always asked for, however large.
      if (asked > 0 && asked + bytes > this.#window) return;
      this.#next++;
      asked += bytes;
      this.#ask(segment, bytes);
    }
  }

  /**
   * The fraction of the window at which it is filled up. Where servers are far, and a half would not bridge the round trip in
   * which the next run has not begun to come, runs are shorter.
   */
  #leastAhead(): number {
    return Math.min(Math.max(1 / 2, (2 * this.#underWay()) / this.#window), 2 / 3);
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
