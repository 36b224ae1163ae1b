import { beforeEach, describe, expect, it } from "vitest";
import type { Limits } from "../base/limits.ts";
import { zfecTypeScript } from "../erasure/zfecTypeScript.ts";
import { createFileNodes } from "./createFileNodes.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import type { EncodedFile } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, damage, F1, flip } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const slice = (offset: number, length: number): Buffer => Buffer.from(plaintext.subarray(offset, offset + length));

/** Segments of 72 bytes (the last is of 22), blocks of 24. */
const CUT = { ...F1, maxSegmentSize: 70 };
const BLOCK = 24;
const DATA_AT = 36;

interface Stage {
  readonly grid: SimulatedGrid;
  readonly file: EncodedFile;
  readonly node: FileNode;
}

async function stage(limits: Partial<Limits> = {}): Promise<Stage> {
  const grid = new SimulatedGrid(10, limits);
  const file = await grid.put(plaintext, CUT);
  return { grid, file, node: file.node };
}

/** Whether a fresh node is meant, or one that has read something already and so knows how the file is cut up. */
const BOTH = ["on a fresh node", "on a node that knows the file"];

async function prepare(state: string, { grid, node }: Stage): Promise<void> {
  if (state !== BOTH[0]) await bytesOf(grid, node, { offset: 80, length: 1 });
}

/** Makes the first block of every share wrong. */
function spoilFirstBlock({ grid, file }: Stage): void {
  damage(grid, file.storageIndexText, file.shares.keys(), (share) => flip(share, DATA_AT));
}

/** A read that was begun, its signal's handle, and how it ended. */
function begin(node: FileNode, options: ReadOptions): { handle: AbortController; ended: Promise<Ended> } {
  const handle = new AbortController();
  return { handle, ended: drain(node.read({ ...options, signal: handle.signal })) };
}

type Ended = { bytes: Buffer } | { error: unknown };

async function drain(stream: ReadableStream<Uint8Array>): Promise<Ended> {
  const parts: Uint8Array[] = [];
  try {
    for await (const part of stream as unknown as AsyncIterable<Uint8Array>) parts.push(part);
    return { bytes: Buffer.concat(parts) };
  } catch (error) {
    return { error };
  }
}

const LEFT = new DOMException("left", "AbortError");
const TOO_FEW = { error: expect.objectContaining({ code: "NOT_ENOUGH_SHARES" }) };

function expectRest(grid: SimulatedGrid): void {
  expect(grid.inFlight, "requests under way").toBe(0);
  expect(grid.pendingTimers, "timers").toBe(0);
}

describe.each(BOTH)("two reads of different segments, %s", (state) => {
  it("S6 L-01 the first fails, the second brings its bytes", async () => {
    const scene = await stage();
    await prepare(state, scene);
    spoilFirstBlock(scene);
    const first = begin(scene.node, { offset: 0, length: 20 });
    const second = begin(scene.node, { offset: 150, length: 20 });
    const ends = await scene.grid.clock.runUntil(Promise.all([first.ended, second.ended]));
    expect(ends).toEqual([TOO_FEW, { bytes: slice(150, 20) }]);
    expectRest(scene.grid);
  });

  it.each(["cancels its stream", "aborts its signal"])(
    "S7 L-02 the first fails, and whoever hears of it stops the second: %s",
    async (way) => {
      const scene = await stage({ windowStart: 1, windowMost: 1 });
      await prepare(state, scene);
      spoilFirstBlock(scene);
      const handle = new AbortController();
      const reader = scene.node.read({ offset: 72, signal: handle.signal }).getReader();
      const second = reader.read().then(({ value }) => value);
      const first = begin(scene.node, { offset: 0, length: 20 }).ended.then(async (end) => {
        const next = reader.read();
        if (way === "aborts its signal") handle.abort(LEFT);
        else await reader.cancel(LEFT);
        return [end, await next.catch((error: unknown) => error)];
      });
      const ends = await scene.grid.clock.runUntil(Promise.all([second, first]));
      const stopped = way === "aborts its signal" ? LEFT : { done: true, value: undefined };
      expect(ends).toEqual([new Uint8Array(slice(72, 72)), [TOO_FEW, stopped]]);
      await scene.grid.clock.run(0);
      expectRest(scene.grid);
    },
  );

  it("S6 L-12 two wait for the failing segment, one for another: both fail, the third proceeds", async () => {
    const scene = await stage();
    await prepare(state, scene);
    spoilFirstBlock(scene);
    const reads = [
      { offset: 0, length: 20 },
      { offset: 5, length: 1 },
      { offset: 300, length: 10 },
    ].map((range) => begin(scene.node, range).ended);
    const ends = await scene.grid.clock.runUntil(Promise.all(reads));
    expect(ends).toEqual([TOO_FEW, TOO_FEW, { bytes: slice(300, 10) }]);
  });
});

