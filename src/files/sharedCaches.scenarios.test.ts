import { beforeEach, describe, expect, it } from "vitest";
import type { ByteRange } from "../base/range.ts";
import { HugeFile } from "./testing/HugeFile.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { Random } from "./testing/random.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { behave } from "./testing/SimulatedServer.ts";
import { bytesOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const MiB = 2 ** 20;
const file = new HugeFile(25, []);
const WHOLE = { offset: 0, length: file.size };

/** What a reader who knows nothing asks of servers behind a shared cache: the size of each request by what it is for. */
async function askedBy(latencies: readonly number[], ranges: readonly ByteRange[]): Promise<Map<string, number>> {
  const grid = new SimulatedGrid(4);
  for (const [i, latency] of latencies.entries()) behave(grid.servers.slice(i, i + 1), { latency, cache: new Set() });
  return askedOf(grid, file, ranges);
}

async function askedOf(
  grid: SimulatedGrid,
  file: HugeFile,
  ranges: readonly ByteRange[],
): Promise<Map<string, number>> {
  file.serveOn(grid);
  const node = grid.nodes.open(file.cap);
  for (const range of ranges) await bytesOf(grid, node, range);
  return new Map(
    grid.servers.flatMap(({ id, reads }) =>
      reads.map(({ shareNumber, offset, length }) => [`${id} ${shareNumber} ${offset}+${length}`, length] as const),
    ),
  );
}

/** How much of what the second one asks for the cache has got for the first. */
function hits(first: ReadonlyMap<string, number>, second: ReadonlyMap<string, number>): number {
  let all = 0;
  let had = 0;
  for (const [key, length] of second) {
    all += length;
    if (first.has(key)) had += length;
  }
  return had / all;
}

describe("E-20 readers behind a shared cache ask for the same ranges of the same shares", () => {
  const NEAR = [10, 20, 30, 25];
  const OTHERS = [24, 17, 11, 40];

  it("from the start, however far servers are", async () => {
    const first = await askedBy(NEAR, [WHOLE]);
    expect(hits(first, await askedBy(OTHERS, [WHOLE]))).toBeGreaterThan(0.97);
  });

  it("after jumps", async () => {
    const first = await askedBy(NEAR, [WHOLE]);
    const seeks = [21_234_567, 7_654_321, 14_444_444].map((offset) => ({ offset, length: 8 * MiB }));
    expect(hits(first, await askedBy(OTHERS, seeks))).toBeGreaterThan(0.8);
  });

  it("where servers are late now and then, and what the cache has comes at once", async () => {
    const cache = new Set<string>();
    const unsteady = (seed: number): SimulatedGrid => {
      const random = new Random(seed);
      const grid = new SimulatedGrid(4);
      for (const { behaviour } of grid.servers) {
        Object.defineProperty(behaviour, "latency", { get: () => random.integer(30, random.chance(0.1) ? 220 : 60) });
        Object.defineProperty(behaviour, "bandwidth", { get: () => random.integer(5_000, 50_000) });
      }
      behave(grid.servers, { cache });
      return grid;
    };
    const long = new HugeFile(27, []);
    const whole = [{ offset: 0, length: long.size }];
    const first = await askedOf(unsteady(1), long, whole);
    const second = await askedOf(unsteady(2), long, whole);
    expect(hits(first, second)).toBeGreaterThan(0.97);
    expect(hits(new Map([...first, ...second]), await askedOf(unsteady(3), long, whole))).toBeGreaterThan(0.97);
  });

  it("for no more bytes than there are", async () => {
    const asked = await askedBy(NEAR, [WHOLE]);
    const sum = [...asked.values()].reduce((all, length) => all + length, 0);
    expect(sum / file.size).toBeLessThan(1.01);
  });
});

it("E-21 behind a shared cache, too, a slow server is left for a better one", async () => {
  const plaintext = patternBytes(6 * MiB);
  const grids = [false, true].map((isCached) => {
    const grid = new SimulatedGrid(10);
    behave(grid.servers, { latency: 25, bandwidth: 5000, cache: isCached ? new Set() : undefined });
    behave(grid.servers.slice(0, 1), { latency: 500, bandwidth: 250 });
    return grid;
  });
  const [alone, cached] = await Promise.all(
    grids.map(async (grid) => {
      const { node } = await grid.put(plaintext, { needed: 3, total: 10, maxSegmentSize: MiB / 8 });
      const began = grid.clock.now();
      expect((await bytesOf(grid, node)).equals(plaintext)).toBe(true);
      return grid.clock.now() - began;
    }),
  );
  expect(cached).toBeLessThan(1.1 * alone!);
});
