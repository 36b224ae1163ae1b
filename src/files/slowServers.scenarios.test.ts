import { beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../base/Clock.ts";
import { defaultLimits } from "../base/limits.ts";
import { createFileNodes } from "./createFileNodes.ts";
import type { FileNode } from "./FileNode.ts";
import { HugeFile } from "./testing/HugeFile.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { Random } from "./testing/random.ts";
import { SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { SimulatedServer } from "./testing/SimulatedServer.ts";

beforeEach(() => installSynchronousCrypto());

const MiB = 2 ** 20;
const SIZE = 16 * MiB;
const ROUND_TRIP = 30;
/** Of segments of 128 KiB, 2 of 4. */
const file = new HugeFile(24, []);

/** Four servers, 30 ms away, 5 MB a second each; the first two are a little nearer. */
function stage(): SimulatedGrid {
  const grid = new SimulatedGrid(4);
  for (const [n, server] of grid.servers.entries()) {
    Object.assign(server.behaviour, { latency: n < 2 ? ROUND_TRIP - 5 : ROUND_TRIP, bandwidth: 5_000 });
    // All that a simulated server does with a share is to take ranges of it.
    const share = { subarray: (from: number, to: number) => file.shareBytes(n, from, to - from) };
    server.hold(file.storageIndexText, n, share as unknown as Uint8Array);
  }
  return grid;
}

interface Outcome {
  readonly ms: number;
  readonly worstGap: number;
  /** Bytes from servers beyond what the file needs. */
  readonly surplus: number;
}

async function readAll(
  grid: SimulatedGrid,
  node: FileNode = grid.nodes.open(file.cap),
  during: (bytes: number) => void = () => {},
): Promise<Outcome> {
  const began = grid.clock.now();
  let last: number | undefined;
  let worstGap = 0;
  let bytes = 0;
  const work = async (): Promise<void> => {
    for await (const piece of node.read() as unknown as AsyncIterable<Uint8Array>) {
      const now = grid.clock.now();
      if (last !== undefined) worstGap = Math.max(worstGap, now - last);
      last = now;
      bytes += piece.length;
      during(bytes);
    }
  };
  await grid.clock.runUntil(work());
  expect(bytes).toBe(file.size);
  return { ms: grid.clock.now() - began, worstGap, surplus: grid.requests.bytes - SIZE };
}

const budget = defaultLimits.hedgeBytes + defaultLimits.hedgeFraction * SIZE;
/** What is asked for on a guess, and hash trees. */
const OVERHEAD = MiB;

/** The kinds of events that a read gave rise to, with how often. */
function countEvents(grid: SimulatedGrid): (kind: string) => number {
  const counts = new Map<string, number>();
  grid.log.listen(({ kind }) => counts.set(kind, (counts.get(kind) ?? 0) + 1));
  return (kind) => counts.get(kind) ?? 0;
}

describe("one of the servers in use becomes 20 times slower in mid-read", () => {
  let undisturbed: Outcome | undefined;

  it.each([5, 8.3, 12])("after %d MiB: the reader waits less than two round trips", async (after) => {
    undisturbed ??= await readAll(stage());
    for (const slow of [0, 1]) {
      const grid = stage();
      const outcome = await readAll(grid, undefined, (bytes) => {
        if (bytes >= after * MiB) {
          Object.assign(grid.servers[slow]!.behaviour, { latency: 20 * ROUND_TRIP, bandwidth: 250 });
        }
      });
      expect(outcome.worstGap).toBeLessThan(2 * ROUND_TRIP);
      expect(outcome.ms).toBeLessThan(undisturbed.ms / 0.8);
      expect(outcome.surplus).toBeLessThan(budget + OVERHEAD);
    }
  });

  it("asks the spare for all that the slow one owes in a few requests, not block by block", async () => {
    const grid = stage();
    const spares = grid.servers.slice(2);
    let before = 0;
    await readAll(grid, undefined, (bytes) => {
      if (bytes < 8 * MiB) before = spares.reduce((sum, { counts }) => sum + counts.reads, 0);
      else Object.assign(grid.servers[1]!.behaviour, { latency: 20 * ROUND_TRIP, bandwidth: 250 });
    });
    const after = spares.reduce((sum, { counts }) => sum + counts.reads, 0);
    // 64 blocks are left, of which no request but the first few holds fewer than ten.
    expect(after - before).toBeLessThan(16);
  });
});

/** When the program, or a network, next does something: times in which nothing happens are from 50 to 100 ms long. */
class Pauses {
  readonly #random: Random;
  #from = 0;
  #to = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** @param now never less than the time before */
  endAt(now: number): number {
    while (now >= this.#to) {
      this.#from = this.#to + this.#random.integer(60, 400);
      this.#to = this.#from + this.#random.integer(50, 100);
    }
    return now >= this.#from ? this.#to : now;
  }
}

/** Has pieces of a server's replies wait until the pause is over. */
function holdBack(server: SimulatedServer, pauses: Pauses, grid: SimulatedGrid): void {
  const readShare = server.readShare.bind(server);
  server.readShare = async function* (...request) {
    for await (const piece of readShare(...request)) {
      const now = grid.clock.now();
      const end = pauses.endAt(now);
      if (end > now) await grid.clock.sleep(end - now, request[4]);
      yield piece;
    }
  };
}

describe("blocks that come in bursts", () => {
  it.each([1, 2, 3, 4])(
    "because the browser is busy: no server is blamed, and little is asked for twice (%i)",
    async (seed) => {
      const grid = stage();
      const count = countEvents(grid);
      const pauses = new Pauses(seed);
      for (const server of grid.servers) holdBack(server, pauses, grid);
      // Timers that fall due in a pause run when it is over, before what came meanwhile is looked at.
      const busy: Clock = {
        now: () => grid.clock.now(),
        wallNow: () => grid.clock.wallNow(),
        after(ms, callback) {
          let cancel = grid.clock.after(ms, () => {
            const now = grid.clock.now();
            const end = pauses.endAt(now);
            if (end === now) callback();
            else cancel = grid.clock.after(end - now, callback);
          });
          return () => cancel();
        },
      };
      const nodes = createFileNodes({ servers: grid, clock: busy, log: grid.log });
      const { surplus } = await readAll(grid, nodes.open(file.cap));
      expect(count("node.share-late")).toBe(0);
      expect(surplus).toBeLessThan(OVERHEAD);
    },
  );

  it.each([1, 2, 3, 4])(
    "because each server pauses now and then: within the budget, and none the slower (%i)",
    async (seed) => {
      const outcome = async (limits: object): Promise<Outcome> => {
        const grid = stage();
        for (const [n, server] of grid.servers.entries()) holdBack(server, new Pauses(10 * seed + n), grid);
        const nodes = createFileNodes({
          servers: grid,
          clock: grid.clock,
          log: grid.log,
          limits: { ...defaultLimits, ...limits },
        });
        return readAll(grid, nodes.open(file.cap));
      };
      const hedged = await outcome({});
      const patient = await outcome({ leastLag: 10_000 });
      expect(hedged.surplus).toBeLessThan(budget + OVERHEAD);
      expect(hedged.ms).toBeLessThan(1.1 * patient.ms);
    },
  );
});
