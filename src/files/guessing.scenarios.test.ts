import { beforeEach, expect, it } from "vitest";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, F1 } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
/** Shares are not asked for whole, and gaps are not read over: what is asked for is what is thought to be needed. */
const EXACT = { smallShareBytes: 0, gapBytes: 0 };

function server(grid: SimulatedGrid, index: number): SimulatedServer {
  return grid.servers[index] as SimulatedServer;
}

it("D-01 right guess, small file: one request a share", async () => {
  const grid = new SimulatedGrid(10);
  const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 1048576 });
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
  const counts = grid.servers.map(({ reads }) => reads.length);
  expect(counts).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
});

it("D-02 right guess, large file: all that the first segment needs is asked for at one moment", async () => {
  const grid = new SimulatedGrid(3);
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: 100, bandwidth: 1e9 });
  const { node } = await grid.put(patternBytes(3_500_000), { needed: 3, total: 3, maxSegmentSize: 1048576 });
  const reader = node.read({ length: 1000 }).getReader();
  await grid.clock.runUntil(reader.read());
  // One round trip for the share query, one for everything else.
  expect(grid.clock.now()).toBeLessThan(201);
  for (const { reads } of grid.servers) expect(reads.length).toBeLessThanOrEqual(5);
});

it("D-18 what was asked for on a guess is waited for, though other servers were faster of late", async () => {
  const grid = new SimulatedGrid(10);
  const open = async (latencyOf: (index: number) => number) => {
    for (const [i, { behaviour }] of grid.servers.entries()) behaviour.latency = latencyOf(i);
    const { node } = await grid.put(patternBytes(20_000, grid.clock.now()), {
      needed: 3,
      total: 10,
      maxSegmentSize: 1048576,
    });
    const began = grid.clock.now();
    await bytesOf(grid, node);
    return grid.clock.now() - began;
  };
  for (let round = 0; round < 10; round++) {
    await open((i) => 5 + ((7 * (i + round)) % 10));
    // The first share is open, and its server known to be far now, before the others' answers are here.
    expect(await open((i) => 100 + ((3 * (i + round)) % 10))).toBeLessThan(2 * 110);
  }
});

it("D-18 a large guess that was wrong is not waited for where another share is sooner", async () => {
  const grid = new SimulatedGrid(2);
  const [slow, fast] = [server(grid, 0), server(grid, 1)];
  Object.assign(slow.behaviour, { latency: 30, bandwidth: 500 });
  Object.assign(fast.behaviour, { latency: 60, bandwidth: 20_000 });
  const put = (seed: number, place: (shareNumber: number) => number[]) =>
    grid.put(
      patternBytes(400_000),
      { needed: 1, total: 2, maxSegmentSize: 30_000, key: patternBytes(16, seed) },
      place,
    );
  // Their speeds are known then.
  for (const index of [0, 1]) {
    const { node } = await put(1 + index, (n) => (n === 0 ? [index] : []));
    await bytesOf(grid, node);
  }
  const { node } = await put(3, (n) => [n]);
  const began = grid.clock.now();
  const reader = node.read({ length: 100_000 }).getReader();
  await grid.clock.runUntil(reader.read());
  expect(grid.clock.now() - began).toBeLessThan(300);
  await grid.clock.runUntil(reader.cancel());
});

it.each([
  ["D-03 guess too small", 310, 90, 180, 20],
  ["D-04 guess too large", 70, 312, 70, 20],
  ["D-05 wrong guess, offset 0", 70, 312, 0, 20],
  ["D-06 old and new segment sizes", 60, 120, 290, 10],
  ["D-10 a guess of one segment for each byte", 120, 3, 305, 5],
])("%s: the right bytes, without a second look", async (_name, segmentSize, guess, offset, length) => {
  for (const limits of [EXACT, {}]) {
    const grid = new SimulatedGrid(10, { ...limits, segmentSizeGuesses: [guess] });
    for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: 100, bandwidth: 1e9 });
    const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: segmentSize });
    expect(await bytesOf(grid, node, { offset, length })).toEqual(
      Buffer.from(plaintext.subarray(offset, offset + length)),
    );
    // Query; header and what was guessed; UEB and chain; the segment's hashes and blocks: never a retry.
    expect(grid.clock.now()).toBeLessThan(501);
  }
});

it.each([
  ["D-07 two bad guesses at once", 1048576],
  ["D-08 two good guesses at once", 70],
])("%s", async (_name, guess) => {
  const grid = new SimulatedGrid(10, { ...EXACT, segmentSizeGuesses: [guess] });
  const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 70 });
  const reads = [70, 140, 300].map((offset) => collect(node.read({ offset, length: 20 })));
  const parts = await grid.clock.runUntil(Promise.all(reads));
  expect(parts).toEqual([70, 140, 300].map((offset) => Buffer.from(plaintext.subarray(offset, offset + 20))));
});

