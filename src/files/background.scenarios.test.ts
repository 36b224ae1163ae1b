import { beforeEach, expect, it } from "vitest";
import type { Background } from "./Background.ts";
import { createFileNodes } from "./createFileNodes.ts";
import { prefetch } from "./prefetch.ts";
import { encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const KiB = 1024;
const plaintext = patternBytes(4_000 * KiB);
const never = new AbortController().signal;
const atOnce: Background = { turn: async () => {} };

async function stage() {
  const grid = new SimulatedGrid(5);
  const file = await encodeShares(plaintext, { needed: 3, total: 5, maxSegmentSize: 128 * KiB });
  grid.hold(file);
  const nodes = createFileNodes({ servers: grid, clock: grid.clock, log: grid.log });
  return { grid, node: nodes.open(file.cap) };
}

it("Y-01 what was fetched ahead is read without asking anybody", async () => {
  const { grid, node } = await stage();
  const range = { offset: 1_000 * KiB, length: 600 * KiB };
  await grid.clock.runUntil(prefetch(node, range, atOnce, never));
  const asked = grid.requests;
  expect(await bytesOf(grid, node, range)).toEqual(Buffer.from(plaintext.slice(1_000 * KiB, 1_600 * KiB)));
  expect(grid.requests).toEqual(asked);
});

it("Y-02 fetching ahead waits for its turns, has no more than a small window under way, and ends with its signal", async () => {
  const { grid, node } = await stage();
  const left = new AbortController();
  let turns = 0;
  const stuck: Background = {
    turn: (_, signal) =>
      turns++ === 0
        ? Promise.resolve()
        : new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  };
  const ahead = prefetch(node, { offset: 0, length: plaintext.length }, stuck, left.signal).catch((error) => error);
  await grid.clock.run(30_000);
  expect(turns).toBe(2);
  expect(grid.requests.bytes).toBeLessThan(2.2 * 1024 * KiB);
  left.abort("left");
  expect(await grid.clock.runUntil(ahead)).toBe("left");
  await grid.clock.run(1_000);
  expect([grid.inFlight, grid.pendingTimers]).toEqual([0, 0]);
});
