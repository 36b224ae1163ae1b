import { beforeEach, describe, expect, it } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import type { GridError } from "../base/GridError.ts";
import { CHAIN_ENTRY_LENGTH } from "../formats/ShareHashChain.ts";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import type { FileNode } from "./FileNode.ts";
import { encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";
import { withChain } from "./testing/shareFields.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);
const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
// Nodes of share 2's chain in F1, as encodeShares stores them: ascending. Share 2's own leaf is node 17.
const CHAIN_OF_2 = [2, 4, 7, 17, 18];

type Change = (share: Uint8Array) => Uint8Array;

async function f1(shareCount: number): Promise<{ grid: SimulatedGrid; node: FileNode; storageIndexText: string }> {
  const grid = new SimulatedGrid(10);
  const { node, storageIndexText } = await grid.put(plaintext, F1, (n) => (n < shareCount ? [n] : []));
  return { grid, node, storageIndexText };
}

async function expectDropped(change: Change): Promise<void> {
  for (const shareCount of [3, 4]) {
    const { grid, node, storageIndexText } = await f1(shareCount);
    damage(grid, storageIndexText, [2], change);
    const { bytes, code } = await outcomeOf(grid, node);
    expect(code).toBe(shareCount === 3 ? "NOT_ENOUGH_SHARES" : "none");
    if (shareCount === 4) expect(bytes).toEqual(whole);
    else expect(bytes).toHaveLength(0);
    expect(grid.clock.now()).toBeLessThan(1000);
  }
}

/** Changes the entry of one node in share 2's chain. */
function entry(node: number, change: (entry: Uint8Array) => Uint8Array): Change {
  const index = CHAIN_OF_2.indexOf(node);
  return (share) =>
    withChain(share, (chain) => {
      const start = index * CHAIN_ENTRY_LENGTH;
      const end = start + CHAIN_ENTRY_LENGTH;
      return concatBytes([chain.subarray(0, start), change(chain.subarray(start, end)), chain.subarray(end)]);
    });
}

function renumber(node: number): (entry: Uint8Array) => Uint8Array {
  return (bytes) => concatBytes([Uint8Array.of(Math.floor(node / 256), node % 256), bytes.subarray(2)]);
}

it.each([
  ["H-02 a node number just beyond the tree", entry(18, renumber(31))],
  ["H-02 a node number far beyond the tree", entry(18, renumber(65535))],
  ["H-03 another valid node number", entry(18, renumber(16))],
  ["H-03 the number of the root", entry(2, renumber(0))],
  ["H-04 own leaf's hash", entry(17, (bytes) => flip(bytes, 20))],
  ["H-04 a sibling's hash", entry(18, (bytes) => flip(bytes, 33))],
  ["H-04 the hash under the root", entry(2, (bytes) => flip(bytes, 2, 0x80))],
  ["H-05 an entry missing", entry(18, () => new Uint8Array(0))],
  ["H-05 an entry twice and another missing", entry(18, renumber(7))],
  ["H-06 own leaf missing", entry(17, () => new Uint8Array(0))],
  ["H-06 no entry at all", (share) => withChain(share, () => new Uint8Array(0))],
  ["H-05 more entries than a chain can have", (share) => withChain(share, (chain) => concatBytes([chain, chain]))],
] as [string, Change][])("%s: the share is dropped, a spare serves", (_name, change) => expectDropped(change));

it("H-06 the chain of another share: it proves that one's root, not this one's", async () => {
  const { shares } = await encodeShares(plaintext, F1);
  const { chainOffset, uebOffset } = parseShareLayout(shares.get(9) as Uint8Array);
  await expectDropped((share) => withChain(share, () => (shares.get(9) as Uint8Array).slice(chainOffset, uebOffset)));
});

it("H-07 the right file's share under a wrong number is dropped: it does not prove that number", async () => {
  const { shares } = await encodeShares(plaintext, F1);
  await expectDropped(() => shares.get(5) as Uint8Array);
});

it("H-06 H-07 in a file of one segment, where no page of the block tree would show it, too", async () => {
  const options = { ...F1, maxSegmentSize: 1048576 };
  const { shares } = await encodeShares(plaintext, options);
  const { chainOffset, uebOffset } = parseShareLayout(shares.get(9) as Uint8Array);
  const chainOf9 = (shares.get(9) as Uint8Array).slice(chainOffset, uebOffset);
  for (const change of [() => shares.get(9) as Uint8Array, (share: Uint8Array) => withChain(share, () => chainOf9)]) {
    for (const shareCount of [3, 4]) {
      const grid = new SimulatedGrid(10);
      const { node, storageIndexText } = await grid.put(plaintext, options, (n) => (n < shareCount ? [n] : []));
      damage(grid, storageIndexText, [2], change);
      expect(await codeOf(grid, node)).toBe(shareCount === 3 ? "NOT_ENOUGH_SHARES" : "none");
    }
  }
});

it("H-08 another file's share under the right number is dropped", async () => {
  const { shares } = await encodeShares(patternBytes(310, 99), { ...F1, key: new Uint8Array(16) });
  await expectDropped(() => shares.get(2) as Uint8Array);
});

describe("nodes of the hash trees", () => {
  const node = (section: "blockTreeOffset" | "ciphertextTreeOffset", number: number): Change => {
    return (share) => flip(share, parseShareLayout(share)[section] + 32 * number + 5);
  };

  it.each([0, 1, 2])("H-09 node %i is never used: damage has no effect, in all shares", async (number) => {
    for (const section of ["blockTreeOffset", "ciphertextTreeOffset"] as const) {
      const { grid, node: file, storageIndexText } = await f1(3);
      damage(grid, storageIndexText, [0, 1, 2], node(section, number));
      expect(await bytesOf(grid, file)).toEqual(whole);
    }
  });

  it.each([3, 4, 5, 6])("H-10 node %i of the block tree: the share is dropped for all segments", async (number) => {
    await expectDropped(node("blockTreeOffset", number));
    const { grid, node: file, storageIndexText } = await f1(4);
    damage(grid, storageIndexText, [2], node("blockTreeOffset", number));
    await bytesOf(grid, file, { length: 1 });
    const server = grid.servers[2] as SimulatedServer;
    const before = server.counts.reads;
    expect(await bytesOf(grid, file)).toEqual(whole);
    expect(server.counts.reads).toBe(before);
  });

  it.each([3, 4, 5, 6])("H-11 H-14 node %i of the ciphertext tree, in the share that comes first", async (number) => {
    const { grid, node: file, storageIndexText } = await f1(4);
    damage(grid, storageIndexText, [2], node("ciphertextTreeOffset", number));
    (grid.servers[2] as SimulatedServer).behaviour.latency = 1;
    expect(await bytesOf(grid, file)).toEqual(whole);
  });

  it.each([3, 4, 5, 6])("H-12 J-05 node %i of the ciphertext tree, in all shares: no byte comes", async (number) => {
    const { grid, node: file, storageIndexText } = await f1(10);
    damage(grid, storageIndexText, ALL, node("ciphertextTreeOffset", number));
    const { pieces, error } = await outcomeOf(grid, file);
    expect(pieces).toEqual([]);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    const outcomes = (error as GridError<"NOT_ENOUGH_SHARES">).details.servers.map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => /ciphertext hash tree/.test(outcome)).length).toBeGreaterThanOrEqual(8);
  });
});

