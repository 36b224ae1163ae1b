import { beforeEach, expect, it } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { CHAIN_ENTRY_LENGTH } from "../formats/ShareHashChain.ts";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import { netstring } from "../hashing/netstring.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, damage, F1 } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

it.each([51, 74, 75, 76, 99, 100, 101, 124, 125])(
  "A-19 size grid: %i bytes, 25-of-100, segments of 25",
  async (size) => {
    const grid = new SimulatedGrid(20);
    const plaintext = patternBytes(size);
    const { node, shares, geometry } = await grid.put(plaintext, { needed: 25, total: 100, maxSegmentSize: 25 });
    expect(geometry.treeWidth).toBe(size > 100 ? 8 : 4);
    const layout = parseShareLayout(shares.get(0) as Uint8Array);
    expect(layout.uebOffset - layout.chainOffset).toBe(8 * CHAIN_ENTRY_LENGTH);
    expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
    const part = await bytesOf(grid, node, { offset: 49, length: 2 });
    expect(part).toEqual(Buffer.from(plaintext.subarray(49, 51)));
  },
);

// Share lengths as the reference implementation makes them.
it.each([
  [1, 1, 1000, 1483],
  [1, 10, 1000, 1622],
  [10, 10, 1001, 728],
  [3, 255, 1000, 1097],
  [3, 256, 1000, 1097],
  [255, 256, 1000, 773],
  [256, 256, 1000, 773],
  [22, 66, 135, 730],
])("A-20 encoding grid: %i-of-%i, %i bytes", async (needed, total, size, shareLength) => {
  const grid = new SimulatedGrid(10);
  const plaintext = patternBytes(size);
  const { node, shares } = await grid.put(plaintext, { needed, total, maxSegmentSize: 1048576 });
  expect(shares.get(total - 1)).toHaveLength(shareLength);
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
});

it.each([56, 57, 58])("A-21 smallest CHK: %i bytes, one segment, a tree of one node", async (size) => {
  const grid = new SimulatedGrid(10);
  const plaintext = patternBytes(size);
  const { node, geometry } = await grid.put(plaintext, { needed: 3, total: 10, maxSegmentSize: 1048576 });
  expect(geometry.treeWidth).toBe(1);
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
});

it("A-22 unaligned decryption, in the first block and far in", async () => {
  const grid = new SimulatedGrid(3);
  const plaintext = patternBytes(2 ** 20 + 100);
  const { node } = await grid.put(plaintext, { needed: 1, total: 1, maxSegmentSize: 131072 });
  for (const offset of [1, 15, 16, 17, 131071, 131072, 2 ** 20 + 5]) {
    const bytes = await bytesOf(grid, node, { offset, length: 40 });
    expect(bytes, String(offset)).toEqual(Buffer.from(plaintext.subarray(offset, offset + 40)));
  }
});

it("A-23 the same data from every three of the ten shares", async () => {
  const plaintext = patternBytes(310);
  for (let a = 0; a < 10; a++) {
    for (let b = a + 1; b < 10; b++) {
      for (let c = b + 1; c < 10; c++) {
        const grid = new SimulatedGrid(10);
        const { node } = await grid.put(plaintext, F1, (n) => (n === a || n === b || n === c ? [n] : []));
        expect(Buffer.compare(await bytesOf(grid, node), plaintext), `${a}, ${b}, ${c}`).toBe(0);
      }
    }
  }
});

it("A-24 H-01 G-16 an old share set: chains in another order, a UEB with hashes of the plaintext", async () => {
  const hash = new Uint8Array(32).fill(7);
  const old = [utf8("plaintext_hash:"), netstring(hash), utf8("plaintext_root_hash:"), netstring(hash)];
  const grid = new SimulatedGrid(10);
  const plaintext = patternBytes(310);
  const { node, storageIndexText } = await grid.put(plaintext, {
    ...F1,
    mangleUeb: (ueb) => concatBytes([...old, ueb]),
  });
  damage(grid, storageIndexText, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (share) => {
    const { chainOffset, uebOffset } = parseShareLayout(share);
    const entries = Array.from({ length: 5 }, (_, i) => {
      const at = chainOffset + i * CHAIN_ENTRY_LENGTH;
      return share.subarray(at, at + CHAIN_ENTRY_LENGTH);
    });
    // Leaf, its neighbour, …: 16, 8, 2, 4, 15 were seen in a share of 2008.
    const reordered = [4, 2, 0, 1, 3].map((i) => entries[i] as Uint8Array);
    return concatBytes([share.subarray(0, chainOffset), ...reordered, share.subarray(uebOffset)]);
  });
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
});

it("J-04 tail trim: every tail length, from one byte to a whole segment", async () => {
  for (let size = 56; size <= 56 + 24; size++) {
    const grid = new SimulatedGrid(10);
    const plaintext = patternBytes(size);
    const { node } = await grid.put(plaintext, { needed: 3, total: 10, maxSegmentSize: 12 });
    expect(Buffer.compare(await bytesOf(grid, node), plaintext), String(size)).toBe(0);
  }
});

it("D-17 segment size is per-file truth: two files of one size, read in turns", async () => {
  const grid = new SimulatedGrid(10, { smallShareBytes: 0 });
  const key = Uint8Array.from({ length: 16 }, () => 9);
  const [one, other] = [patternBytes(310, 1), patternBytes(310, 2)];
  const { node: first } = await grid.put(one, F1);
  const { node: second } = await grid.put(other, { ...F1, maxSegmentSize: 60, key });
  for (const offset of [130, 250, 0]) {
    const range = { offset, length: 60 };
    expect(await bytesOf(grid, first, range)).toEqual(Buffer.from(one.subarray(offset, offset + 60)));
    expect(await bytesOf(grid, second, range)).toEqual(Buffer.from(other.subarray(offset, offset + 60)));
  }
});
