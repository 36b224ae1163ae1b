import { fillerLeaf, parentHash, treeWidth } from "./merkle.ts";

/**
 * The whole Merkle tree over these leaves (one or more), padded to a power of two P: its 2P-1 nodes, breadth-first,
 * root first, as a share stores them.
 */
export function buildHashTree(leaves: readonly Uint8Array[]): Uint8Array[] {
  const width = treeWidth(leaves.length);
  const nodes = new Array<Uint8Array>(2 * width - 1);
  for (let i = 0; i < width; i++) nodes[width - 1 + i] = leaves[i] ?? fillerLeaf(i);
  for (let i = width - 2; i >= 0; i--) nodes[i] = parentHash(nodes[2 * i + 1]!, nodes[2 * i + 2]!);
  return nodes;
}
