import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isGridError } from "../base/GridError.ts";
import { parseCap } from "../formats/parseCap.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import { type EncodedMdmf, encodeMdmf } from "./testing/encodeMdmf.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { mutableGolden, mutablePlaintext } from "./testing/mutableGolden.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { type Behaviour, behave, faultless } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, outcomeOf, putMutable } from "./testing/scenario.ts";

/** What is asked is refused; what was asked before goes on. */
const REFUSING: Partial<Behaviour> = { statusOnList: 500, statusOnRead: 500 };
/** As when a relay is killed. */
const GONE: Partial<Behaviour> = { ...REFUSING, breaksAfter: 0 };
/** As when a network changes, and nobody tells. */
const SILENT: Partial<Behaviour> = { hangsOnList: true, hangsOnRead: true, stallsAfter: 0 };

const film = patternBytes(2_000_000);
const far = { offset: 1_500_000, length: 100_000 };
let immutable: EncodedFile;
let mutable: EncodedMdmf;

beforeEach(() => installSynchronousCrypto());

beforeAll(async () => {
  immutable = await encodeShares(film, { needed: 3, total: 10, maxSegmentSize: 20_000 });
  mutable = await encodeMdmf(film, { needed: 3, total: 10, segmentSize: 20_001 });
});

type Kind = "immutable" | "mutable";

/** Opens the film on a grid of so many servers, which holds it, and reads its start. */
async function readBefore(kind: Kind, serverCount = 10): Promise<{ grid: SimulatedGrid; node: FileNode }> {
  const grid = new SimulatedGrid(10);
  const { storageIndexText, shares } = kind === "immutable" ? immutable : mutable;
  for (const [n, bytes] of shares) grid.servers[n]!.hold(storageIndexText, n, bytes);
  grid.list(grid.servers.slice(0, serverCount));
  const node = await latest(kind, grid);
  await bytesOf(grid, node, { offset: 0, length: 1000 });
  return { grid, node };
}

/** What a player's next request is answered from. */
function latest(kind: Kind, grid: SimulatedGrid): Promise<FileNode> {
  const { cap } = kind === "immutable" ? immutable : mutable;
  return grid.clock.runUntil(grid.nodes.openLatest(cap, new AbortController().signal));
}

/** A read that begins in `ms`. Resolves when it has succeeded, with the right bytes, to the time. */
async function readIn(ms: number, grid: SimulatedGrid, node: FileNode, range: Required<ByteSpan>): Promise<number> {
  await grid.clock.sleep(ms, new AbortController().signal);
  const bytes = Buffer.from(await collect(node.read(range)));
  expect(bytes.equals(film.subarray(range.offset, range.offset + range.length))).toBe(true);
  return grid.clock.now();
}

type ByteSpan = Pick<ReadOptions, "offset" | "length">;

