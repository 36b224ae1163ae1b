import { beforeEach, describe, expect, it } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import type { FileNode } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { Random } from "./testing/random.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { Behaviour, SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const SIZE = 1_000_000;
const plaintext = patternBytes(SIZE);
const whole = Buffer.from(plaintext);

let file: EncodedFile;
/** How long a read takes while nothing is wrong. */
let undisturbed: number;

beforeEach(async () => {
  file ??= await encodeShares(plaintext, { needed: 3, total: 10, maxSegmentSize: 131_072 });
  undisturbed ??= await timeOf(stage());
});

/** Ten servers, 40 ms away, 1 MB a second each. */
function stage(): { grid: SimulatedGrid; node: FileNode } {
  const grid = new SimulatedGrid(10);
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: 40, bandwidth: 1_000 });
  return { grid, node: grid.hold(file) };
}

/** Virtual milliseconds that a whole read takes. */
async function timeOf({ grid, node }: { grid: SimulatedGrid; node: FileNode }): Promise<number> {
  const began = grid.clock.now();
  const bytes = await bytesOf(grid, node);
  expect(bytes.equals(whole)).toBe(true);
  return grid.clock.now() - began;
}

/** Blocks only: the header and the hashes are as they should be, so that the share is chosen again and again. */
function lie(): Partial<Behaviour> {
  return {
    tamper: (_n, offset, bytes) => {
      const wrong = bytes.slice();
      if (offset < file.geometry.shareDataLength) wrong.fill(7, Math.max(0, 36 - offset));
      return wrong;
    },
  };
}

const TROUBLES: [title: string, behaviour: () => Partial<Behaviour>, afterMs: number][] = [
  ["is a hundred times slower", () => ({ bandwidth: 10 }), 0],
  ["takes five seconds to answer anything", () => ({ latency: 5_000 }), 0],
  ["answers queries and then never a read", () => ({ hangsOnRead: true }), 0],
  ["answers nothing at all", () => ({ hangsOnList: true, hangsOnRead: true }), 0],
  ["stalls in mid-body", () => ({ stallsAfter: 20_000 }), 0],
  ["becomes slow in mid-read", () => ({ bandwidth: 2 }), 200],
  ["stalls in mid-read", () => ({ stallsAfter: 0, hangsOnRead: true }), 200],
  ["lies", lie, 0],
  ["starts to lie in mid-read", lie, 200],
  ["vanishes in mid-read", () => ({ breaksAfter: 0, statusOnRead: 503 }), 200],
  ["breaks every body off", () => ({ breaksAfter: 30_000 }), 0],
  ["refuses reads", () => ({ statusOnRead: 500 }), 0],
];

describe("one server of ten", () => {
  it.each(TROUBLES)("%s: it costs a little time, and never a failure", async (_, trouble, afterMs) => {
    for (const bad of [0, 3]) {
      const scene = stage();
      const server = scene.grid.servers[bad]!;
      scene.grid.plan(afterMs, () => Object.assign(server.behaviour, trouble()));
      const disturbed = await timeOf(scene);
      // One patience of a server nobody knows yet, 1.5 s, is all that a read may lose before it has experience.
      expect(disturbed, `server ${bad}`).toBeLessThan(undisturbed * 1.5 + defaultLimits.firstPatience);
      // A second read of the same file knows whom to avoid.
      expect(await timeOf(scene), `server ${bad}, again`).toBeLessThan(undisturbed * 1.5);
    }
  });
});

