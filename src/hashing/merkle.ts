import { concatBytes, utf8 } from "../base/bytes.ts";
import { hashTwice } from "./doubleHash.ts";
import { netstring } from "./netstring.ts";
import { HASH_LENGTH, taggedHash, tagPrefix } from "./taggedHash.ts";
import { TREE_FILLER_TAG, TREE_NODE_TAG } from "./tags.ts";

/*
 * The arithmetic of Merkle trees. A tree of n leaves is padded to P leaves, the next power of two. Nodes are numbered
 * breadth-first: the root is 0, the children of x are 2x+1 and 2x+2, leaf j is P-1+j; level l (the root's is 0)
 * starts at 2^l - 1. A hostile file may claim more leaves than 32 bits count, so there are no bit operators here.
 */

/** P: the smallest power of two that is not below `leafCount` (1 or more). */
export function treeWidth(leafCount: number): number {
  let width = 1;
  while (width < leafCount) width *= 2;
  return width;
}

/** The level of a node: 0 for the root, 1 for nodes 1 and 2, 2 for nodes 3 to 6. */
export function levelOf(node: number): number {
  let level = 0;
  for (let above = node; above > 0; above = parentOf(above)) level++;
  return level;
}

/** The node above a node that is not the root. */
export function parentOf(node: number): number {
  return Math.floor((node - 1) / 2);
}

/** The other child of the parent of a node that is not the root. */
export function siblingOf(node: number): number {
  return node % 2 === 1 ? node + 1 : node - 1;
}

/** The hash of the node above these two, 32 bytes each. */
export function parentHash(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  pair.set(left, LEFT_AT);
  pair.set(right, RIGHT_AT);
  return hashTwice(pair);
}

/** The hash that stands at a leaf index beyond the leaves that there are. */
export function fillerLeaf(leafIndex: number): Uint8Array<ArrayBuffer> {
  return taggedHash(TREE_FILLER_TAG, utf8(String(leafIndex)));
}

/** The node above an aligned run of a power of two of nodes of one level, given as their hashes one after the other. */
export function hashUp(nodes: Uint8Array): Uint8Array<ArrayBuffer> {
  const work = nodes.slice();
  for (let length = work.length; length > HASH_LENGTH; length /= 2) {
    for (let at = 0; at < length; at += 2 * HASH_LENGTH) {
      const left = work.subarray(at, at + HASH_LENGTH);
      const right = work.subarray(at + HASH_LENGTH, at + 2 * HASH_LENGTH);
      work.set(parentHash(left, right), at / 2);
    }
  }
  return work.slice(0, HASH_LENGTH);
}

// Trees are hashed a page, hundreds of pairs, at a time: one input is kept in which only the two hashes change.
const emptyHash = netstring(new Uint8Array(HASH_LENGTH));
const pair = concatBytes([tagPrefix(TREE_NODE_TAG), emptyHash, emptyHash]);
const LEFT_AT = tagPrefix(TREE_NODE_TAG).length + "32:".length;
const RIGHT_AT = LEFT_AT + emptyHash.length;
