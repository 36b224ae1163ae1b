import { concatBytes, utf8 } from "../../base/bytes.ts";
import type { Geometry } from "../../formats/Geometry.ts";
import { netstring } from "../../hashing/netstring.ts";
import { CONVERGENCE_TAG } from "../../hashing/tags.ts";
import type { PlainFile } from "./PlainFile.ts";
import { TaggedHasher } from "./TaggedHasher.ts";

const KEY_LENGTH = 16;
const PIECE = 1024 * 1024;

/**
 * The key that everybody with the same secret gives to the same file, encoded in the same way: who puts it again finds
 * its shares there already.
 *
 * @param secret the convergence secret, of any length
 * @param hashed is told how many bytes have been gone through
 */
export async function convergentKey(
  file: PlainFile,
  geometry: Geometry,
  secret: Uint8Array,
  hashed: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const parameters = utf8(`${geometry.needed},${geometry.total},${geometry.segmentSize}`);
  const hasher = new TaggedHasher(concatBytes([utf8(CONVERGENCE_TAG), netstring(secret), netstring(parameters)]));
  let done = 0;
  for await (const piece of file.pieces(PIECE, signal)) {
    hasher.update(piece);
    done += piece.length;
    hashed(done);
  }
  return hasher.digest().slice(0, KEY_LENGTH);
}
