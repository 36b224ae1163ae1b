import type { LentBytes } from "../base/BufferPool.ts";
import { equalBytes } from "../base/bytes.ts";
import type { ErasureCodec } from "../erasure/ErasureCodec.ts";
import { blockLengthOf, type Geometry, segmentLength } from "../formats/Geometry.ts";
import { HashableBuffer } from "../hashing/HashableBuffer.ts";
import { SEGMENT_TAG } from "../hashing/tags.ts";
import type { ShareBlock } from "./ShareBlock.ts";

/**
 * A segment's ciphertext from blocks of exactly k shares, by share number, verified against the ciphertext hash tree; undefined where
 * it is not what the cap promises.
 *
 * The code maps k blocks to a segment one to one: one that matches says that its blocks were good, as far as they are not padding.
 * One that does not says that a block is bad, or that the uploader stored shares that decode to different files.
 */
export async function decodeSegment(
  segment: number,
  blocks: ReadonlyMap<number, ShareBlock>,
  geometry: Geometry,
  codec: ErasureCodec,
): Promise<LentBytes | undefined> {
  const length = segmentLength(geometry, segment);
  const padded = new HashableBuffer(SEGMENT_TAG, geometry.needed * blockLengthOf(geometry, segment), codec.memory);
  let isGood = false;
  try {
    const bytes = new Map([...blocks].map(([number, block]) => [number, block.bytes]));
    codec.decode({ needed: geometry.needed, total: geometry.total }, bytes, padded.bytes);
    const [{ ofSegment }] = blocks.values() as Iterable<ShareBlock> as [ShareBlock];
    isGood = equalBytes(await padded.hash(length), ofSegment);
    return isGood ? { bytes: padded.bytes.subarray(0, length), release: () => padded.release() } : undefined;
  } finally {
    if (!isGood) padded.release();
  }
}