describe.each(["immutable", "mutable"] as const)(
  "while all servers of a file that was read are away, as when a relay restarts: %s",
  (kind) => {
    it.each([
      ["refuse", REFUSING],
      ["are gone", GONE],
      ["are silent", SILENT],
      ["do not say what they have", { ...GONE, statusOnList: undefined, hangsOnList: true }],
    ])("a read waits for them, and goes on when they are back: they %s", async (_, away) => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, away);
      grid.plan(3_000, () => behave(grid.servers, faultless));
      await grid.clock.runUntil(readIn(0, grid, node, far));
    });

    it.each([
      ["refuse", REFUSING],
      ["are gone", GONE],
      ["are silent", SILENT],
    ])("so do a read in its middle, and one that only begins while it is away: they %s", async (_, away) => {
      const { grid, node } = await readBefore(kind);
      const middle = node.read(far).getReader();
      const parts = [(await grid.clock.runUntil(middle.read())).value as Uint8Array];
      behave(grid.servers, away);
      grid.plan(3_000, () => behave(grid.servers, faultless));
      const [next] = await Promise.all([latest(kind, grid), grid.clock.run(1)]);
      expect(await bytesOf(grid, next, { offset: 10, length: 100_000 })).toEqual(
        Buffer.from(film.subarray(10, 100_010)),
      );
      for (let read = await grid.clock.runUntil(middle.read()); !read.done; ) {
        parts.push(read.value);
        read = await grid.clock.runUntil(middle.read());
      }
      expect(Buffer.concat(parts).equals(film.subarray(far.offset, far.offset + far.length))).toBe(true);
    });

    it("it goes on soon after they are", async () => {
      const { grid, node } = await readBefore(kind);
      const before = grid.clock.now();
      behave(grid.servers, GONE);
      grid.plan(7_000, () => behave(grid.servers, faultless));
      expect((await grid.clock.runUntil(readIn(0, grid, node, far))) - before).toBeLessThan(9_500);
    });

    it("so does what slow servers have been sending for longer than an outage is waited for", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, { bandwidth: 10 });
      grid.plan(20_000, () => behave(grid.servers, GONE));
      grid.plan(23_000, () => behave(grid.servers, faultless));
      await grid.clock.runUntil(readIn(0, grid, node, { offset: 0, length: 1_500_000 }));
    });

    it("what was on its way already, and comes, does not say that they are back", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, { bandwidth: 100 });
      const coming = readIn(0, grid, node, { offset: 700_000, length: 60_000 });
      grid.plan(50, () => behave(grid.servers, REFUSING));
      grid.plan(3_000, () => behave(grid.servers, faultless));
      await grid.clock.runUntil(Promise.all([coming, readIn(60, grid, node, far)]));
    });

    it("nor does what came while they were back for a moment", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, REFUSING);
      grid.plan(400, () => behave(grid.servers, { ...faultless, bandwidth: 10 }));
      grid.plan(620, () => behave(grid.servers, REFUSING));
      grid.plan(3_000, () => behave(grid.servers, { ...faultless, bandwidth: 10_000 }));
      const first = readIn(0, grid, node, { offset: 700_000, length: 20_000 });
      await grid.clock.runUntil(Promise.all([first, readIn(650, grid, node, far)]));
    });

    it("an outage that its only reader left does not count against a later one", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, GONE);
      const leaving = new AbortController();
      grid.plan(1_000, () => leaving.abort(new Error("left")));
      await codeOf(grid, node, { ...far, signal: leaving.signal });
      behave(grid.servers, faultless);
      await grid.clock.run(600_000);
      behave(grid.servers, GONE);
      grid.plan(2_000, () => behave(grid.servers, faultless));
      await grid.clock.runUntil(readIn(0, grid, node, far));
    });

    it("a read fails after a while, and so does the next one at once", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, GONE);
      const before = grid.clock.now();
      expect(await codeOf(grid, node, far)).toBe("NOT_ENOUGH_SHARES");
      const failed = grid.clock.now();
      expect(failed - before).toBeLessThan(12_000);
      expect(await codeOf(grid, node, far)).toBe("NOT_ENOUGH_SHARES");
      expect(grid.clock.now() - failed).toBeLessThan(1_000);
    });

    it("it fails after a while of silence, too", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, SILENT);
      const before = grid.clock.now();
      expect(await codeOf(grid, node, far)).toBe("NOT_ENOUGH_SHARES");
      expect(grid.clock.now() - before).toBeLessThan(90_000);
    });

    it("a reader that leaves waits for nothing", async () => {
      const { grid, node } = await readBefore(kind);
      behave(grid.servers, GONE);
      const leaving = new AbortController();
      grid.plan(2_500, () => leaving.abort(new Error("left")));
      const before = grid.clock.now();
      expect((await outcomeOf(grid, node, { ...far, signal: leaving.signal })).error).toEqual(new Error("left"));
      expect(grid.clock.now() - before).toBeLessThan(2_600);
    });
  },
);

