import { badFormat } from "../base/badFormat.ts";
import { badHash } from "../base/badHash.ts";
import { equalBytes } from "../base/bytes.ts";
import { GridError } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import { hashUp, levelOf, treeWidth } from "./merkle.ts";
import { HASH_LENGTH } from "./taggedHash.ts";

const PAGE_LEVELS = 8;
const PAGE_NODES = 2 ** PAGE_LEVELS;
const DEFAULT_MAX_PAGES = 64;
const PAGES_AHEAD = 3;

/** A run of nodes of one level of a Merkle tree that is fetched and verified at once. */
export interface HashPage {
  /** The tree's level that the nodes are on; the root is level 0. */
  readonly level: number;
  /** Which page of its level. */
  readonly index: number;
  /** Number of its first node, breadth-first, root 0. */
  readonly firstNode: number;
  /** How many nodes: 256, or fewer in the page right under the root. */
  readonly count: number;
}

/** Hears of a verified page. Its bytes are not to be written to. */
type AcceptedPage = (page: HashPage, bytes: Uint8Array<ArrayBuffer>) => void;

/**
 * The pages on the way to a leaf, the one under the root first; none in a tree of one leaf, which is its own root.
 *
 * The leaves' level is cut into pages of 256 nodes, so is the level 8 above it, and so on; the topmost of these levels
 * is at most 8 below the root and is one page. Hashing a page up gives one node of the page above it. The levels
 * between are never fetched: they follow from the pages.
 */
export function pagesFor(leafCount: number, leaf: number): HashPage[] {
  const pages: HashPage[] = [];
  let nodes = treeWidth(leafCount);
  let node = leaf;
  for (let level = levelOf(nodes - 1); level > 0; level -= PAGE_LEVELS) {
    const index = Math.floor(node / PAGE_NODES);
    pages.unshift({ level, index, firstNode: nodes - 1 + index * PAGE_NODES, count: Math.min(nodes, PAGE_NODES) });
    nodes /= PAGE_NODES;
    node = index;
  }
  return pages;
}

/** Where a page lies, in bytes from the start of the tree's section in a share. */
export function pageRange({ firstNode, count }: HashPage): ByteRange {
  return { offset: firstNode * HASH_LENGTH, length: count * HASH_LENGTH };
}

/**
 * A large Merkle tree, a file's block or ciphertext hash tree, read page by page: every page is verified against the
 * one above before it is believed, and only so many are kept.
 *
 * A file of 2^20 segments has 64 MiB of nodes; reading one of its segments takes three pages of at most 8 KiB.
 */
export class HashPages {
  readonly leafCount: number;
  readonly #what: string;
  readonly #maxPages: number;
  readonly #accepted: AcceptedPage;
  #root: Uint8Array | undefined;
  // By first node number, the least recently used page first. A page is used whenever one under it is, and a little
  // later, so a page always leaves before those that it hangs on.
  readonly #held = new Map<number, Uint8Array>();

  /**
   * @param what the tree's name in errors, as in "block hash tree of share 3"
   * @param maxPages pages kept, of at most 8 KiB each; never fewer than the way to one leaf needs
   * @param accepted is told of every page that was verified
   */
  constructor(
    leafCount: number,
    what: string,
    maxPages: number = DEFAULT_MAX_PAGES,
    accepted: AcceptedPage = () => {},
  ) {
    this.leafCount = leafCount;
    this.#what = what;
    this.#maxPages = Math.max(maxPages, pagesFor(leafCount, 0).length);
    this.#accepted = accepted;
  }

  get hasRoot(): boolean {
    return this.#root !== undefined;
  }

