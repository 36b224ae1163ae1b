import { createCipheriv } from "node:crypto";
import { zfecTypeScript } from "../../erasure/zfecTypeScript.ts";
import { blockLengthOf, type Geometry } from "../../formats/Geometry.ts";
import type { PlainFile } from "./PlainFile.ts";

/** One segment, encrypted and cut into blocks. */
export interface EncodedSegment {
  readonly segment: number;
  /** Without padding. */
  readonly ciphertext: Uint8Array;
  /** For each share number that was asked for, in that order. */
  readonly blocks: readonly Uint8Array[];
}

/** Encrypts a file with its 16-byte key and makes the blocks of these shares, segment by segment. */
export async function* encodeSegments(
  file: PlainFile,
  key: Uint8Array,
  geometry: Geometry,
  shareNumbers: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<EncodedSegment, void, void> {
  const cipher = createCipheriv("aes-128-ctr", key, new Uint8Array(16));
  let segment = 0;
  for await (const plaintext of file.pieces(geometry.segmentSize, signal)) {
    const ciphertext = cipher.update(plaintext);
    const blockLength = blockLengthOf(geometry, segment);
    const padded = new Uint8Array(blockLength * geometry.needed);
    padded.set(ciphertext);
    const primaries = Array.from({ length: geometry.needed }, (_, i) =>
      padded.subarray(i * blockLength, (i + 1) * blockLength),
    );
    yield { segment, ciphertext, blocks: zfecTypeScript.encode(geometry, primaries, shareNumbers) };
    segment++;
  }
}
