import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, it } from "vitest";
import { predictShareLayout } from "../formats/ShareLayout.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { Random } from "./testing/random.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, F1 } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const slice = (offset: number, length: number): Buffer => Buffer.from(plaintext.subarray(offset, offset + length));
const LEFT = new DOMException("left", "AbortError");
const DONE = { done: true, value: undefined };

function begin(node: FileNode, options: ReadOptions): { handle: AbortController; ended: Promise<Buffer | Error> } {
  const handle = new AbortController();
  const bytes = collect(node.read({ ...options, signal: handle.signal })) as Promise<Buffer>;
  return { handle, ended: bytes.catch((error: Error) => error) };
}

async function expectRest(grid: SimulatedGrid): Promise<void> {
  await grid.clock.run(0);
  expect(grid.inFlight, "requests under way").toBe(0);
  expect(grid.pendingTimers, "timers").toBe(0);
}

let file: EncodedFile;
let grid: SimulatedGrid;
let node: FileNode;

beforeEach(async () => {
  file ??= await encodeShares(plaintext, { ...F1, maxSegmentSize: 70 });
  grid = new SimulatedGrid(10, { windowStart: 1, windowMost: 1 });
  node = grid.hold(file);
});

describe("one of several readers leaves", () => {
  it("S8 L-05 one of two that wait for a segment: the other gets it, by the requests that were under way", async () => {
    const one = begin(node, { offset: 0, length: 10 });
    const two = begin(node, { offset: 5, length: 10 });
    await grid.clock.run(15);
    const { reads } = grid.requests;
    expect(reads).toBeGreaterThan(0);
    one.handle.abort(LEFT);
    expect(await grid.clock.runUntil(Promise.all([one.ended, two.ended]))).toEqual([LEFT, slice(5, 10)]);
    // Without the read that left, the same requests would have been made.
    const alone = new SimulatedGrid(10, { windowStart: 1, windowMost: 1 });
    await bytesOf(alone, alone.hold(file), { offset: 5, length: 10 });
    expect(grid.requests).toEqual(alone.requests);
    await expectRest(grid);
  });

  it("S7 L-06 the only one that waits for a segment: its requests stop, and another's segment comes", async () => {
    await bytesOf(grid, node, { offset: 80, length: 1 });
    for (const server of grid.servers) server.behaviour.hangsOnRead = true;
    const one = begin(node, { offset: 0, length: 10 });
    await grid.clock.run(5);
    const hung = grid.inFlight;
    expect(hung).toBeGreaterThanOrEqual(3);
    for (const server of grid.servers) server.behaviour.hangsOnRead = false;
    const two = begin(node, { offset: 300, length: 10 });
    await grid.clock.run(1);
    one.handle.abort(LEFT);
    expect(await grid.clock.runUntil(Promise.all([one.ended, two.ended]))).toEqual([LEFT, slice(300, 10)]);
    await expectRest(grid);
  });

  it("S6 S7 S8 L-09 at whichever event one leaves, or some turns after it, the others complete", async () => {
    let events = Number.POSITIVE_INFINITY;
    for (let nth = 0; nth < events; nth++) {
      for (const depth of [0, 3]) {
        const own = new SimulatedGrid(10);
        const shared = own.hold(file);
        const leaver = begin(shared, { offset: 0, length: 100 });
        const stayers = [begin(shared, { offset: 20, length: 10 }), begin(shared, { offset: 200 })];
        let seen = 0;
        const leave = (): void => leaver.handle.abort(LEFT);
        own.log.listen(() => {
          if (seen++ !== nth) return;
          if (depth === 0) leave();
          else void afterTurns(depth).then(leave);
        });
        const ends = await own.clock.runUntil(Promise.all([leaver, ...stayers].map(({ ended }) => ended)));
        expect([LEFT, slice(0, 100)], `left at event ${nth}, turn ${depth}`).toContainEqual(ends[0]);
        expect(ends.slice(1)).toEqual([slice(20, 10), slice(200, 110)]);
        await expectRest(own);
        events = Math.min(events, seen);
      }
    }
    expect(events).toBeGreaterThan(20);
  });
});

async function afterTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}

