import { concatBytes } from "../../base/bytes.ts";
import { zfec } from "../../erasure/zfec.ts";
import { encodeBase32 } from "../../formats/base32.ts";
import type { ChkCap } from "../../formats/Cap.ts";
import {
  blockLengthOf,
  type Geometry,
  makeGeometry,
  paddedSegmentSize,
  segmentLength,
} from "../../formats/Geometry.ts";
import { formatShareHashChain } from "../../formats/ShareHashChain.ts";
import { formatInteger, formatShareHeader, predictShareLayout } from "../../formats/ShareLayout.ts";
import { formatUeb } from "../../formats/Ueb.ts";
import { buildHashTree } from "../../hashing/buildHashTree.ts";
import { decryptCtr, importCtrKey } from "../../hashing/ctr.ts";
import { taggedHash } from "../../hashing/taggedHash.ts";
import { BLOCK_TAG, CIPHERTEXT_TAG, SEGMENT_TAG, STORAGE_INDEX_TAG, UEB_TAG } from "../../hashing/tags.ts";

export interface EncodedFile {
  readonly cap: ChkCap;
  readonly storageIndexText: string;
  readonly geometry: Geometry;
  readonly plaintext: Uint8Array<ArrayBuffer>;
  /** Whole shares by number, as a server has them. */
  readonly shares: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

export interface EncodeOptions {
  readonly needed: number;
  readonly total: number;
  readonly maxSegmentSize: number;
  readonly version?: 1 | 2;
  /** Changes the UEB before it is hashed: for authentic nonsense. */
  readonly mangleUeb?: (ueb: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  readonly key?: Uint8Array<ArrayBuffer>;
}

/** Makes all shares of a small file in memory, in the plainest way: what a downloader is tested against. */
export async function encodeShares(plaintext: Uint8Array<ArrayBuffer>, options: EncodeOptions): Promise<EncodedFile> {
  const { needed, total } = options;
  const key = options.key ?? Uint8Array.from({ length: 16 }, (_, i) => i);
  const size = plaintext.length;
  const segmentSize = paddedSegmentSize(options.maxSegmentSize, size, needed);
  const geometry = makeGeometry({ size, segmentSize, needed, total });
  const ciphertext = await decryptCtr(await importCtrKey(key), 0, plaintext);

  const segments = Array.from({ length: geometry.segmentCount }, (_, i) =>
    ciphertext.subarray(i * segmentSize, i * segmentSize + segmentLength(geometry, i)),
  );
  const numbers = Array.from({ length: total }, (_, i) => i);
  const blocks = segments.map((segment, i) => {
    const blockLength = blockLengthOf(geometry, i);
    const padded = new Uint8Array(needed * blockLength);
    padded.set(segment);
    const primaries = numbers.slice(0, needed).map((n) => padded.subarray(n * blockLength, (n + 1) * blockLength));
    return zfec.encode({ needed, total }, primaries, numbers);
  });
  const ciphertextTree = buildHashTree(segments.map((segment) => taggedHash(SEGMENT_TAG, segment)));
  const blockTrees = numbers.map((n) =>
    buildHashTree(blocks.map((row) => taggedHash(BLOCK_TAG, row[n] as Uint8Array))),
  );
  const shareTree = buildHashTree(blockTrees.map((tree) => tree[0] as Uint8Array));
  const authentic = formatUeb({
    geometry,
    ciphertextHash: taggedHash(CIPHERTEXT_TAG, ciphertext),
    ciphertextRootHash: ciphertextTree[0] as Uint8Array,
    shareRootHash: shareTree[0] as Uint8Array,
  });
  const ueb = options.mangleUeb?.(authentic) ?? authentic;
  const layout = predictShareLayout(geometry, options.version);
  const shares = new Map(
    numbers.map((n) => [
      n,
      concatBytes([
        formatShareHeader(geometry, layout),
        ...blocks.map((row) => row[n] as Uint8Array),
        new Uint8Array(32 * ciphertextTree.length),
        ...ciphertextTree,
        ...(blockTrees[n] as Uint8Array[]),
        formatShareHashChain(chainOf(n, shareTree)),
        formatInteger(ueb.length, layout.uebLengthBytes),
        ueb,
      ]),
    ]),
  );
  const storageIndex = taggedHash(STORAGE_INDEX_TAG, key).slice(0, 16);
  const cap: ChkCap = { kind: "CHK", key, storageIndex, uebHash: taggedHash(UEB_TAG, ueb), needed, total, size };
  return { cap, storageIndexText: encodeBase32(storageIndex), geometry, plaintext, shares };
}

/** The share's own leaf and the sibling of every node on the way up. */
export function chainOf(share: number, tree: readonly Uint8Array[]): [number, Uint8Array][] {
  const leaf = (tree.length - 1) / 2 + share;
  const nodes = [leaf];
  for (let node = leaf; node > 0; node = Math.floor((node - 1) / 2)) nodes.push(node % 2 === 1 ? node + 1 : node - 1);
  return nodes.sort((a, b) => a - b).map((node) => [node, tree[node] as Uint8Array]);
}