it("H-13 H-14 a chain that is refused leaves nothing behind: good shares prove themselves after it", async () => {
  const { grid, node, storageIndexText } = await f1(6);
  for (const n of [0, 1, 2]) {
    damage(grid, storageIndexText, [n], (share) => withChain(share, (chain) => flip(chain, 3)));
    (grid.servers[n] as SimulatedServer).behaviour.latency = 1;
  }
  expect(await bytesOf(grid, node)).toEqual(whole);
});

it("H-15 hashes that are known are not asked for: later segments cost their blocks alone", async () => {
  const grid = new SimulatedGrid(3, { smallShareBytes: 0, gapBytes: 0 });
  const { node } = await grid.put(plaintext, F1, (n) => (n < 3 ? [n] : []));
  await bytesOf(grid, node, { length: 1 });
  for (const { reads } of grid.servers) reads.length = 0;
  await bytesOf(grid, node, { offset: 120, length: 1 });
  await bytesOf(grid, node, { offset: 240, length: 1 });
  for (const { reads } of grid.servers) {
    expect(reads.map(({ offset, length }) => [offset, length])).toEqual([
      [36 + 40, 40],
      [36 + 80, 24],
    ]);
  }
});

describe("H-16 reports of corruption", () => {
  async function readWithBadShare(prepare: (server: SimulatedServer) => void = () => {}) {
    const { grid, node, storageIndexText } = await f1(10);
    damage(grid, storageIndexText, [0], (share) => flip(share, 40));
    damage(grid, storageIndexText, [1], (share) => flip(share, 3, 8));
    for (const n of [0, 1]) {
      (grid.servers[n] as SimulatedServer).behaviour.latency = 1;
      prepare(grid.servers[n] as SimulatedServer);
    }
    for (let i = 0; i < 3; i++) expect(await bytesOf(grid, node)).toEqual(whole);
    return grid;
  }

  it("H-16 go to the server that served it, once, and say which check failed", async () => {
    const grid = await readWithBadShare();
    const [bad, worse, ...others] = grid.servers.map(({ reports }) => reports);
    expect(bad).toEqual([{ shareNumber: 0, reason: expect.stringMatching(/block 0/) }]);
    expect(worse).toEqual([{ shareNumber: 1, reason: expect.stringMatching(/version/) }]);
    expect(others.flat()).toEqual([]);
  });

  it("H-16 change nothing for the reader when the server refuses them or never answers", async () => {
    await readWithBadShare((server) => {
      server.reportCorruption = async () => {
        throw new Error("no such share");
      };
    });
    const grid = await readWithBadShare((server) => {
      server.reportCorruption = (_si, _number, _reason, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
    });
    expect(grid.pendingTimers).toBe(0);
    expect(await codeOf(grid, (await grid.put(plaintext, F1)).node)).toBe("none");
  });
});
