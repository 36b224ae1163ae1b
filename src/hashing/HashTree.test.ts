import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { buildHashTree } from "./buildHashTree.ts";
import { HashTree } from "./HashTree.ts";
import { levelOf } from "./merkle.ts";
import { taggedHash } from "./taggedHash.ts";
import { BLOCK_TAG } from "./tags.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const badHash = expect.objectContaining({ code: "BAD_HASH" });
const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });
const defect = expect.objectContaining({ code: "INTERNAL" });
const wrong = new Uint8Array(32).fill(0x77);

function nodesOf(leafCount: number): Uint8Array[] {
  return buildHashTree(Array.from({ length: leafCount }, (_, i) => taggedHash("leaf", utf8(String(i)))));
}

function rooted(leafCount: number): { tree: HashTree; nodes: Uint8Array[] } {
  const nodes = nodesOf(leafCount);
  const tree = new HashTree(leafCount);
  tree.setRoot(nodes[0]!);
  return { tree, nodes };
}

/** The given nodes with their right hashes. */
function take(nodes: readonly Uint8Array[], ...numbers: number[]): [number, Uint8Array][] {
  return numbers.map((node) => [node, nodes[node]!]);
}

function known(tree: HashTree): number[] {
  return Array.from({ length: tree.nodeCount }, (_, node) => node).filter((node) => tree.get(node) !== undefined);
}

test("P-01 the nodes of a tree of three leaves, as Tahoe-LAFS 1.20 makes them", () => {
  const leaves = ["A", "B", "C"].map((letter) => taggedHash(BLOCK_TAG, utf8(letter)));
  expect(buildHashTree(leaves).map(hex)).toEqual([
    "78858dd71642697d51223faffbbe4ebfe7ae84b49c537f8cbffd57f551bf919c",
    "d5df18e766d8cd1f3d338b954f623f67ebdfa7a661c3a583ceb73079381d21c5",
    "8ecb8a9c19da07b4bd7dfbebfdca1dcea14c28741c6895553125b090e3d167e0",
    "531e574b665b707b16ec96c722d5a1ffeabe4a4475ccf431196112ac9de95224",
    "62ea9b9e92c180966a08fd3162f1684d3cf0f66f39b733b9398c491d4a0a0409",
    "e45f9f472c271c90be7010bb860f723c3d8a1ad0c6c3b8219d1288917d6b8e25",
    "9ed59076b6bee6b75864630c3c20cff6934efe03a60a7fd28b69542fb13a68a3",
  ]);
  expect(buildHashTree(leaves.slice(0, 1))).toEqual(leaves.slice(0, 1));
});

test.each([
  [1, 1, 0],
  [2, 2, 1],
  [6, 8, 7],
  [8, 8, 7],
  [9, 16, 15],
  [256, 256, 255],
])("P-02 width of a tree of %i leaves", (leafCount, width, firstLeaf) => {
  expect(new HashTree(leafCount)).toMatchObject({ leafCount, width, firstLeaf, nodeCount: 2 * width - 1 });
});

test("P-03 P-04 P-05 the nodes that a leaf needs", () => {
  const eight = new HashTree(8);
  expect(eight.needed(0)).toEqual([8, 4, 2]);
  expect(eight.needed(1)).toEqual([7, 4, 2]);
  expect(eight.needed(7)).toEqual([13, 5, 1]);
  expect(new HashTree(6).needed(5)).toEqual([11, 6, 1]);
  expect(new HashTree(1).needed(0)).toEqual([]);
});

test("P-06 nodes that are known are not needed", () => {
  const { tree, nodes } = rooted(8);
  expect(tree.needed(0)).toEqual([8, 4, 2]);
  tree.add(take(nodes, 7, 8, 4, 2));
  expect(tree.needed(4)).toEqual([12, 6]);
  expect(tree.needed(1)).toEqual([]);
  expect(known(tree)).toEqual([0, 1, 2, 3, 4, 7, 8]);
});

describe("a tree of eight leaves refuses", () => {
  test.each<[string, [number, Uint8Array][], unknown]>([
    ["P-07 a leaf without its siblings", take(nodesOf(8), 7), badFormat],
    ["P-07 a chain with a gap", take(nodesOf(8), 7, 8, 2), badFormat],
    ["P-08 a wrong leaf", [...take(nodesOf(8), 8, 4, 2), [7, wrong]], badHash],
    ["P-09 two values for one node", [...take(nodesOf(8), 7, 8, 4, 2), [7, wrong]], badHash],
    ["P-10 a wrong node on the way", [...take(nodesOf(8), 7, 8, 4), [2, wrong]], badHash],
    ["P-10 a hash that is too short", [...take(nodesOf(8), 7, 8, 4), [2, wrong.subarray(1)]], badHash],
    ["P-12 another root", [...take(nodesOf(8), 7, 8, 4, 2), [0, wrong]], badHash],
    ["P-14 a node behind the last", [...take(nodesOf(8), 7, 8, 4, 2), [15, wrong]], badFormat],
    ["P-14 a node below 0", [[-1, wrong]], badFormat],
    ["P-14 a node between two", [[7.5, wrong]], badFormat],
    ["H-13 a right chain together with a wrong one", [...take(nodesOf(8), 7, 8, 4, 2, 14, 5), [13, wrong]], badHash],
    [
      "H-07 a chain of leaf 1 put in the place of leaf 0's",
      [[7, nodesOf(8)[8]!], ...take(nodesOf(8), 8, 4, 2)],
      badHash,
    ],
  ])("%s, and stays as it was", (_name, added, error) => {
    const { tree, nodes } = rooted(8);
    expect(() => tree.add(added)).toThrow(error);
    expect(known(tree)).toEqual([0]);
    tree.add(take(nodes, 7, 8, 4, 2));
    expect(tree.leaf(0)).toEqual(nodes[7]);
  });
});

