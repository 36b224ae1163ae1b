import { concatBytes } from "../../src/base/bytes.ts";
import type { ChkCap } from "../../src/formats/Cap.ts";
import {
  blockLengthOf,
  type Geometry,
  makeGeometry,
  paddedSegmentSize,
  segmentLength,
} from "../../src/formats/Geometry.ts";
import { formatShareHashChain } from "../../src/formats/ShareHashChain.ts";
import {
  formatInteger,
  formatShareHeader,
  predictShareLayout,
  type ShareLayout,
} from "../../src/formats/ShareLayout.ts";
import { storageIndexOf, storageIndexText } from "../../src/formats/storageIndex.ts";
import { formatUeb } from "../../src/formats/Ueb.ts";
import { buildHashTree } from "../../src/hashing/buildHashTree.ts";
import { fillerLeaf, parentHash } from "../../src/hashing/merkle.ts";
import { HASH_LENGTH, taggedHash } from "../../src/hashing/taggedHash.ts";
import { BLOCK_TAG, SEGMENT_TAG, UEB_TAG } from "../../src/hashing/tags.ts";

export interface GeneratedFileOptions {
  /** In bytes. */
  readonly size: number;
  readonly needed: number;
  readonly total: number;
  readonly maxSegmentSize: number;
  /** Files of different seeds have different caps. */
  readonly seed: number;
}

/**
 * A file of any size whose shares cost nothing to make or to keep: its ciphertext is zeroes, so all its blocks are, too (the code
 * is linear), and all full nodes of a level of its hash trees are one. To a reader it is a file like any other: each block is
 * hashed, decoded and decrypted at its full price.
 */
export class GeneratedFile {
  readonly cap: ChkCap;
  readonly storageIndexText: string;
  readonly geometry: Geometry;
  readonly layout: ShareLayout;
  /** Of every share, in bytes. */
  readonly shareLength: number;
  readonly #ciphertextTree: Uint8Array;
  readonly #blockTree: Uint8Array;
  readonly #chains: Uint8Array[];
  readonly #ueb: Uint8Array;

  constructor({ size, needed, total, maxSegmentSize, seed }: GeneratedFileOptions) {
    const segmentSize = paddedSegmentSize(maxSegmentSize, size, needed);
    const geometry = makeGeometry({ size, segmentSize, needed, total });
    const { segmentCount } = geometry;
    this.geometry = geometry;
    this.layout = predictShareLayout(geometry);
    this.#ciphertextTree = treeOf(geometry, (i) => zeroHash(SEGMENT_TAG, segmentLength(geometry, i)));
    this.#blockTree = treeOf(geometry, (i) => zeroHash(BLOCK_TAG, blockLengthOf(geometry, i)));
    const blockRoot = this.#blockTree.slice(0, HASH_LENGTH);
    const shareTree = buildHashTree(Array.from({ length: total }, () => blockRoot));
    this.#chains = Array.from({ length: total }, (_, n) => formatShareHashChain(chainOf(n, shareTree)));
    const ueb = formatUeb({
      geometry,
      ciphertextHash: new Uint8Array(HASH_LENGTH),
      ciphertextRootHash: this.#ciphertextTree.slice(0, HASH_LENGTH),
      shareRootHash: shareTree[0] as Uint8Array,
    });
    this.#ueb = concatBytes([formatInteger(ueb.length, this.layout.uebLengthBytes), ueb]);
    this.shareLength = this.layout.uebOffset + this.#ueb.length;
    const key = new Uint8Array(16);
    new DataView(key.buffer).setFloat64(0, seed);
    new DataView(key.buffer).setUint32(8, segmentCount);
    const storageIndex = storageIndexOf(key);
    this.storageIndexText = storageIndexText(storageIndex);
    this.cap = { kind: "CHK", key, storageIndex, uebHash: taggedHash(UEB_TAG, ueb), needed, total, size };
  }

  /** What of a share is not zeroes: pieces with their offsets in it. */
  parts(shareNumber: number): [offset: number, bytes: Uint8Array][] {
    const { layout } = this;
    return [
      [0, formatShareHeader(this.geometry, layout)],
      [layout.ciphertextTreeOffset, this.#ciphertextTree],
      [layout.blockTreeOffset, this.#blockTree],
      [layout.chainOffset, this.#chains[shareNumber] as Uint8Array],
      [layout.uebOffset, this.#ueb],
    ];
  }

  /** A range of a share, as far as the share goes. */
  shareBytes(shareNumber: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(offset + length, this.shareLength);
    const bytes = new Uint8Array(Math.max(0, end - offset));
    for (const [start, part] of this.parts(shareNumber)) {
      const from = Math.max(start, offset);
      const to = Math.min(start + part.length, end);
      if (from < to) bytes.set(part.subarray(from - start, to - start), from - offset);
    }
    return bytes;
  }
}

function zeroHash(tag: string, length: number): Uint8Array {
  return taggedHash(tag, new Uint8Array(length));
}

/** All nodes of a tree over the segments, breadth-first. Full nodes of one level are hashed once. */
function treeOf({ segmentCount, treeWidth }: Geometry, leafOf: (segment: number) => Uint8Array): Uint8Array {
  const tree = new Uint8Array((2 * treeWidth - 1) * HASH_LENGTH);
  const at = (node: number) => tree.subarray(node * HASH_LENGTH, (node + 1) * HASH_LENGTH);
  let common = leafOf(0);
  for (let i = 0; i < treeWidth; i++) {
    const isCommon = i < segmentCount - 1;
    at(treeWidth - 1 + i).set(isCommon ? common : i === segmentCount - 1 ? leafOf(i) : fillerLeaf(i));
  }
  for (let width = treeWidth / 2, span = 2; width >= 1; width /= 2, span *= 2) {
    common = parentHash(common, common);
    const full = Math.floor((segmentCount - 1) / span);
    for (let i = 0; i < width; i++) {
      const node = width - 1 + i;
      at(node).set(i < full ? common : parentHash(at(2 * node + 1), at(2 * node + 2)));
    }
  }
  return tree;
}

/** The share's own leaf and the sibling of every node on the way up. */
function chainOf(share: number, tree: readonly Uint8Array[]): [number, Uint8Array][] {
  const leaf = (tree.length - 1) / 2 + share;
  const nodes = [leaf];
  for (let node = leaf; node > 0; node = Math.floor((node - 1) / 2)) nodes.push(node % 2 === 1 ? node + 1 : node - 1);
  return nodes.sort((a, b) => a - b).map((node) => [node, tree[node] as Uint8Array]);
}
