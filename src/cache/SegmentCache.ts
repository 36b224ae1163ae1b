import { bufferPool } from "../base/BufferPool.ts";
import { SegmentedLru } from "./SegmentedLru.ts";

/** As much memory of segments that had to go as the next ones need. */
const SPARE_BYTES = 4 * 1024 * 1024;

/** Copies of verified segments by name, within a bound. A sequential read goes through without taking new memory for each. */
export class SegmentCache {
  readonly #most: number;
  readonly #spare = bufferPool(SPARE_BYTES);
  readonly #segments: SegmentedLru<Uint8Array<ArrayBuffer>>;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
    this.#segments = new SegmentedLru(most, (segment) => this.#spare.give(segment));
  }

  /** The segment, which counts as used: to be looked at before anything else happens, since its memory may be used again. */
  get(name: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#segments.get(name);
  }

  /** Keeps a copy, unless it is larger than the bound. */
  keep(name: string, segment: Uint8Array): void {
    if (segment.length > this.#most) return;
    const copy = this.#spare.take(segment.length);
    copy.set(segment);
    this.#segments.set(name, copy, copy.length);
  }
}