describe("leaving late, twice or too early", () => {
  it("S7 L-07 before anything is under way: no request is made", async () => {
    const reader = node.read().getReader();
    await reader.cancel(LEFT);
    expect(await reader.read()).toEqual(DONE);
    const handle = new AbortController();
    const other = node.read({ signal: handle.signal }).getReader();
    handle.abort(LEFT);
    await expect(other.read()).rejects.toBe(LEFT);
    await expect(
      node
        .read({ signal: AbortSignal.abort(LEFT) })
        .getReader()
        .read(),
    ).rejects.toBe(LEFT);
    expect(grid.requests.lists).toBe(0);
    await expectRest(grid);
  });

  it("S8 L-08 M-09 twice: the second time does nothing", async () => {
    const one = begin(node, { offset: 0, length: 10 });
    const two = begin(node, { offset: 0, length: 10 });
    await grid.clock.run(15);
    one.handle.abort(LEFT);
    one.handle.abort(new Error("again"));
    expect(await grid.clock.runUntil(Promise.all([one.ended, two.ended]))).toEqual([LEFT, slice(0, 10)]);

    const reader = node.read().getReader();
    await grid.clock.runUntil(reader.read());
    await reader.cancel(LEFT);
    await reader.cancel(new Error("again"));
    expect(await reader.read()).toEqual(DONE);
    await expectRest(grid);
  });

  it("S8 L-10 M-10 after the end: nothing happens, and the file can be read on", async () => {
    const one = begin(node, { offset: 0, length: 10 });
    expect(await grid.clock.runUntil(one.ended)).toEqual(slice(0, 10));
    one.handle.abort(LEFT);

    const reader = node.read({ length: 10 }).getReader();
    await grid.clock.runUntil(reader.read());
    await grid.clock.runUntil(reader.read());
    await reader.cancel(LEFT);
    expect(await bytesOf(grid, node, { length: 10 })).toEqual(slice(0, 10));
    await expectRest(grid);
  });

  it("S8 during a failure: one error, the first reason", async () => {
    for (const server of grid.servers) server.behaviour.statusOnList = 500;
    // A failure that nobody cancels takes this long.
    const failing = begin(node, {});
    expect(await grid.clock.runUntil(failing.ended)).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    const duration = grid.clock.now();
    for (let depth = 0; depth < 30; depth++) {
      const { handle, ended } = begin(node, {});
      grid.clock.after(duration, () => void afterTurns(depth).then(() => handle.abort(LEFT)));
      const end = (await grid.clock.runUntil(ended)) as Error;
      expect(end === LEFT || "code" in end, `turn ${depth}`).toBe(true);
      await grid.clock.run(duration);
      await expectRest(grid);
    }
  });

  it("S8 L-11 M-08 at once: no byte comes, and what was begun is called off", async () => {
    const reader = node.read().getReader();
    const first = reader.read();
    await reader.cancel(LEFT);
    expect(await first).toEqual(DONE);
    await expectRest(grid);
    const { handle, ended } = begin(node, {});
    handle.abort(LEFT);
    expect(await ended).toBe(LEFT);
    await expectRest(grid);
    expect(grid.requests.reads).toBe(0);
  });
});

describe("S6 while a file is being opened", () => {
  it("the one that opens it leaves, a second comes at once and a third a little later: both get their bytes", async () => {
    for (let later = 0; later < 12; later++) {
      // No share to spare: whichever is taken for failed is missed.
      const own = new SimulatedGrid(3);
      const other = own.hold(file, (n) => (n < 3 ? [n] : []));
      const one = begin(other, {});
      await own.clock.run(15);
      one.handle.abort(LEFT);
      const two = begin(other, { offset: 0, length: 100 });
      for (let i = 0; i < later; i++) await Promise.resolve();
      const three = begin(other, { offset: 100, length: 100 });
      const ends = await own.clock.runUntil(Promise.all([one.ended, two.ended, three.ended]));
      expect(ends).toEqual([LEFT, slice(0, 100), slice(100, 100)]);
      await expectRest(own);
    }
  });

  it("the UEB is here, but no chain yet; others come and leave: it gets its bytes", async () => {
    const own = new SimulatedGrid(3, { smallShareBytes: 0, gapBytes: 0, requestBytes: 60 });
    const { chainOffset, uebOffset } = predictShareLayout(file.geometry);
    for (const server of own.servers) {
      const readShare = server.readShare.bind(server);
      server.readShare = async function* (storageIndex, shareNumber, offset, length, signal) {
        if (chainOffset <= offset && offset + length <= uebOffset) await own.clock.sleep(100, signal);
        yield* readShare(storageIndex, shareNumber, offset, length, signal);
      };
    }
    const other = own.hold(file, (n) => (n < 3 ? [n] : []));
    const one = begin(other, {});
    for (let ms = 1; ms < 200; ms += 5) {
      own.plan(ms, () => {
        const passing = begin(other, {});
        own.plan(1, () => passing.handle.abort(LEFT));
      });
    }
    expect(await own.clock.runUntil(one.ended)).toEqual(Buffer.from(plaintext));
  });
});

it("one signal for many reads: nothing of those that are over hangs on it", async () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) await bytesOf(grid, node, { offset: 10 * i, length: 5 * i, signal });
  const stopped = node.read({ signal });
  await stopped.cancel(LEFT);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

it("S6 S7 S9 L-15 as a media player reads: the tail and the head at once, one stopped midway, then new ranges", async () => {
  const size = 40_000;
  const film = patternBytes(size, 7);
  const own = new SimulatedGrid(10, { windowStart: 2_000, windowMost: 8_000, smallShareBytes: 0 });
  const { node: player } = await own.put(film, { ...F1, maxSegmentSize: 1_000 });
  const range = (from: string): ReadOptions => {
    const [first, last] = /^bytes=(\d+)-(\d*)$/.exec(from)!.slice(1) as [string, string];
    const offset = Number(first);
    return { offset, length: (last === "" ? size : Number(last) + 1) - offset };
  };
  const random = new Random(15);
  for (let round = 0; round < 40; round++) {
    const whole = begin(player, range("bytes=0-"));
    const tail = begin(player, range(`bytes=${size - random.integer(1, 3_000)}-`));
    const head = begin(player, range("bytes=0-999"));
    await own.clock.run(random.integer(0, 60));
    whole.handle.abort(LEFT);
    const from = random.integer(0, size - 3_000);
    const seek = begin(player, range(`bytes=${from}-${from + 2_999}`));
    const ends = await own.clock.runUntil(Promise.all([tail.ended, head.ended, seek.ended, whole.ended]));
    const [tailEnd, headEnd, seekEnd, wholeEnd] = ends as [Buffer, Buffer, Buffer, Buffer | Error];
    expect(tailEnd.equals(film.subarray(size - tailEnd.length))).toBe(true);
    expect(headEnd.equals(film.subarray(0, 1_000))).toBe(true);
    expect(seekEnd.equals(film.subarray(from, from + 3_000))).toBe(true);
    expect(wholeEnd).toBe(LEFT);
    await expectRest(own);
  }
});
