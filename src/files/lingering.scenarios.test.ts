import { beforeEach, describe, expect, it } from "vitest";
import type { FileNode } from "./FileNode.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const SEGMENT = 1_200;
const LINGER = 300;
const plaintext = patternBytes(100 * SEGMENT);

/** A file that was read before, of which a segment takes 100 ms. */
async function stage(): Promise<{ grid: SimulatedGrid; node: FileNode }> {
  const limits = {
    linger: LINGER,
    lingerBytes: 2 * SEGMENT,
    windowStart: 1,
    windowMost: 1,
    smallShareBytes: 0,
    gapBytes: 0,
  };
  const grid = new SimulatedGrid(3, limits);
  const { node } = await grid.put(plaintext, { needed: 2, total: 3, maxSegmentSize: SEGMENT });
  for (const { behaviour } of grid.servers) behaviour.bandwidth = SEGMENT / 2 / 90;
  // So that hashes and headers are here.
  for (const segment of [0, 50, 90]) await bytesOf(grid, node, { offset: segment * SEGMENT, length: 1 });
  return { grid, node };
}

/** Reads a segment and leaves when half of it is here. */
async function leaveHalfway(grid: SimulatedGrid, node: FileNode, segment: number): Promise<void> {
  const reader = node.read({ offset: segment * SEGMENT, length: 1 }).getReader();
  void reader.read();
  await grid.clock.run(50);
  await reader.cancel();
}

describe("what is half here when the last reader leaves", () => {
  it("is taken over by the next one: nothing is asked for twice", async () => {
    const { grid, node } = await stage();
    const { reads } = grid.requests;
    await leaveHalfway(grid, node, 50);
    const bytes = await bytesOf(grid, node, { offset: 50 * SEGMENT, length: 10 });
    expect(bytes).toEqual(Buffer.from(plaintext.subarray(50 * SEGMENT, 50 * SEGMENT + 10)));
    expect(grid.requests.reads - reads).toBe(2);
    expect([grid.inFlight, grid.pendingTimers]).toEqual([0, 0]);
  });

  it("ends by itself, soon, if it does not come to its end before", async () => {
    const { grid, node } = await stage();
    for (const { behaviour } of grid.servers) behaviour.hangsOnRead = true;
    await leaveHalfway(grid, node, 50);
    expect(grid.inFlight).toBeGreaterThan(0);
    await grid.clock.run(LINGER);
    expect([grid.inFlight, grid.pendingTimers, grid.memory.takenCount]).toEqual([0, 0, 0]);
  });

  it("is no more than the bound says, however many leave", async () => {
    const { grid, node } = await stage();
    for (const { behaviour } of grid.servers) behaviour.hangsOnRead = true;
    const readers = [10, 30, 60, 80].map((segment) => node.read({ offset: segment * SEGMENT, length: 1 }).getReader());
    for (const reader of readers) void reader.read();
    await grid.clock.run(50);
    const { inFlight } = grid;
    for (const reader of readers) await reader.cancel();
    await grid.clock.run(0);
    expect(grid.inFlight).toBe(inFlight / 2);
    await grid.clock.run(LINGER);
    expect(grid.inFlight).toBe(0);
  });

  it("is called off at once when the next one reads elsewhere", async () => {
    const { grid, node } = await stage();
    await leaveHalfway(grid, node, 50);
    const { bytes } = grid.requests;
    await bytesOf(grid, node, { offset: 90 * SEGMENT, length: 1 });
    expect(grid.requests.bytes - bytes).toBeLessThan(1.5 * SEGMENT);
    expect([grid.inFlight, grid.pendingTimers]).toEqual([0, 0]);
  });
});
