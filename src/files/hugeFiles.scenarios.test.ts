import { beforeEach, expect, it } from "vitest";
import type { FileNode } from "./FileNode.ts";
import { HugeFile } from "./testing/HugeFile.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, codeOf, F1, flip } from "./testing/scenario.ts";
import { changeField } from "./testing/shareFields.ts";

beforeEach(() => installSynchronousCrypto());

function open(file: HugeFile): { grid: SimulatedGrid; node: FileNode } {
  const grid = new SimulatedGrid(4);
  file.serveOn(grid);
  return { grid, node: grid.nodes.open(file.cap) };
}

async function expectRight(file: HugeFile, offsets: readonly number[], length = 48): Promise<void> {
  const { grid, node } = open(file);
  for (const offset of offsets) {
    const got = await bytesOf(grid, node, { offset, length });
    const expected = file.plaintext(offset, Math.min(length, file.size - offset));
    expect(got.equals(expected), `${length} bytes from ${offset} on`).toBe(true);
  }
}

it.each([31, 32, 33, 36])("S9 Q-02 offsets around 2^%i", async (power) => {
  const boundary = 2 ** power;
  const file = new HugeFile(power + 1, [boundary - 1, boundary, boundary + 131072]);
  expect(file.layout.version).toBe(file.layout.uebOffset < 2 ** 32 ? 1 : 2);
  await expectRight(file, [boundary - 24, boundary - 1, boundary, boundary + 1, boundary + 131072 - 1, file.size - 40]);
});

it("S9 Q-01 Q-02 a file of 2^53-1 bytes, to its last byte", async () => {
  const file = new HugeFile(53, [2 ** 32, 2 ** 52 - 1, 2 ** 52]);
  const last = Number.MAX_SAFE_INTEGER;
  expect(file.size).toBe(last);
  await expectRight(file, [last - 1, last - 131071 - 5, 2 ** 52 - 20, 2 ** 52 + 3, 2 ** 32 + 1, 0]);
});

it("Q-05 the cipher's counter goes beyond 2^32 blocks, which is 64 GiB", async () => {
  const file = new HugeFile(37, [2 ** 36 - 1, 2 ** 36]);
  const { grid, node } = open(file);
  const bytes = await bytesOf(grid, node, { offset: 2 ** 36 - 100, length: 200 });
  expect(bytes.equals(file.plaintext(2 ** 36 - 100, 200))).toBe(true);
  // Had the counter started again, these would be the file's first bytes' keystream over the same zeroes.
  const after = await bytesOf(grid, node, { offset: 2 ** 36 + 131072, length: 16 });
  expect(after.equals(await bytesOf(grid, node, { offset: 131072, length: 16 }))).toBe(false);
});

it("Q-06 seeking to the end of 2^53-1 bytes takes few requests, and few bytes", async () => {
  const file = new HugeFile(53, []);
  const { grid, node } = open(file);
  await bytesOf(grid, node, { offset: file.size - 10 });
  const reads = grid.servers.flatMap((server) => server.reads);
  expect(reads.length).toBeLessThan(80);
  expect(reads.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(2 ** 21); // mostly two blocks of the larger segments that were guessed
  for (const server of grid.servers) server.reads.length = 0;
  await bytesOf(grid, node, { offset: file.size - 131071 - 10, length: 5 });
  // The next segment's hashes are on pages that are here: one block from each of two shares.
  expect(grid.servers.flatMap((server) => server.reads)).toHaveLength(2);
});

it("Q-07 what is asked for and not yet consumed stays within the window, however long the file", async () => {
  const file = new HugeFile(40, []);
  // The right guess: what is asked for on a wrong one is never consumed.
  const grid = new SimulatedGrid(4, { windowStart: 2 ** 19, windowMost: 2 ** 21, segmentSizeGuesses: [2 ** 17] });
  file.serveOn(grid);
  const reader = grid.nodes.open(file.cap).read().getReader();
  let consumed = 0;
  for (let i = 0; i < 40; i++) {
    consumed += (await grid.clock.runUntil(reader.read())).value?.length as number;
    await grid.clock.run(1000);
    const asked = grid.servers.flatMap(({ reads }) => reads).reduce((sum, { length }) => sum + length, 0);
    expect(asked - consumed).toBeLessThan(2 ** 21 + 2 ** 19);
  }
  await reader.cancel();
  await grid.clock.run(1000);
  expect(grid.pendingTimers).toBe(0);
});

it("Q-08 the largest numbers there are, as offset and as length", async () => {
  const grid = new SimulatedGrid(10);
  const plaintext = patternBytes(310);
  const { node } = await grid.put(plaintext, F1);
  const most = Number.MAX_SAFE_INTEGER;
  expect(await bytesOf(grid, node, { offset: 300, length: most })).toEqual(Buffer.from(plaintext.subarray(300)));
  expect(await bytesOf(grid, node, { offset: most, length: most })).toHaveLength(0);
  for (const { reads } of grid.servers) {
    for (const { offset, length } of reads) expect(offset + length).toBeLessThan(100_000);
  }
});

it("Q-03 version 2 shares of a small file", async () => {
  const grid = new SimulatedGrid(10);
  const plaintext = patternBytes(310);
  const { node } = await grid.put(plaintext, { ...F1, version: 2 });
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
});

it.each(["data", "ciphertextTree", "blockTree", "chain", "ueb"] as const)(
  "Q-04 a %s offset beyond 2^53-1 drops the share and is not rounded",
  async (field) => {
    const grid = new SimulatedGrid(10);
    const plaintext = patternBytes(310);
    const file = await grid.put(plaintext, { ...F1, version: 2 }, (n) => (n < 3 ? [n] : []));
    const share = file.shares.get(2) as Uint8Array;
    // Rounded to a number, 2^64 + the right offset would be taken for a near one; so would its low 53 bits.
    const wrong = changeField(share, field, (value) => value + (1n << 53n));
    grid.servers[2]?.hold(file.storageIndexText, 2, wrong);
    expect(await codeOf(grid, file.node)).toBe("NOT_ENOUGH_SHARES");
    grid.servers[3]?.hold(file.storageIndexText, 3, flip(file.shares.get(3) as Uint8Array, 5));
    expect(await codeOf(grid, file.node)).toBe("none");
  },
);
