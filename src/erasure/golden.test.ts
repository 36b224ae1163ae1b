import { describe, expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import type { ChkCap } from "../formats/Cap.ts";
import { blockLengthOf, blockOffset, type Geometry, makeGeometry, segmentLength } from "../formats/Geometry.ts";
import { parseCap } from "../formats/parseCap.ts";
import { parseShareLayout, parseUebLength } from "../formats/ShareLayout.ts";
import { goldenFiles } from "../formats/testing/golden.ts";
import { formatUeb, parseUeb, type Ueb } from "../formats/Ueb.ts";
import { buildHashTree } from "../hashing/buildHashTree.ts";
import { decryptCtr, importCtrKey } from "../hashing/ctr.ts";
import { taggedHash } from "../hashing/taggedHash.ts";
import { CIPHERTEXT_TAG, SEGMENT_TAG, UEB_TAG } from "../hashing/tags.ts";
import { zfecTypeScript } from "./zfecTypeScript.ts";

const decodable = goldenFiles().filter((file) => file.shares.size >= file.needed);

describe.each(decodable)("a real uploader's file: $name", (file) => {
  const cap = parseCap(file.cap) as ChkCap;
  const geometry = makeGeometry({ ...cap, segmentSize: file.segmentSize });
  const shares = [...file.shares];

  test.each([
    ["first", shares.slice(0, file.needed)],
    ["last", shares.slice(-file.needed)],
  ])("the %s k shares decode and decrypt to what was stored", async (_, some) => {
    const ciphertext = decode(geometry, new Map(some));
    const plaintext = await decryptCtr(await importCtrKey(cap.key), 0, ciphertext);
    expect(Buffer.compare(plaintext, file.plaintext())).toBe(0);
  });

  test("every share that is there is made again, and the UEB", () => {
    const ciphertext = decode(geometry, new Map(shares.slice(-file.needed)));
    for (let segment = 0; segment < geometry.segmentCount; segment++) {
      const length = blockLengthOf(geometry, segment);
      const padded = new Uint8Array(length * file.needed);
      padded.set(segmentOf(ciphertext, geometry, segment));
      const primaries = Array.from({ length: file.needed }, (_, i) => padded.subarray(i * length, (i + 1) * length));
      const made = zfecTypeScript.encode(geometry, primaries, [...file.shares.keys()]);
      const held = shares.map(([, share]) => blockOf(share, geometry, segment));
      expect(Buffer.compare(concatBytes(made), concatBytes(held))).toBe(0);
    }
    const segments = Array.from({ length: geometry.segmentCount }, (_, i) => segmentOf(ciphertext, geometry, i));
    const [ciphertextRootHash] = buildHashTree(segments.map((segment) => taggedHash(SEGMENT_TAG, segment)));
    // Not all N shares are here to work it out from.
    const shareRootHash = uebOf(shares[0]![1]).shareRootHash;
    const ueb = formatUeb({
      geometry,
      ciphertextHash: taggedHash(CIPHERTEXT_TAG, ciphertext),
      ciphertextRootHash: ciphertextRootHash!,
      shareRootHash,
    });
    expect(taggedHash(UEB_TAG, ueb)).toEqual(cap.uebHash);
  });
});

function decode(geometry: Geometry, shares: ReadonlyMap<number, Uint8Array>): Uint8Array<ArrayBuffer> {
  const segments = Array.from({ length: geometry.segmentCount }, (_, segment) => {
    const blocks = new Map([...shares].map(([number, share]) => [number, blockOf(share, geometry, segment)]));
    const out = new Uint8Array(blockLengthOf(geometry, segment) * geometry.needed);
    zfecTypeScript.decode(geometry, blocks, out);
    return out.subarray(0, segmentLength(geometry, segment));
  });
  return concatBytes(segments);
}

function blockOf(share: Uint8Array, geometry: Geometry, segment: number): Uint8Array {
  const at = parseShareLayout(share).dataOffset + blockOffset(geometry, segment);
  return share.slice(at, at + blockLengthOf(geometry, segment));
}

function uebOf(share: Uint8Array): Ueb {
  const layout = parseShareLayout(share);
  const start = layout.uebOffset + layout.uebLengthBytes;
  return parseUeb(share.subarray(start, start + parseUebLength(layout, share.subarray(layout.uebOffset))));
}

function segmentOf(ciphertext: Uint8Array, geometry: Geometry, segment: number): Uint8Array {
  const at = segment * geometry.segmentSize;
  return ciphertext.subarray(at, at + segmentLength(geometry, segment));
}