it("D-09 sequential good guesses: the second read asks for no hash that is known", async () => {
  const large = patternBytes(30_000);
  const grid = new SimulatedGrid(3, { ...EXACT, segmentSizeGuesses: [6000] });
  const { node, shares } = await grid.put(large, { needed: 3, total: 3, maxSegmentSize: 6000 });
  expect(await bytesOf(grid, node, { offset: 12_000, length: 20 })).toEqual(
    Buffer.from(large.subarray(12_000, 12_020)),
  );
  for (const { reads } of grid.servers) reads.length = 0;
  expect(await bytesOf(grid, node, { offset: 24_000, length: 20 })).toEqual(
    Buffer.from(large.subarray(24_000, 24_020)),
  );
  const { dataOffset } = parseShareLayout(shares.get(0) as Uint8Array);
  for (const { reads } of grid.servers) {
    expect(reads.map(({ offset, length }) => [offset, length])).toEqual([[dataOffset + 8000, 2000]]);
  }
});

it("S4 D-11 several readers of different places start before anything is known of the file", async () => {
  const grid = new SimulatedGrid(10, { ...EXACT, segmentSizeGuesses: [310] });
  for (const [i, { behaviour }] of grid.servers.entries()) behaviour.latency = 10 + 7 * i;
  const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 30 });
  const offsets = [309, 0, 150, 31, 299];
  const reads = offsets.map((offset) => collect(node.read({ offset, length: 31 })));
  const parts = await grid.clock.runUntil(Promise.all(reads));
  expect(parts).toEqual(offsets.map((offset) => Buffer.from(plaintext.subarray(offset, offset + 31))));
});

it("S4 D-13 late share rescue: the four servers that came first are lost, six that come later bring the rest", async () => {
  const grid = new SimulatedGrid(10, { ...EXACT, windowStart: 1, windowMost: 60 });
  for (const { behaviour } of grid.servers.slice(4)) behaviour.latency = 2500;
  const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 60 });
  const reader = node.read().getReader();
  const parts: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await grid.clock.runUntil(reader.read());
    if (done) break;
    parts.push(value);
    if (parts.length > 1) continue;
    for (const { behaviour } of grid.servers.slice(0, 4)) {
      Object.assign(behaviour, { statusOnRead: 500, statusOnList: 500 });
    }
  }
  expect(Buffer.concat(parts)).toEqual(Buffer.from(plaintext));
  expect(parts.map(({ length }) => length)).toEqual([60, 60, 60, 60, 60, 10]);
});

it("D-16 a file of one segment needs no byte of the hash trees: the share hash chain has its leaf", async () => {
  const grid = new SimulatedGrid(3, { ...EXACT, segmentSizeGuesses: [1048576], uebGuessBytes: 400 });
  const { node, shares } = await grid.put(plaintext, { needed: 3, total: 3, maxSegmentSize: 1048576 });
  const layout = parseShareLayout(shares.get(0) as Uint8Array);
  for (const one of grid.servers) {
    one.behaviour.tamper = (_number, offset, bytes) => {
      const damaged = Uint8Array.from(bytes);
      for (let i = 0; i < damaged.length; i++) {
        const at = offset + i;
        if (at >= layout.ciphertextTreeOffset && at < layout.chainOffset) damaged[i] = 255;
      }
      return damaged;
    };
  }
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
  for (const { reads } of grid.servers) {
    const trees = reads.filter(({ offset }) => offset >= layout.ciphertextTreeOffset && offset < layout.chainOffset);
    expect(trees).toEqual([]);
  }
});

it("D-13 a share that turns up when the file is half read serves as any other", async () => {
  const grid = new SimulatedGrid(4, { windowStart: 1, windowMost: 60, ...EXACT });
  const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 60 }, (n) => (n < 4 ? [n] : []));
  server(grid, 3).behaviour.latency = 1000;
  const reader = node.read().getReader();
  const first = await grid.clock.runUntil(reader.read());
  for (const { behaviour } of grid.servers.slice(0, 1)) behaviour.statusOnRead = 500;
  const rest: Uint8Array[] = [first.value as Uint8Array];
  for (;;) {
    const { done, value } = await grid.clock.runUntil(reader.read());
    if (done) break;
    rest.push(value);
  }
  expect(Buffer.concat(rest)).toEqual(Buffer.from(plaintext));
  expect(server(grid, 3).reads.length).toBeGreaterThan(0);
});

it("D-19 the next file of a grid is asked for as the one before was cut up: in one round trip, and without a block on another guess", async () => {
  const grid = new SimulatedGrid(3);
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: 100, bandwidth: 1e9 });
  const first = async (seed: number) => {
    const { node } = await grid.put(patternBytes(3_500_000, seed), { needed: 3, total: 3, maxSegmentSize: 131072 });
    const before = { at: grid.clock.now(), bytes: grid.requests.bytes };
    const reader = node.read({ offset: 2_000_000, length: 1 }).getReader();
    await grid.clock.runUntil(reader.read());
    await reader.cancel();
    return { ms: grid.clock.now() - before.at, bytes: grid.requests.bytes - before.bytes };
  };
  expect((await first(1)).bytes).toBeGreaterThan(1_048_576);
  const next = await first(2);
  expect(next.bytes).toBeLessThan(1.2 * 131_072);
  expect(next.ms).toBeLessThan(201);
});