describe("of a mutable file", () => {
  const golden = mutableGolden("mdmf-segments");
  const SECOND = 131_073;
  const never = new AbortController().signal;
  let grid: SimulatedGrid;
  let file: FileNode;

  beforeEach(async () => {
    grid = new SimulatedGrid(10);
    putMutable(grid, golden);
    file = await latest();
    await bytesOf(grid, file, { length: 1000 });
  });

  const latest = () => grid.clock.runUntil(grid.nodes.openLatest(parseCap(golden.cap), never));
  const whole = (version = 0) => Buffer.from(mutablePlaintext(golden, version));

  it("one server of the few that hold it is enough to wait for", async () => {
    behave(grid.servers.slice(1, 2), GONE);
    grid.plan(3_000, () => behave(grid.servers, faultless));
    expect(await bytesOf(grid, file, { offset: SECOND })).toEqual(whole().subarray(SECOND));
  });

  it("a file that was overwritten meanwhile says so, and is never put together of two versions", async () => {
    behave(grid.servers, GONE);
    grid.plan(3_000, () => {
      putMutable(grid, golden, 1);
      behave(grid.servers, faultless);
    });
    const { code, bytes } = await outcomeOf(grid, file, { offset: SECOND });
    expect([code, bytes.length]).toEqual(["FILE_CHANGED", 0]);
    expect(await bytesOf(grid, await latest())).toEqual(whole(1));
  });

  it("an older version, which others hold, is not taken for the latest while those of the newer one are away", async () => {
    putMutable(grid, golden, 1);
    putMutable(grid, golden, 0, undefined, 3);
    await grid.clock.run(11_000);
    const newer = await latest();
    await bytesOf(grid, newer, { length: 1000 });
    behave(grid.servers.slice(0, 3), GONE);
    grid.plan(3_000, () => behave(grid.servers, faultless));
    expect(await bytesOf(grid, newer, { offset: SECOND })).toEqual(whole(1).subarray(SECOND));
  });

  it("a read fails after a while, at once where servers say that they have nothing, and nothing is left under way", async () => {
    behave(grid.servers, GONE);
    const before = grid.clock.now();
    expect(await codeOf(grid, file, { offset: SECOND })).toBe("NOT_ENOUGH_SHARES");
    expect(grid.clock.now() - before).toBeLessThan(12_000);
    behave(grid.servers, faultless);
    const again = await latest();
    await bytesOf(grid, again, { length: 1000 });
    for (const { shares } of grid.servers) shares.clear();
    const gone = grid.clock.now();
    await expect(latest()).rejects.toMatchObject({ code: "NO_VERSION" });
    expect(grid.clock.now() - gone).toBeLessThan(1_000);
    await grid.clock.run(0);
    expect([grid.pendingTimers, grid.inFlight]).toEqual([0, 0]);
  });
});

it.each(["immutable", "mutable"] as const)(
  "no reader fails for outages that are shorter than they are waited for, however they come and go: %s",
  {
    timeout: 120_000,
  },
  async (kind) => {
    const outages = fc.array(
      fc.record({
        after: fc.integer({ min: 20, max: 600 }),
        lasts: fc.oneof(fc.integer({ min: 50, max: 1_000 }), fc.integer({ min: 50, max: 3_000 })),
        how: fc.constantFrom(REFUSING, GONE, SILENT, { ...GONE, statusOnList: undefined }, { statusOnList: 500 }),
        /** Milliseconds from the first server's to the last one's. */
        spread: fc.constantFrom(0, 0, 100),
      }),
      { minLength: 1, maxLength: 4 },
    );
    const readers = fc.array(
      fc.record({
        begins: fc.integer({ min: 0, max: 4_000 }),
        offset: fc.integer({ min: 0, max: 1_800_000 }),
        length: fc.integer({ min: 1, max: 200_000 }),
        leaves: fc.option(fc.integer({ min: 1, max: 4_000 })),
      }),
      { minLength: 1, maxLength: 5 },
    );
    const servers = fc.record({
      count: fc.constantFrom(3, 5, 10),
      latency: fc.integer({ min: 2, max: 150 }),
      bandwidth: fc.constantFrom(10, 50, 3_000),
    });
    await fc.assert(
      fc.asyncProperty(servers, outages, readers, async ({ count, latency, bandwidth }, outages, readers) => {
        const { grid, node } = await readBefore(kind, count);
        behave(grid.servers, { latency, bandwidth });
        let at = 0;
        for (const { after, lasts, how, spread } of outages) {
          at += after;
          for (const [i, server] of grid.servers.entries()) {
            const own = at + (spread * i) / grid.servers.length;
            grid.plan(own, () => behave([server], how));
            grid.plan(own + lasts, () => behave([server], faultless));
          }
          at += lasts + spread;
        }
        const left = new Error("left");
        const reading = readers.map(async ({ begins, offset, length, leaves }) => {
          await grid.clock.sleep(begins, new AbortController().signal);
          const leaving = new AbortController();
          if (leaves !== null) grid.plan(leaves, () => leaving.abort(left));
          const bytes = await collect(node.read({ offset, length, signal: leaving.signal })).catch((error: unknown) => {
            if (error !== left) throw isGridError(error) ? new Error(`${error.code} at ${grid.clock.now()}`) : error;
            return undefined;
          });
          if (bytes) expect(Buffer.from(bytes).equals(film.subarray(offset, offset + length))).toBe(true);
        });
        await grid.clock.runUntil(Promise.all(reading));
        await grid.clock.run(25_000);
        expect([grid.pendingTimers, grid.inFlight]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  },
);
