import { badFormat } from "../base/badFormat.ts";
import { badHash } from "../base/badHash.ts";
import { equalBytes } from "../base/bytes.ts";
import { GridError } from "../base/GridError.ts";
import { levelOf, parentHash, parentOf, siblingOf, treeWidth } from "./merkle.ts";
import { HASH_LENGTH } from "./taggedHash.ts";

/**
 * A Merkle tree of which only some nodes are known, every one of them verified: the share hash tree (at most 256
 * leaves). Nodes are numbered breadth-first, root 0. For the large trees over a file's segments see HashPages.
 */
export class HashTree {
  readonly leafCount: number;
  /** Leaves with the padding: a power of two. */
  readonly width: number;
  readonly nodeCount: number;
  /** Node number of leaf 0. */
  readonly firstLeaf: number;
  readonly #what: string;
  readonly #known = new Map<number, Uint8Array>();

  /** @param what the tree's name in errors, as in "share hash tree" */
  constructor(leafCount: number, what = "share hash tree") {
    this.leafCount = leafCount;
    this.width = treeWidth(leafCount);
    this.nodeCount = 2 * this.width - 1;
    this.firstLeaf = this.width - 1;
    this.#what = what;
  }

  /**
   * Sets the root, which is believed: it must come from an authenticated source.
   * @throws GridError BAD_HASH when another root is set already
   */
  setRoot(hash: Uint8Array): void {
    const root = this.#known.get(0);
    if (hash.length !== HASH_LENGTH || (root !== undefined && !equalBytes(root, hash))) throw this.#wrong(0);
    if (root === undefined) this.#known.set(0, hash.slice());
  }

  /** A node's hash if it is known. Not to be written to. */
  get(node: number): Uint8Array | undefined {
    return this.#known.get(this.#inRange(node, this.nodeCount));
  }

  /** A leaf's hash if it is known. Not to be written to. */
  leaf(leaf: number): Uint8Array | undefined {
    return this.#known.get(this.firstLeaf + this.#inRange(leaf, this.leafCount));
  }

  /** The nodes that, with the leaf itself, would prove the leaf and are not known yet; the deepest first. */
  needed(leaf: number): number[] {
    const nodes: number[] = [];
    for (let node = this.firstLeaf + this.#inRange(leaf, this.leafCount); node > 0; node = parentOf(node)) {
      if (!this.#known.has(siblingOf(node))) nodes.push(siblingOf(node));
    }
    return nodes;
  }

  /**
   * Adds nodes, in any order, each of which must be proven by the others and by what is known; the parents on the way
   * become known too. All are added or, on error, none.
   *
   * @throws GridError BAD_HASH for a node that is not what the root promises, or not 32 bytes
   * @throws GridError BAD_FORMAT for a node that the tree does not have, or when a sibling is missing
   */
  add(nodes: Iterable<readonly [node: number, hash: Uint8Array]>): void {
    if (!this.#known.has(0)) {
      const reason = `nodes were added to the ${this.#what} before its root`;
      throw new GridError("INTERNAL", { reason }, `A defect in gridfetch: ${reason}.`);
    }
    const staged = new Map<number, Uint8Array>();
    for (const [node, hash] of nodes) this.#stage(staged, node, hash);
    const levels = this.#byLevel(staged.keys());
    for (let level = levels.length - 1; level > 0; level--) {
      for (const parent of this.#prove(levels[level]!, staged)) levels[level - 1]!.push(parent);
    }
    for (const [node, hash] of staged) this.#known.set(node, hash);
  }

  /** Puts down a copy of a node that is new, and says so; or checks one that is not. */
  #stage(staged: Map<number, Uint8Array>, node: number, hash: Uint8Array): boolean {
    if (!Number.isInteger(node) || node < 0 || node >= this.nodeCount) {
      throw badFormat(this.#what, `it has ${this.nodeCount} nodes, so there is no node ${node}`);
    }
    const present = this.#known.get(node) ?? staged.get(node);
    if (hash.length !== HASH_LENGTH || (present !== undefined && !equalBytes(present, hash))) throw this.#wrong(node);
    if (present === undefined) staged.set(node, hash.slice());
    return present === undefined;
  }

  #byLevel(nodes: Iterable<number>): number[][] {
    const levels = Array.from({ length: levelOf(this.firstLeaf) + 1 }, (): number[] => []);
    for (const node of nodes) levels[levelOf(node)]!.push(node);
    return levels;
  }

  /** Stages or checks the parents of one level's staged nodes. Returns the parents that are new. */
  #prove(level: readonly number[], staged: Map<number, Uint8Array>): number[] {
    const parents: number[] = [];
    for (const node of level) {
      const sibling = siblingOf(node);
      if (sibling < node && staged.has(sibling)) continue; // its sibling's turn does both
      const hash = staged.get(node)!;
      const other = staged.get(sibling) ?? this.#known.get(sibling);
      if (other === undefined) throw badFormat(this.#what, `node ${sibling} is missing, which node ${node} needs`);
      const above = sibling < node ? parentHash(other, hash) : parentHash(hash, other);
      if (this.#stage(staged, parentOf(node), above)) parents.push(parentOf(node));
    }
    return parents;
  }

  #wrong(node: number): GridError<"BAD_HASH"> {
    return badHash(`node ${node} of the ${this.#what}`);
  }

  #inRange(index: number, count: number): number {
    if (Number.isInteger(index) && index >= 0 && index < count) return index;
    const reason = `index ${index} was asked for in a ${this.#what} with ${count}`;
    throw new GridError("INTERNAL", { reason }, `A defect in gridfetch: ${reason}.`);
  }
}