  /**
   * Sets the root, which is believed: it must come from an authenticated source.
   * @throws GridError BAD_HASH when another root is set already, or for one that is not 32 bytes
   */
  setRoot(hash: Uint8Array): void {
    if (hash.length !== HASH_LENGTH || (this.#root !== undefined && !equalBytes(this.#root, hash))) {
      throw badHash(`the root of the ${this.#what}`);
    }
    this.#root ??= hash.slice();
  }

  /** The pages on the way to a leaf that are not held, the topmost first: `accept` wants them in this order. */
  missing(leaf: number): HashPage[] {
    return pagesFor(this.leafCount, this.#inRange(leaf)).filter((page) => !this.#held.has(page.firstNode));
  }

  /**
   * Pages to fetch along with the leaf's own, next to it in the share: a reader who has the page before goes through the file in
   * order and will want them. None for others.
   */
  ahead(leaf: number): HashPage[] {
    const own = pagesFor(this.leafCount, this.#inRange(leaf)).at(-1);
    if (own === undefined || !this.#held.has(own.firstNode - PAGE_NODES)) return [];
    const pages: HashPage[] = [];
    for (let index = own.index + 1; index <= own.index + PAGES_AHEAD; index++) {
      if (index * PAGE_NODES >= this.leafCount) break;
      const [page, ...others] = this.missing(index * PAGE_NODES);
      // One that hangs on another page could not be verified yet.
      if (page === undefined || others.length > 0) break;
      pages.push(page);
    }
    return pages;
  }

  /**
   * Verifies a page and keeps a copy. A page that is held already is left as it is, whatever the bytes.
   * @throws GridError BAD_HASH when the bytes are not what the page above, or the root, promises
   * @throws GridError BAD_FORMAT when the bytes are too few or too many, or what they are verified against is not held
   */
  accept(page: HashPage, bytes: Uint8Array): void {
    if (this.#held.has(page.firstNode)) return;
    const name = `nodes ${page.firstNode} to ${page.firstNode + page.count - 1} of the ${this.#what}`;
    if (bytes.length !== page.count * HASH_LENGTH) {
      throw badFormat(name, `${bytes.length} bytes came instead of ${page.count * HASH_LENGTH}`);
    }
    const firstLeaf = page.index * PAGE_NODES * 2 ** (levelOf(treeWidth(this.leafCount) - 1) - page.level);
    const way = pagesFor(this.leafCount, firstLeaf);
    const above = way[way.findIndex(({ level }) => level === page.level) - 1];
    const promised = above === undefined ? this.#root : this.#node(above, page.index);
    if (promised === undefined) throw badFormat(name, "what is above them is not known yet");
    if (!equalBytes(hashUp(bytes), promised)) throw badHash(name);
    const kept = bytes.slice();
    this.#held.set(page.firstNode, kept);
    this.#use(way);
    this.#evict();
    this.#accepted(page, kept);
  }

  /** A leaf's verified hash if its page is held. Not to be written to. */
  leaf(leaf: number): Uint8Array | undefined {
    const way = pagesFor(this.leafCount, this.#inRange(leaf));
    const lowest = way.at(-1);
    if (lowest === undefined) return this.#root;
    this.#use(way);
    return this.#node(lowest, leaf);
  }

  /** A node, by its index in its level, from the page that it is in. */
  #node(page: HashPage, indexInLevel: number): Uint8Array | undefined {
    const at = (indexInLevel % PAGE_NODES) * HASH_LENGTH;
    return this.#held.get(page.firstNode)?.subarray(at, at + HASH_LENGTH);
  }

  #use(way: readonly HashPage[]): void {
    for (const { firstNode } of way.toReversed()) {
      const bytes = this.#held.get(firstNode);
      if (bytes === undefined) continue;
      this.#held.delete(firstNode);
      this.#held.set(firstNode, bytes);
    }
  }

  #evict(): void {
    for (const firstNode of this.#held.keys()) {
      if (this.#held.size <= this.#maxPages) return;
      this.#held.delete(firstNode);
    }
  }

  #inRange(leaf: number): number {
    if (Number.isInteger(leaf) && leaf >= 0 && leaf < this.leafCount) return leaf;
    const reason = `leaf ${leaf} was asked for in a ${this.#what} with ${this.leafCount}`;
    throw new GridError("INTERNAL", { reason }, `A defect in gridfetch: ${reason}.`);
  }
}
