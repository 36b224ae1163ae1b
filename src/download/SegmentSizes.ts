import { type Geometry, paddedSegmentSize } from "../formats/Geometry.ts";

/** A grid has files of several uploaders: as many as were opened last are looked at. */
const FILES = 4;

/**
 * The maximum segment sizes that a grid's files were cut up by lately: the next file's is most likely among them. A wrong guess costs a
 * round trip, and each guess a block from every share.
 */
export class SegmentSizes {
  readonly #inUse: readonly number[];
  /** Of the files that were opened last, in bytes; the last comes last. */
  readonly #seen: number[] = [];

  /** @param inUse those that there are, in bytes, likeliest first: what is guessed as long as nothing was seen */
  constructor(inUse: readonly number[]) {
    this.#inUse = inUse;
  }

  /** In bytes. */
  get likely(): readonly number[] {
    return this.#seen.length === 0 ? this.#inUse : [...new Set(this.#seen)];
  }

  /** A file was opened. */
  saw({ size, segmentSize, needed }: Geometry): void {
    const fits = this.#inUse.filter((most) => paddedSegmentSize(most, size, needed) === segmentSize);
    // One that is smaller than all of them tells nothing.
    if (fits.length === this.#inUse.length) return;
    this.#seen.push(fits[0] ?? segmentSize);
    if (this.#seen.length > FILES) this.#seen.shift();
  }
}
