import type { BufferPool } from "../base/BufferPool.ts";
import { equalBytes } from "../base/bytes.ts";
import type { CachedFile } from "../cache/CachedFile.ts";
import { segmentLength } from "../formats/Geometry.ts";
import { HashableBuffer } from "../hashing/HashableBuffer.ts";
import { SEGMENT_TAG } from "../hashing/tags.ts";
import type { FileFacts } from "./FileFacts.ts";

/**
 * A segment's ciphertext out of memory, verified against the ciphertext hash tree. Undefined where it is not there, is not
 * what it was (it is forgotten then), or cannot be verified without asking a server. The file's geometry must be known.
 *
 * @param room where it is to lie: it must be released
 */
export async function recallSegment(
  memory: CachedFile,
  facts: FileFacts,
  segment: number,
  room: BufferPool,
): Promise<HashableBuffer | undefined> {
  if (facts.geometry === undefined || !memory.knowsSegment(segment)) return undefined;
  const [bytes] = await Promise.all([memory.recallSegment(segment), facts.recallPages(segment)]);
  const hash = facts.ciphertextTree.leaf(segment);
  if (bytes === undefined || hash === undefined) return undefined;
  if (bytes.length === segmentLength(facts.geometry, segment)) {
    const buffer = new HashableBuffer(SEGMENT_TAG, bytes.length, room);
    buffer.bytes.set(bytes);
    if (equalBytes(await buffer.hash(), hash)) return buffer;
    buffer.release();
  }
  memory.forgetSegment(segment);
  return undefined;
}