it.each([0, 72, 144])(
  "S6 S10 L-13 decoding the segment at %i fails: its readers are told, the others go on",
  async (bad) => {
    const { grid, file } = await stage();
    let isFaulty = true;
    const faulty = {
      ...zfecTypeScript,
      decode(...args: Parameters<typeof zfecTypeScript.decode>): void {
        zfecTypeScript.decode(...args);
        const out = args[2];
        // Told by its first byte, which the pattern makes different in these segments.
        if (isFaulty && out.length === 72 && decoded.get(bad)?.equals(Buffer.from(out))) out[0] = ~out[0]!;
      },
    };
    const decoded = await ciphertextSegments(file);
    const node = createFileNodes({ servers: grid, clock: grid.clock, codec: faulty }).open(file.cap);
    const offsets = [0, 10, 72, 100, 144, 200];
    const ends = await grid.clock.runUntil(
      Promise.all(offsets.map((offset) => begin(node, { offset, length: 5 }).ended)),
    );
    for (const [i, offset] of offsets.entries()) {
      const isBad = offset >= bad && offset < bad + 72;
      const failure = { error: expect.objectContaining({ code: "BAD_SEGMENT" }) };
      expect(ends[i], `read at ${offset}`).toEqual(isBad ? failure : { bytes: slice(offset, 5) });
    }
    isFaulty = false;
    expect(await bytesOf(grid, node)).toEqual(slice(0, 310));
  },
);

/** The whole segments' ciphertext, by their offset: what a decoder makes. */
async function ciphertextSegments(file: EncodedFile): Promise<Map<number, Buffer>> {
  const primaries = [0, 1, 2].map((n) => file.shares.get(n)!);
  return new Map(
    [0, 1, 2].map((segment) => {
      const at = DATA_AT + segment * BLOCK;
      return [segment * 72, Buffer.concat(primaries.map((share) => share.subarray(at, at + BLOCK)))];
    }),
  );
}

describe("shared work", () => {
  /** How many times each block was asked for, of a grid that asks for blocks alone. */
  function blockRequests(grid: SimulatedGrid, segments: number): number[] {
    const counts = new Array<number>(segments).fill(0);
    for (const { reads } of grid.servers) {
      for (const { offset, length } of reads) {
        for (let segment = 0; segment < segments; segment++) {
          const at = DATA_AT + segment * BLOCK;
          if (offset < at + BLOCK && at < offset + length) counts[segment]!++;
        }
      }
    }
    return counts;
  }

  it("L-03 two reads in one segment cost one fetch", async () => {
    const { grid, node } = await stage({ gapBytes: 0, smallShareBytes: 0 });
    await bytesOf(grid, node, { offset: 80, length: 1 });
    for (const { reads } of grid.servers) reads.length = 0;
    const reads = [begin(node, { offset: 0, length: 10 }), begin(node, { offset: 5, length: 10 })];
    const ends = await grid.clock.runUntil(Promise.all(reads.map(({ ended }) => ended)));
    expect(ends).toEqual([{ bytes: slice(0, 10) }, { bytes: slice(5, 10) }]);
    expect(blockRequests(grid, 5)).toEqual([3, 0, 0, 0, 0]);
  });

  it("L-04 three reads in two segments fetch k blocks of each", async () => {
    const { grid, node } = await stage({ gapBytes: 0, smallShareBytes: 0 });
    await bytesOf(grid, node, { offset: 80, length: 1 });
    for (const { reads } of grid.servers) reads.length = 0;
    const ranges = [
      { offset: 0, length: 10 },
      { offset: 5, length: 10 },
      { offset: 300, length: 10 },
    ];
    const ends = await grid.clock.runUntil(Promise.all(ranges.map((range) => begin(node, range).ended)));
    expect(ends).toEqual(ranges.map(({ offset, length }) => ({ bytes: slice(offset, length) })));
    expect(blockRequests(grid, 5)).toEqual([3, 0, 0, 0, 3]);
  });

  it("L-14 two nodes opened with one cap share what they know, and each brings its own bytes", async () => {
    const { grid, file } = await stage();
    const [a, b] = [grid.nodes.open(file.cap), grid.nodes.open(file.cap)];
    const ends = await grid.clock.runUntil(
      Promise.all([begin(a, { length: 100 }).ended, begin(b, { offset: 100 }).ended]),
    );
    expect(ends).toEqual([{ bytes: slice(0, 100) }, { bytes: slice(100, 210) }]);
    expect(grid.requests.lists).toBeLessThanOrEqual(6);
  });
});
