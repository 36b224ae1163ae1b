import { equalBytes } from "../base/bytes.ts";
import { GridError } from "../base/GridError.ts";
import type { ErasureCodec } from "../erasure/ErasureCodec.ts";
import { blockLengthOf, type Geometry, segmentLength } from "../formats/Geometry.ts";
import { HashableBuffer } from "../hashing/HashableBuffer.ts";
import { SEGMENT_TAG } from "../hashing/tags.ts";
import type { ProvenBlock } from "./Share.ts";

/**
 * A segment's ciphertext from the proven blocks of exactly k shares, which are released. It is to be released, too; what follows the
 * first `segmentLength` bytes of the tail is padding.
 *
 * Proven blocks are what the uploader stored, but an uploader may have stored shares that decode to different files: the
 * ciphertext hash tree says which one is meant.
 * @throws GridError BAD_SEGMENT when it is not what the cap promises
 */
export async function decodeSegment(
  segment: number,
  blocks: ReadonlyMap<number, ProvenBlock>,
  geometry: Geometry,
  codec: ErasureCodec,
  storageIndexText: string,
): Promise<HashableBuffer> {
  const padded = new HashableBuffer(SEGMENT_TAG, geometry.needed * blockLengthOf(geometry, segment), codec.memory);
  try {
    const bytes = new Map([...blocks].map(([number, block]) => [number, block.bytes]));
    codec.decode({ needed: geometry.needed, total: geometry.total }, bytes, padded.bytes);
    for (const block of blocks.values()) block.release();
    const [{ ciphertextHash }] = blocks.values() as Iterable<ProvenBlock> as [ProvenBlock];
    if (!equalBytes(await padded.hash(segmentLength(geometry, segment)), ciphertextHash)) {
      const storageIndexPrefix = storageIndexText.slice(0, 12);
      throw new GridError(
        "BAD_SEGMENT",
        { segment, storageIndexPrefix },
        `Segment ${segment} of the file ${storageIndexPrefix}… is not what its cap promises though its shares are intact: ` +
          "it was broken when it was uploaded.",
      );
    }
    return padded;
  } catch (error) {
    padded.release();
    throw error;
  }
}
