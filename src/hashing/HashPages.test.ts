import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { buildHashTree } from "./buildHashTree.ts";
import { type HashPage, HashPages, pageRange, pagesFor } from "./HashPages.ts";
import { parentHash, treeWidth } from "./merkle.ts";
import { taggedHash } from "./taggedHash.ts";

const badHash = expect.objectContaining({ code: "BAD_HASH" });
const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });

/**
 * A tree of any size of which few nodes are ever worked out: all leaves are the same but for the marked ones. Its nodes
 * are found by asking for children, so it shares nothing with the code under test but the hash of a pair.
 */
class LazyTree {
  readonly depth: number;
  readonly #width: number;
  readonly #marked: Set<number>;
  readonly #same: Uint8Array[] = [taggedHash("leaf", utf8("any"))];
  readonly #different = new Map<string, Uint8Array>();

  constructor(leafCount: number, marked: readonly number[]) {
    this.#width = treeWidth(leafCount);
    this.depth = Math.log2(this.#width);
    this.#marked = new Set(marked);
    for (let height = 1; height <= this.depth; height++) {
      this.#same.push(parentHash(this.#same[height - 1]!, this.#same[height - 1]!));
    }
  }

  node(level: number, index: number): Uint8Array {
    const leaves = 2 ** (this.depth - level);
    const under = [...this.#marked].filter((leaf) => Math.floor(leaf / leaves) === index);
    if (under.length === 0) return this.#same[this.depth - level]!;
    if (level === this.depth) return taggedHash("leaf", utf8(`marked ${index}`));
    const name = `${level}:${index}`;
    let hash = this.#different.get(name);
    if (hash === undefined) {
      hash = parentHash(this.node(level + 1, 2 * index), this.node(level + 1, 2 * index + 1));
      this.#different.set(name, hash);
    }
    return hash;
  }

  leaf(leaf: number): Uint8Array {
    return this.node(this.depth, leaf);
  }

  /** The bytes of a run of nodes, by breadth-first number, as a share stores them. */
  bytes(firstNode: number, count: number): Uint8Array<ArrayBuffer> {
    const level = Math.floor(Math.log2(firstNode + 1));
    const first = firstNode - (2 ** level - 1);
    return concatBytes(Array.from({ length: count }, (_, i) => this.node(level, first + i)));
  }
}

const counts = [1, 2, 3, 255, 256, 257, 65_535, 65_536, 65_537, 2 ** 20 + 1, 2 ** 24 + 1, 2 ** 40 + 1];
const someLeaves = (leafCount: number) =>
  fc.array(fc.oneof(fc.nat({ max: leafCount - 1 }), fc.constantFrom(0, leafCount - 1)), { minLength: 1, maxLength: 8 });

/** Fetches what `missing` names, for real. */
function fetchFor(pages: HashPages, tree: LazyTree, leaf: number): HashPage[] {
  const missing = pages.missing(leaf);
  for (const page of missing) pages.accept(page, tree.bytes(page.firstNode, page.count));
  return missing;
}

describe.each(counts)("a tree of %i leaves", (leafCount) => {
  const width = treeWidth(leafCount);

  test("its pages cover the way to a leaf: each the nodes above the next, eight levels at most apart", () => {
    fc.assert(
      fc.property(fc.nat({ max: leafCount - 1 }), (leaf) => {
        const way = pagesFor(leafCount, leaf);
        let below = 2 * width; // level of nothing
        expect(way.length).toBe(Math.ceil(Math.log2(width) / 8));
        for (const [i, page] of way.toReversed().entries()) {
          const levelNodes = width / 256 ** i;
          const node = Math.floor(leaf / 256 ** i);
          expect(2 ** page.level).toBe(levelNodes);
          expect(page.count).toBe(Math.min(256, levelNodes));
          expect(page.index).toBe(Math.floor(node / 256));
          expect(page.firstNode).toBe(levelNodes - 1 + page.index * 256);
          expect(levelNodes).toBeLessThan(below);
          below = levelNodes;
        }
      }),
    );
  });

  test("gives the right leaves, and asks for no page twice", () => {
    fc.assert(
      fc.property(someLeaves(leafCount), (leaves) => {
        const tree = new LazyTree(leafCount, leaves);
        const pages = new HashPages(leafCount, "tree");
        pages.setRoot(tree.node(0, 0));
        const fetched = leaves.flatMap((leaf) => fetchFor(pages, tree, leaf)).map(({ firstNode }) => firstNode);
        expect(new Set(fetched).size).toBe(fetched.length);
        for (const leaf of leaves) expect(pages.leaf(leaf)).toEqual(tree.leaf(leaf));
      }),
      { numRuns: 20 },
    );
  });

  test("notices any wrong bit in any page, and takes the right page afterwards", () => {
    fc.assert(
      fc.property(fc.nat({ max: leafCount - 1 }), fc.nat(), (leaf, bit) => {
        const tree = new LazyTree(leafCount, [leaf]);
        const pages = new HashPages(leafCount, "tree");
        pages.setRoot(tree.node(0, 0));
        for (const page of pages.missing(leaf)) {
          const right = tree.bytes(page.firstNode, page.count);
          const wrong = right.slice();
          const at = bit % (wrong.length * 8);
          wrong[at >> 3]! ^= 1 << (at & 7);
          expect(() => pages.accept(page, wrong)).toThrow(badHash);
          expect(pages.missing(leaf)[0]).toEqual(page);
          pages.accept(page, right);
        }
        expect(pages.leaf(leaf)).toEqual(tree.leaf(leaf));
      }),
      { numRuns: 20 },
    );
  });

  test("keeps no more pages than it may, never one without those above it, and still gives right leaves", () => {
    fc.assert(
      fc.property(someLeaves(leafCount), fc.integer({ min: 1, max: 4 }), (leaves, maxPages) => {
        const tree = new LazyTree(leafCount, leaves);
        const pages = new HashPages(leafCount, "tree", maxPages);
        pages.setRoot(tree.node(0, 0));
        for (const leaf of leaves) {
          fetchFor(pages, tree, leaf);
          expect(pages.leaf(leaf)).toEqual(tree.leaf(leaf));
          const held = new Set<number>();
          for (const each of leaves) {
            const way = pagesFor(leafCount, each);
            const missing = pages.missing(each);
            expect(missing).toEqual(way.slice(way.length - missing.length));
            for (const page of way.slice(0, way.length - missing.length)) held.add(page.firstNode);
          }
          expect(held.size).toBeLessThanOrEqual(Math.max(maxPages, pagesFor(leafCount, leaf).length));
        }
      }),
      { numRuns: 20 },
    );
  });
});

test("the pages of a whole tree as an uploader makes it hold all its leaves", () => {
  const leaves = Array.from({ length: 700 }, (_, i) => taggedHash("leaf", utf8(String(i))));
  const stored = concatBytes(buildHashTree(leaves));
  const pages = new HashPages(700, "tree");
  pages.setRoot(stored.subarray(0, 32));
  for (const [i, leaf] of leaves.entries()) {
    for (const page of pages.missing(i)) {
      const { offset, length } = pageRange(page);
      pages.accept(page, stored.subarray(offset, offset + length));
    }
    expect(pages.leaf(i)).toEqual(leaf);
  }
});

describe("a tree of 600 leaves", () => {
  const tree = new LazyTree(600, [0, 300, 599]);
  const rooted = (maxPages?: number) => {
    const pages = new HashPages(600, "tree", maxPages);
    pages.setRoot(tree.node(0, 0));
    return pages;
  };
  const accept = (pages: HashPages, page: HashPage) => pages.accept(page, tree.bytes(page.firstNode, page.count));

  test("has a page of 4 under the root, and its leaves in pages of 256", () => {
    expect(pagesFor(600, 599)).toEqual([
      { level: 2, index: 0, firstNode: 3, count: 4 },
      { level: 10, index: 2, firstNode: 1023 + 512, count: 256 },
    ]);
    expect(pageRange(pagesFor(600, 599)[1]!)).toEqual({ offset: 1535 * 32, length: 8192 });
  });

  test("believes no page before the one above it", () => {
    const pages = rooted();
    const [top, leaves] = pages.missing(0);
    expect(() => accept(pages, leaves!)).toThrow(badFormat);
    accept(pages, top!);
    expect(pages.leaf(0)).toBeUndefined();
    accept(pages, leaves!);
    expect(pages.leaf(0)).toEqual(tree.leaf(0));
  });

  test("believes nothing without a root", () => {
    const pages = new HashPages(600, "tree");
    expect(pages.hasRoot).toBe(false);
    expect(() => accept(pages, pages.missing(0)[0]!)).toThrow(badFormat);
    expect(pages.leaf(0)).toBeUndefined();
  });

  test("refuses too few and too many bytes", () => {
    const pages = rooted();
    const [top] = pages.missing(0);
    expect(() => pages.accept(top!, tree.bytes(3, 3))).toThrow(badFormat);
    expect(() => pages.accept(top!, tree.bytes(3, 5))).toThrow(badFormat);
    expect(() => pages.accept(top!, new Uint8Array())).toThrow(badFormat);
  });

  test("refuses the bytes of another page", () => {
    const pages = rooted();
    const [top, leaves] = pages.missing(0);
    accept(pages, top!);
    expect(() => pages.accept(leaves!, tree.bytes(pagesFor(600, 300)[1]!.firstNode, 256))).toThrow(badHash);
  });

  test("leaves a page alone that it holds, and keeps its own copy", () => {
    const pages = rooted();
    const [top, leaves] = pages.missing(0);
    accept(pages, top!);
    const bytes = tree.bytes(leaves!.firstNode, 256);
    pages.accept(leaves!, bytes);
    bytes.fill(0);
    pages.accept(leaves!, bytes);
    expect(pages.leaf(0)).toEqual(tree.leaf(0));
  });

  test("drops the page that was not used for longest", () => {
    const pages = rooted(3);
    fetchFor(pages, tree, 0);
    fetchFor(pages, tree, 300);
    pages.leaf(0);
    fetchFor(pages, tree, 599);
    expect(pages.leaf(300)).toBeUndefined();
    expect(pages.leaf(0)).toEqual(tree.leaf(0));
    expect(pages.missing(300)).toEqual([pagesFor(600, 300)[1]]);
  });

  test("takes its first root on trust, and no other", () => {
    const pages = rooted();
    pages.setRoot(tree.node(0, 0).slice());
    expect(() => pages.setRoot(tree.node(1, 0))).toThrow(badHash);
    expect(() => new HashPages(600, "tree").setRoot(new Uint8Array(31))).toThrow(badHash);
  });

  test.each([-1, 600, 1.5])("has no leaf %d", (leaf) => {
    const defect = expect.objectContaining({ code: "INTERNAL" });
    expect(() => rooted().leaf(leaf)).toThrow(defect);
    expect(() => rooted().missing(leaf)).toThrow(defect);
  });
});

describe("pages ahead", () => {
  const leafCount = 256 * 300;
  const source = new LazyTree(leafCount, []);
  const tree = new HashPages(leafCount, "tree");
  tree.setRoot(source.node(0, 0));
  const take = (leaf: number): void => {
    for (const page of tree.missing(leaf)) tree.accept(page, source.bytes(page.firstNode, page.count));
  };

  test("none for who begins or jumps, the next three for who has the one before, none that could not be verified", () => {
    expect(tree.ahead(5 * 256)).toEqual([]);
    take(5 * 256);
    expect(tree.ahead(6 * 256).map(({ index }) => index)).toEqual([7, 8, 9]);
    expect(tree.ahead(10 * 256)).toEqual([]);
    // Page 256 hangs on another page of the level above.
    take(253 * 256);
    expect(tree.ahead(254 * 256).map(({ index }) => index)).toEqual([255]);
    take(298 * 256);
    expect(tree.ahead(299 * 256)).toEqual([]);
  });

  test("leaves out what is here", () => {
    take(20 * 256);
    take(22 * 256);
    expect(tree.ahead(21 * 256)).toEqual([]);
  });
});
