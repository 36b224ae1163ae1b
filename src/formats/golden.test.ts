import { describe, expect, test } from "vitest";
import { buildHashTree } from "../hashing/buildHashTree.ts";
import { HashTree } from "../hashing/HashTree.ts";
import { HASH_LENGTH, taggedHash } from "../hashing/taggedHash.ts";
import { BLOCK_TAG, UEB_TAG } from "../hashing/tags.ts";
import type { ChkCap } from "./Cap.ts";
import { blockLengthOf, blockOffset, type Geometry, makeGeometry } from "./Geometry.ts";
import { parseCap } from "./parseCap.ts";
import { parseShareHashChain } from "./ShareHashChain.ts";
import { formatShareHeader, parseShareLayout, parseUebLength, predictShareLayout } from "./ShareLayout.ts";
import { goldenFiles } from "./testing/golden.ts";
import { relayAsV2 } from "./testing/relayAsV2.ts";
import { checkUeb, parseUeb } from "./Ueb.ts";

const files = goldenFiles();

describe.each([...files, ...files.map(relayAsV2)])("shares of a real uploader: $name", (file) => {
  const cap = parseCap(file.cap) as ChkCap;

  test.each([...file.shares])("share %i is what its cap promises, down to every block", (number, share) => {
    const layout = parseShareLayout(share);
    const uebStart = layout.uebOffset + layout.uebLengthBytes;
    const uebBytes = share.subarray(uebStart, uebStart + parseUebLength(layout, share.subarray(layout.uebOffset)));
    expect(taggedHash(UEB_TAG, uebBytes)).toEqual(cap.uebHash);
    const ueb = parseUeb(uebBytes);
    const geometry = checkUeb(ueb, cap);
    expect(geometry.segmentSize).toBe(file.segmentSize);

    const blockTree = treeAt(share, layout.blockTreeOffset, geometry);
    expect(blockTree).toEqual(buildHashTree(blockHashes(share.subarray(layout.dataOffset), geometry)));
    const shareTree = new HashTree(cap.total);
    shareTree.setRoot(ueb.shareRootHash);
    shareTree.add(parseShareHashChain(share.subarray(layout.chainOffset, layout.uebOffset)));
    expect(shareTree.leaf(number)).toEqual(blockTree[0]);

    const ciphertextTree = treeAt(share, layout.ciphertextTreeOffset, geometry);
    const leaves = ciphertextTree.slice(geometry.treeWidth - 1).slice(0, geometry.segmentCount);
    expect(ciphertextTree).toEqual(buildHashTree(leaves));
    expect(ciphertextTree[0]).toEqual(ueb.ciphertextRootHash);
  });

  test("headers are just those that are predicted and written here", () => {
    const geometry = makeGeometry({ ...cap, segmentSize: file.segmentSize });
    for (const share of file.shares.values()) {
      const layout = parseShareLayout(share);
      expect(predictShareLayout(geometry, layout.version)).toEqual(layout);
      expect(formatShareHeader(geometry, layout)).toEqual(share.slice(0, layout.headerLength));
    }
  });
});

function treeAt(share: Uint8Array, offset: number, geometry: Geometry): Uint8Array[] {
  return Array.from({ length: 2 * geometry.treeWidth - 1 }, (_, node) => {
    return share.slice(offset + node * HASH_LENGTH, offset + (node + 1) * HASH_LENGTH);
  });
}

function blockHashes(data: Uint8Array, geometry: Geometry): Uint8Array[] {
  return Array.from({ length: geometry.segmentCount }, (_, segment) => {
    const at = blockOffset(geometry, segment);
    return taggedHash(BLOCK_TAG, data.subarray(at, at + blockLengthOf(geometry, segment)));
  });
}
