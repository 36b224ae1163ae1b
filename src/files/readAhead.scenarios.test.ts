import { beforeEach, describe, expect, it } from "vitest";
import { HugeFile } from "./testing/HugeFile.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const MiB = 2 ** 20;
const file = new HugeFile(30, []);
const HASH_PAGE = 8192;

async function read(latency: number, offset: number, length: number): Promise<{ ms: number; grid: SimulatedGrid }> {
  const grid = new SimulatedGrid(4);
  file.serveOn(grid);
  for (const { behaviour } of grid.servers) behaviour.latency = latency;
  const node = grid.nodes.open(file.cap);
  const began = grid.clock.now();
  const bytes = await bytesOf(grid, node, { offset, length });
  expect(bytes.length).toBe(length);
  return { ms: grid.clock.now() - began, grid };
}

const lengths = ({ servers }: SimulatedGrid): number[] =>
  servers.flatMap(({ reads }) => reads.map((one) => one.length));

describe("reading in order", () => {
  it("bridges long round trips: two to begin, two until the window is wide, then 8 MiB and more in each", async () => {
    const ROUND_TRIP = 100;
    const { ms } = await read(ROUND_TRIP, 0, 64 * MiB);
    expect(ms / ROUND_TRIP).toBeLessThanOrEqual(2 + 2 + 64 / 8);
  });

  it("takes fewer requests than there are MiB, those for hash pages included", async () => {
    for (const latency of [2, 100]) {
      const { grid } = await read(latency, 0, 64 * MiB);
      expect(lengths(grid).length, `${latency} ms`).toBeLessThan(64);
    }
  });

  it("asks for hash pages in runs, a reader who jumps for one at a time", async () => {
    const { grid } = await read(10, 0, 48 * MiB);
    expect(lengths(grid).filter((length) => length > HASH_PAGE && length <= 4 * HASH_PAGE).length).toBeGreaterThan(0);
    const node = grid.nodes.open(file.cap);
    for (const { reads } of grid.servers) reads.length = 0;
    for (let offset = 300 * MiB; offset < 1024 * MiB; offset += 64 * MiB) {
      await bytesOf(grid, node, { offset, length: 1 });
    }
    // A block each from two shares, and a page of two trees each from two.
    const isBlock = (length: number): boolean => length === file.geometry.blockLength;
    expect(
      lengths(grid)
        .filter((length) => !isBlock(length))
        .every((length) => length === HASH_PAGE),
    ).toBe(true);
  });
});