describe("hedging", () => {
  it("costs nothing while all is well: what was asked for on a guess is what is used", async () => {
    const small = await encodeShares(patternBytes(60_000), { needed: 3, total: 4, maxSegmentSize: 131_072 });
    const grid = new SimulatedGrid(4);
    await bytesOf(grid, grid.hold(small));
    expect(grid.servers.map(({ reads }) => reads.length)).toEqual([1, 1, 1, 0]);
  });

  it("costs no more than its share of extra traffic, however unsteady all servers are", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const random = new Random(seed);
      const { grid, node } = stage();
      const change = (server: SimulatedServer): void => {
        server.behaviour.bandwidth = random.pick([20, 200, 1_000, 3_000]);
        server.behaviour.latency = random.pick([10, 50, 300]);
        grid.plan(random.integer(50, 400), () => change(server));
      };
      for (const server of grid.servers) change(server);
      await timeOf({ grid, node });
      const needed = 3 * file.geometry.shareDataLength;
      const { hedgeBytes, hedgeFraction } = defaultLimits;
      expect(grid.requests.bytes).toBeLessThan(needed * (1 + hedgeFraction) + hedgeBytes + 200_000);
    }
  });

  it("with its budget spent, a slow server is waited for; one that is silent is replaced even then", async () => {
    const budget = { hedgeBytes: 0, hedgeFraction: 0 };
    const large = await encodeShares(patternBytes(600_000), { needed: 3, total: 4, maxSegmentSize: 1_048_576 });
    for (const [trouble, isReplaced] of [
      // Slower than the others by a hundred times, but never silent for long.
      [{ bandwidth: 100 }, false],
      [{ hangsOnRead: true }, true],
    ] as const) {
      const grid = new SimulatedGrid(4, budget);
      const node = grid.hold(large);
      Object.assign(grid.servers[0]!.behaviour, trouble);
      await bytesOf(grid, node);
      const asked = grid.servers[3]!.reads.reduce((sum, { length }) => sum + length, 0);
      expect(asked >= 200_000).toBe(isReplaced);
    }
  });

  it("takes whichever comes first and calls the loser off", async () => {
    const { grid, node } = stage();
    grid.servers[0]!.behaviour.bandwidth = 5;
    const reader = node.read().getReader();
    await grid.clock.runUntil(reader.read());
    await grid.clock.run(2_000);
    // 3 segments' worth of its share would have taken it more than 20 s.
    expect(grid.servers[0]!.counts.bytes).toBeLessThan(40_000);
    await reader.cancel();
  });
});

describe("servers that did badly", () => {
  it("are asked last, for shares and for share lists, and get a second chance later", async () => {
    const { grid, node } = stage();
    const [bad] = grid.servers as [SimulatedServer];
    bad.behaviour.statusOnRead = 500;
    await timeOf({ grid, node });
    bad.behaviour.statusOnRead = undefined;
    // Another file on the same servers: it is not among the first that are asked.
    const other = await encodeShares(patternBytes(300, 9), {
      needed: 3,
      total: 10,
      maxSegmentSize: 300,
      key: new Uint8Array(16).fill(9),
    });
    const first = bad.counts.lists;
    await bytesOf(grid, grid.hold(other));
    expect(bad.counts.lists).toBe(first);
    // Later it is again: as first of the list it is the first to be asked for a third file.
    await grid.clock.run(2 * defaultLimits.secondChance + 1);
    const third = await encodeShares(patternBytes(300, 10), {
      needed: 3,
      total: 10,
      maxSegmentSize: 300,
      key: new Uint8Array(16).fill(10),
    });
    await bytesOf(grid, grid.hold(third));
    expect(bad.counts.lists).toBe(first + 1);
    // And the file that it failed in is read from it when the others are gone.
    for (const server of grid.servers.slice(3)) server.behaviour.statusOnRead = 500;
    await timeOf({ grid, node });
  });

  it("are still used where nobody else has what is needed", async () => {
    const { grid } = stage();
    const node = grid.nodes.open(file.cap);
    for (const server of grid.servers.slice(3)) server.shares.clear();
    grid.servers[1]!.behaviour.bandwidth = 20;
    await timeOf({ grid, node });
    await timeOf({ grid, node });
  });
});

it("shares that trickle are replaced in bounded time, also when the budget for hedging is spent", async () => {
  const grid = new SimulatedGrid(10, { hedgeBytes: 0, hedgeFraction: 0 });
  const node = grid.hold(file);
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: 40, bandwidth: 1_000 });
  for (const server of grid.servers.slice(0, 3)) {
    server.behaviour.latency = 1;
    const readShare = server.readShare.bind(server);
    // Too much to be ended as stalled, and never silent: in this way a block would take ten minutes.
    server.readShare = async function* (...request) {
      const signal = request[4];
      for await (const piece of readShare(...request)) {
        if (grid.clock.now() < 100) yield piece;
        else {
          for (let at = 0; at < piece.length; at += 14) {
            await grid.clock.sleep(200, signal);
            yield piece.slice(at, at + 14);
          }
        }
      }
    };
  }
  expect(await timeOf({ grid, node })).toBeLessThan(60_000);
});
