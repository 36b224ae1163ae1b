import type { BufferPool } from "../base/BufferPool.ts";

/** k-of-N: how many shares are needed, and how many there are. 1 <= needed <= total <= 256. */
export interface Code {
  readonly needed: number;
  readonly total: number;
}

/**
 * The erasure code between the k primary blocks of a segment (the segment cut into k equal pieces: shares 0 to k-1) and
 * its N blocks. Every implementation gives the same bytes. Wrong arguments are the caller's defect: GridError INTERNAL.
 */
export interface ErasureCodec {
  /** Where blocks and segments best lie: `decode` neither copies such blocks nor makes such an output elsewhere first. */
  readonly memory: BufferPool;

  /**
   * Finds the primary blocks again.
   *
   * @param blocks exactly k blocks of one length, by their share numbers, each below N
   * @param out k times the block length: is filled with the primary blocks in order. Must not overlap any block
   */
  decode(code: Code, blocks: ReadonlyMap<number, Uint8Array>, out: Uint8Array): void;

  /**
   * Makes blocks for the shares that are asked for, in that order. A share below k gets the primary block itself, not a
   * copy.
   *
   * @param primaries k blocks of one length
   */
  encode(code: Code, primaries: readonly Uint8Array[], shareNumbers: readonly number[]): Uint8Array[];
}
