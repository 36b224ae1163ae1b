import { concatBytes } from "../../base/bytes.ts";
import type { Geometry } from "../../formats/Geometry.ts";
import { type ChainEntry, formatShareHashChain } from "../../formats/ShareHashChain.ts";
import { formatInteger, type ShareLayout } from "../../formats/ShareLayout.ts";
import { formatUeb } from "../../formats/Ueb.ts";
import { buildHashTree } from "../../hashing/buildHashTree.ts";
import { parentOf, siblingOf } from "../../hashing/merkle.ts";
import { HASH_LENGTH, taggedHash } from "../../hashing/taggedHash.ts";
import { BLOCK_TAG, CIPHERTEXT_TAG, SEGMENT_TAG, UEB_TAG } from "../../hashing/tags.ts";
import type { EncodedSegment } from "./encodeSegments.ts";
import { TaggedHasher } from "./TaggedHasher.ts";

/** What stands behind the blocks in a file's shares. */
export interface FinishedHashes {
  /** Tagged hash of the whole ciphertext. */
  readonly ciphertextHash: Uint8Array;
  /** For the cap. */
  readonly uebHash: Uint8Array<ArrayBuffer>;
  /** A share's bytes from the end of its blocks to its own end. */
  afterBlocks(shareNumber: number): Uint8Array<ArrayBuffer>;
}

/** Gathers the hashes of a file while all its N shares are made, and then makes the sections that hold them. */
export class FileHashes {
  readonly #geometry: Geometry;
  readonly #segments: Uint8Array[] = [];
  readonly #blocks: readonly Uint8Array[][];
  readonly #ciphertext = new TaggedHasher(CIPHERTEXT_TAG);

  constructor(geometry: Geometry) {
    this.#geometry = geometry;
    this.#blocks = Array.from({ length: geometry.total }, () => []);
  }

  /** Takes the next segment, with its blocks of all shares. */
  add({ ciphertext, blocks }: EncodedSegment): void {
    this.#ciphertext.update(ciphertext);
    this.#segments.push(new TaggedHasher(SEGMENT_TAG).update(ciphertext).digest());
    for (const [share, block] of blocks.entries()) {
      this.#blocks[share]!.push(new TaggedHasher(BLOCK_TAG).update(block).digest());
    }
  }

  /** To be called once, after the last segment. */
  finish(layout: ShareLayout): FinishedHashes {
    const geometry = this.#geometry;
    const ciphertextTree = buildHashTree(this.#segments);
    const blockTrees = this.#blocks.map((leaves) => buildHashTree(leaves));
    const shareTree = buildHashTree(blockTrees.map((tree) => tree[0]!));
    const ciphertextHash = this.#ciphertext.digest();
    const ueb = formatUeb({
      geometry,
      ciphertextHash,
      ciphertextRootHash: ciphertextTree[0]!,
      shareRootHash: shareTree[0]!,
    });
    // The plaintext hash tree: no uploader fills it any more, and no reader looks at it.
    const hole = new Uint8Array(ciphertextTree.length * HASH_LENGTH);
    const uebLength = formatInteger(ueb.length, layout.uebLengthBytes);
    return {
      ciphertextHash,
      uebHash: taggedHash(UEB_TAG, ueb),
      afterBlocks(shareNumber) {
        const chain = formatShareHashChain(chainOf(shareTree, shareNumber));
        return concatBytes([hole, ...ciphertextTree, ...blockTrees[shareNumber]!, chain, uebLength, ueb]);
      },
    };
  }
}

/** How long a share is: known before the first hash is. */
export function shareLength(geometry: Geometry, layout: ShareLayout): number {
  const hash = new Uint8Array(HASH_LENGTH);
  const ueb = formatUeb({ geometry, ciphertextHash: hash, ciphertextRootHash: hash, shareRootHash: hash });
  return layout.uebOffset + layout.uebLengthBytes + ueb.length;
}

/** A share's own leaf and the sibling of every node on the way up. */
function chainOf(shareTree: readonly Uint8Array[], shareNumber: number): ChainEntry[] {
  const leaf = (shareTree.length - 1) / 2 + shareNumber;
  const nodes = [leaf];
  for (let node = leaf; node > 0; node = parentOf(node)) nodes.push(siblingOf(node));
  return nodes.sort((a, b) => a - b).map((node) => [node, shareTree[node]!]);
}
