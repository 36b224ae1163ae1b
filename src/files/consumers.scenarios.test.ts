import { beforeEach, describe, expect, it } from "vitest";
import type { LogEvent } from "../base/EventLog.ts";
import type { FileNode } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, F1, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

/*
 * A consumer is whoever pulls the stream: it pauses by not pulling, resumes by pulling, stops by cancelling. What the scenarios
 * call registration is the stream's reader.
 */

const SIZE = 6_000;
const SEGMENT = 120;
const plaintext = patternBytes(SIZE);
const whole = Buffer.from(plaintext);
const LEFT = new DOMException("left", "AbortError");
const DONE = { done: true, value: undefined };
const WINDOW = { windowStart: 2 * SEGMENT, windowMost: 5 * SEGMENT };

let file: EncodedFile;
let grid: SimulatedGrid;
let node: FileNode;

beforeEach(async () => {
  file ??= await encodeShares(plaintext, { ...F1, maxSegmentSize: SEGMENT });
  grid = new SimulatedGrid(10, { ...WINDOW, smallShareBytes: 0, gapBytes: 0, segmentSizeGuesses: [SEGMENT] });
  node = grid.hold(file);
});

const afterwards = async (): Promise<void> => {
  await grid.clock.run(0);
  expect(grid.inFlight).toBe(0);
  expect(grid.pendingTimers).toBe(0);
};

it("M-01 a read begins once and ends once, however it ends", async () => {
  const events: LogEvent[] = [];
  grid.log.listen((event) => events.push(event));
  const count = (kind: string): number => events.filter((event) => event.kind === kind).length;
  await bytesOf(grid, node);
  const cancelled = node.read().getReader();
  await grid.clock.runUntil(cancelled.read());
  await cancelled.cancel(LEFT);
  await expect(cancelled.closed).resolves.toBeUndefined();
  const handle = new AbortController();
  const aborted = node.read({ signal: handle.signal }).getReader();
  await grid.clock.runUntil(aborted.read());
  handle.abort(LEFT);
  await expect(aborted.closed).rejects.toBe(LEFT);
  for (const server of grid.servers) server.behaviour.statusOnRead = 500;
  expect((await outcomeOf(grid, node)).error).toBeDefined();
  await afterwards();
  expect([count("read.start"), count("read.end")]).toEqual([4, 4]);
});

describe("pausing", () => {
  it("M-02 twice, after each of the first two pieces: complete and right", async () => {
    const parts: Uint8Array[] = [];
    const reader = node.read().getReader();
    for (;;) {
      const { done, value } = await grid.clock.runUntil(reader.read());
      if (done) break;
      parts.push(value);
      if (parts.length <= 2) await grid.clock.run(100);
    }
    expect(Buffer.concat(parts)).toEqual(whole);
  });

  it("M-03 before the first pull nothing is fetched, and then everything comes", async () => {
    const stream = node.read();
    await grid.clock.run(5_000);
    expect(grid.requests).toEqual({ lists: 0, reads: 0, bytes: 0 });
    expect(Buffer.compare(await grid.clock.runUntil(collect(stream)), whole)).toBe(0);
  });

  it("M-04 M-15 while segments are under way: what is fetched ahead stays within the window, then silence", async () => {
    const reader = node.read().getReader();
    let taken = 0;
    for (let i = 0; i < 8; i++) taken += (await grid.clock.runUntil(reader.read())).value?.length ?? 0;
    await grid.clock.run(60_000);
    expect(grid.inFlight).toBe(0);
    const fetched = blockBytesAskedFor();
    // k blocks make a segment; a hedge would ask for more, but no server is slow here.
    expect(fetched).toBeGreaterThanOrEqual(taken);
    expect(fetched).toBeLessThanOrEqual(taken + WINDOW.windowMost + SEGMENT);
    const { reads } = grid.requests;
    await grid.clock.run(60_000);
    expect(grid.requests.reads).toBe(reads);
    await reader.cancel();
  });

  it("M-05 and then stopping: nothing comes any more", async () => {
    const reader = node.read().getReader();
    await grid.clock.runUntil(reader.read());
    await grid.clock.run(3);
    await reader.cancel(LEFT);
    expect(await reader.read()).toEqual(DONE);
    await afterwards();
  });
});

it("segments of three bytes: only so many are fetched ahead", async () => {
  const windowSegments = 10;
  const own = new SimulatedGrid(3, { windowSegments });
  const { node: tiny } = await own.put(plaintext, { ...F1, maxSegmentSize: 3 });
  let begun = 0;
  own.log.listen(({ kind }) => {
    if (kind === "segment.start") begun++;
  });
  const reader = tiny.read().getReader();
  for (let taken = 1; taken <= 30; taken++) {
    await own.clock.runUntil(reader.read());
    await own.clock.run(100);
    expect(begun).toBeLessThanOrEqual(taken + windowSegments);
  }
  await reader.cancel();
});

/** Bytes of data sections that servers were asked for. */
function blockBytesAskedFor(): number {
  const end = 36 + file.geometry.shareDataLength;
  const parts = grid.servers.flatMap(({ reads }) => reads);
  return parts.reduce((sum, { offset, length }) => {
    return sum + Math.max(0, Math.min(end, offset + length) - Math.max(36, offset));
  }, 0);
}