test("P-11 a leaf whose siblings are all known comes by itself", () => {
  const { tree, nodes } = rooted(8);
  tree.add(take(nodes, 7, 8, 4, 2));
  expect(tree.leaf(1)).toEqual(nodes[8]);
  tree.add(take(nodes, 9, 10));
  expect(tree.leaf(3)).toEqual(nodes[10]);
});

test("P-12 a node that contradicts a known one", () => {
  const { tree, nodes } = rooted(8);
  tree.add(take(nodes, 7, 8, 4, 2));
  expect(() => tree.add([[8, wrong]])).toThrow(badHash);
  expect(tree.get(8)).toEqual(nodes[8]);
});

test("P-13 the first root is believed, another is not", () => {
  const tree = new HashTree(4);
  expect(() => tree.setRoot(wrong.subarray(1))).toThrow(badHash);
  tree.setRoot(wrong);
  tree.setRoot(wrong.slice());
  expect(() => tree.setRoot(new Uint8Array(32))).toThrow(badHash);
  expect(tree.get(0)).toEqual(wrong);
});

test("P-14 indexes that the tree does not have", () => {
  const { tree } = rooted(6);
  for (const call of [
    () => tree.leaf(6),
    () => tree.leaf(-1),
    () => tree.needed(6),
    () => tree.needed(0.5),
    () => tree.get(15),
    () => tree.get(-1),
  ]) {
    expect(call).toThrow(defect);
  }
});

test("P-15 ten thousand leaves at once", () => {
  const { tree, nodes } = rooted(10_000);
  tree.add(nodes.entries());
  expect(tree.leaf(9_999)).toEqual(nodes[tree.firstLeaf + 9_999]);
  expect(known(tree)).toHaveLength(tree.nodeCount);
});

test("P-16 levels", () => {
  expect(Array.from({ length: 15 }, (_, node) => levelOf(node))).toEqual([0, 1, 1, 2, 2, 2, 2, ...Array(8).fill(3)]);
});

test("nodes cannot be proven before there is a root", () => {
  expect(() => new HashTree(4).add(take(nodesOf(4), 3, 4, 2))).toThrow(defect);
});

test("a tree of one leaf: the root is the leaf", () => {
  const { tree, nodes } = rooted(1);
  expect(tree.leaf(0)).toEqual(nodes[0]);
  tree.add(take(nodes, 0));
  expect(() => tree.add([[0, wrong]])).toThrow(badHash);
});

test("what is added is copied", () => {
  const { tree, nodes } = rooted(2);
  const left = nodes[1]!.slice();
  tree.add([
    [1, left],
    [2, nodes[2]!],
  ]);
  left.fill(0);
  expect(tree.leaf(0)).toEqual(nodes[1]);
});

/** Which nodes a tree must know after an add, by closing the set step by step; undefined where it must refuse. */
function model(nodeCount: number, knownBefore: ReadonlySet<number>, added: readonly number[]): Set<number> | undefined {
  const all = new Set([...knownBefore, ...added]);
  for (let node = nodeCount - 1; node > 0; node--) {
    if (!all.has(node) || knownBefore.has(node)) continue;
    if (!all.has(node % 2 === 1 ? node + 1 : node - 1)) return undefined;
    all.add(Math.floor((node - 1) / 2));
  }
  return all;
}

test("any nodes in any order do as a naive model does, and one wrong bit anywhere changes nothing", () => {
  const scripts = fc.integer({ min: 1, max: 20 }).chain((leafCount) =>
    fc.record({
      leafCount: fc.constant(leafCount),
      adds: fc.array(
        fc.record({
          seeds: fc.array(fc.nat(), { maxLength: 4 }),
          complete: fc.boolean(),
          order: fc.nat(),
          flip: fc.option(fc.nat(), { freq: 3 }),
        }),
        { maxLength: 8 },
      ),
    }),
  );
  fc.assert(
    fc.property(scripts, ({ leafCount, adds }) => {
      const { tree, nodes } = rooted(leafCount);
      let expected = new Set([0]);
      for (const { seeds, complete, order, flip } of adds) {
        const leaves = seeds.map((seed) => seed % leafCount);
        const numbers = complete
          ? [...new Set(leaves.flatMap((leaf) => [tree.firstLeaf + leaf, ...tree.needed(leaf)]))]
          : seeds.map((seed) => seed % nodes.length);
        const shift = order % (numbers.length || 1);
        const entries = take(nodes, ...numbers.slice(shift), ...numbers.slice(0, shift));
        if (flip !== null && entries.length > 0) {
          const [node, hash] = entries[flip % entries.length]!;
          entries[flip % entries.length] = [node, hash.map((byte, i) => (i === flip % 32 ? byte ^ 1 : byte))];
          expect(() => tree.add(entries)).toThrow(
            expect.toSatisfy((e) => e.code === "BAD_HASH" || e.code === "BAD_FORMAT"),
          );
        } else {
          const next = model(tree.nodeCount, expected, numbers);
          if (next === undefined) expect(() => tree.add(entries)).toThrow(badFormat);
          else tree.add(entries);
          expected = next ?? expected;
        }
        expect(known(tree)).toEqual([...expected].sort((a, b) => a - b));
        for (const node of expected) expect(tree.get(node)).toEqual(nodes[node]);
      }
    }),
    { numRuns: 400 },
  );
});