describe("stopping", () => {
  it("M-06 in the first piece: nothing follows, and requests are called off", async () => {
    const pieces: number[] = [];
    const walk = async (): Promise<void> => {
      for await (const piece of node.read() as unknown as AsyncIterable<Uint8Array>) {
        pieces.push(piece.length);
        break;
      }
    };
    await grid.clock.runUntil(walk());
    expect(pieces).toEqual([SEGMENT]);
    await afterwards();
  });

  it("S7 M-07 as soon as there is a reader, and S7 M-08 right after the first pull: nothing comes, nothing remains", async () => {
    await node.read().cancel(LEFT);
    const reader = node.read().getReader();
    const pull = reader.read();
    await reader.cancel(LEFT);
    expect(await pull).toEqual(DONE);
    await afterwards();
    expect(grid.requests.reads).toBe(0);
  });

  it("M-14 everybody at once, with segments under way: nothing fires, and the network is silent", async () => {
    const handle = new AbortController();
    const reads = Array.from({ length: 5 }, (_, i) =>
      collect(node.read({ offset: 1_000 * i, signal: handle.signal })).catch((error: unknown) => error),
    );
    await grid.clock.run(25);
    expect(grid.inFlight).toBeGreaterThan(0);
    handle.abort(LEFT);
    expect(await Promise.all(reads)).toEqual([LEFT, LEFT, LEFT, LEFT, LEFT]);
    await afterwards();
    const before = grid.requests;
    await grid.clock.run(600_000);
    expect(grid.requests).toEqual(before);
  });
});

it("M-11 five pulls at once: pieces in order, one a segment, each fetched once", async () => {
  const reader = node.read().getReader();
  const first = await grid.clock.runUntil(Promise.all(Array.from({ length: 5 }, () => reader.read())));
  expect(first.map(({ value }) => value?.length)).toEqual(new Array(5).fill(SEGMENT));
  const rest: Uint8Array[] = first.map(({ value }) => value as Uint8Array);
  for (;;) {
    const { done, value } = await grid.clock.runUntil(reader.read());
    if (done) break;
    rest.push(value);
  }
  expect(Buffer.concat(rest)).toEqual(whole);
  expect(rest).toHaveLength(file.geometry.segmentCount);
  // The first segment's blocks are asked for of five shares, since it is not known yet which three will answer.
  expect(blockBytesAskedFor()).toBeLessThan(3 * file.geometry.shareDataLength + 5 * SEGMENT);
});

it("M-12 a consumer that throws: its error is the read's, and the file can be read on", async () => {
  const trouble = new Error("disk full");
  const sink = new WritableStream<Uint8Array>({
    write(piece) {
      if (piece.length > 0) throw trouble;
    },
  });
  await expect(grid.clock.runUntil(node.read().pipeTo(sink))).rejects.toBe(trouble);
  await afterwards();
  const walk = async (): Promise<void> => {
    for await (const _ of node.read() as unknown as AsyncIterable<Uint8Array>) throw trouble;
  };
  await expect(grid.clock.runUntil(walk())).rejects.toBe(trouble);
  await afterwards();
  expect(await bytesOf(grid, node)).toEqual(whole);
});

it("M-15 a sink with a full queue holds the read back, and a sink that aborts stops it", async () => {
  const written: Uint8Array[] = [];
  const sink = new WritableStream<Uint8Array>(
    {
      async write(piece) {
        await grid.clock.sleep(1_000, new AbortController().signal);
        written.push(piece);
      },
    },
    { highWaterMark: 1 },
  );
  const handle = new AbortController();
  const pipe = node.read().pipeTo(sink, { signal: handle.signal });
  pipe.catch(() => {});
  await grid.clock.run(6_500);
  expect(written).toHaveLength(6);
  // Taken: what was written, one piece in the sink's hands, one in its queue.
  expect(blockBytesAskedFor()).toBeLessThanOrEqual(8 * SEGMENT + WINDOW.windowMost + SEGMENT);
  handle.abort(LEFT);
  await expect(grid.clock.runUntil(pipe)).rejects.toBe(LEFT);
  expect(Buffer.concat(written).equals(whole.subarray(0, written.length * SEGMENT))).toBe(true);
  await afterwards();
});

describe("memory", () => {
  it("the window is bounded in bytes, also when segments are large, and dropped on a seek", async () => {
    const reader = node.read().getReader();
    let most = 0;
    let taken = 0;
    for (let i = 0; i < 30; i++) {
      taken += (await grid.clock.runUntil(reader.read())).value?.length ?? 0;
      await grid.clock.run(50);
      most = Math.max(most, blockBytesAskedFor() - taken);
    }
    expect(most).toBeGreaterThan(WINDOW.windowStart / 2);
    expect(most).toBeLessThanOrEqual(WINDOW.windowMost + SEGMENT);
    for (const server of grid.servers) server.behaviour.hangsOnRead = true;
    const stuck = reader.read();
    await grid.clock.run(1);
    // A seek: the old stream is left, a new one begun elsewhere.
    await reader.cancel(LEFT);
    await stuck;
    await afterwards();
    for (const server of grid.servers) server.behaviour.hangsOnRead = false;
    expect(await bytesOf(grid, node, { offset: 5_900 })).toEqual(whole.subarray(5_900));
    await afterwards();
  });
});
