import { appendFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isGridError } from "../base/GridError.ts";
import { paddedSegmentSize } from "../formats/Geometry.ts";
import { encodeMdmf } from "./testing/encodeMdmf.ts";
import { encodeShares } from "./testing/encodeShares.ts";
import { installLateCrypto, installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { Random } from "./testing/random.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { faultless, type SimulatedServer } from "./testing/SimulatedServer.ts";

/*
 * Random histories: servers that are slow, silent, cut off, lying or coming and going; readers that start, seek and leave. Whatever
 * happens, a read gives right bytes or a documented error, it ends, and when the last one has left nothing is under way.
 *
 * Each run has new ones. The names of the tests say which, and a failure how it is replayed:
 *
 * Replay one:    GRIDFETCH_SEED=123 npx vitest run src/files/simulation.test.ts
 * Run more:      GRIDFETCH_HISTORIES=20000 npx vitest run src/files/simulation.test.ts
 */
const only = process.env.GRIDFETCH_SEED;
const histories = Number(process.env.GRIDFETCH_HISTORIES ?? 2000);
const BATCH = 100;
// Below a bound: the generator mixes seeds in numbers of 53 bits.
const FIRST = BATCH * Math.floor(Math.random() * 30_000);

/** Longest time that a read may take on a grid where everything goes wrong: in virtual milliseconds. */
const SETTLE_LIMIT = 600_000;

describe("V-5 L-16 random histories", () => {
  if (only !== undefined) {
    it(`seed ${only}`, () => runHistory(Number(only), true));
    return;
  }
  for (let from = FIRST; from < FIRST + histories; from += BATCH) {
    it(`seeds ${from} to ${from + BATCH - 1}`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed < from + BATCH; seed++) {
        try {
          await runHistory(seed, false);
        } catch (error) {
          throw new Error(`GRIDFETCH_SEED=${seed} npx vitest run src/files/simulation.test.ts`, { cause: error });
        }
      }
    });
  }
});

/** Milliseconds for which what is left goes on. */
const LINGER = 300;

async function runHistory(seed: number, isVerbose: boolean): Promise<void> {
  installSynchronousCrypto();
  const random = new Random(seed);
  const windowMost = random.pick([200, 4000]);
  const lingerBytes = random.pick([0, 600]);
  const grid = new SimulatedGrid(random.integer(1, 12), {
    windowStart: Math.min(windowMost, random.pick([1, 200, 2000])),
    windowMost,
    linger: LINGER,
    lingerBytes,
    segmentSizeGuesses: random.pick([[100, 30], [1000], [1048576, 131072]]),
    smallShareBytes: random.pick([0, 500, 32768]),
    gapBytes: random.pick([0, 64, 8192]),
    requestBytes: random.pick([300, 1000, 3_000_000]),
  });
  if (isVerbose) grid.log.listen((event) => appendFileSync(1, `${JSON.stringify(event)}\n`));
  const needed = random.integer(1, 5);
  const total = random.integer(needed, needed + 8);
  const plaintext = patternBytes(random.integer(56, 1200), seed + 1);
  const placement = new Map<number, number[]>();
  const maxSegmentSize = random.integer(20, 500);
  const isMutable = random.chance(0.25);
  const file = isMutable
    ? await encodeMdmf(plaintext, { needed, total, segmentSize: paddedSegmentSize(maxSegmentSize, 1e6, needed) })
    : await encodeShares(plaintext, { needed, total, maxSegmentSize, version: random.pick([1, 2]) });
  for (const [n, bytes] of file.shares) {
    const places = Array.from({ length: random.pick([0, 1, 1, 1, 2]) }, () =>
      random.integer(0, grid.servers.length - 1),
    );
    placement.set(n, places);
    for (const index of places) grid.servers[index]!.hold(file.storageIndexText, n, bytes);
  }
  const never = new AbortController().signal;
  const node = await grid.clock.runUntil(grid.nodes.openLatest(file.cap, never)).catch((error: unknown) => {
    const found = [...placement.values()].filter(({ length }) => length > 0).length;
    if (!isGridError(error, "NO_VERSION") || found >= needed) throw error;
  });
  if (node === undefined) return;
  const isCached = random.chance(0.25);
  for (const { behaviour } of grid.servers) behaviour.cache = isCached ? new Set() : undefined;
  const honest = new Set<SimulatedServer>();
  for (const server of grid.servers) {
    if (!disturb(server, random, grid)) honest.add(server);
  }
  const sureShares = [...placement].filter(([, places]) =>
    places.some((index) => honest.has(grid.servers[index] as SimulatedServer)),
  );
  const mustSucceed = sureShares.length >= needed;

  // In every other history what crypto.subtle computes is there a while later, and not in the order in which it was asked for.
  const lateness = new Random(seed + 0.5);
  const late = () => new Promise<void>((resolve) => grid.plan(lateness.integer(0, 40), resolve));
  if (seed % 2 === 1) installLateCrypto(late);
  const readerCount = random.integer(1, 5);
  const most = mostAtOnce(grid);
  const readers = Array.from({ length: readerCount }, () => runReader(random, grid, node, plaintext, mustSucceed));
  await grid.clock.runUntil(Promise.all(readers), SETTLE_LIMIT);
  await grid.clock.run(LINGER);

  // A window is never wider than its limit, but for one segment, and for the last one, which may be short.
  const perReader = Math.floor(windowMost / file.geometry.segmentSize) + 1;
  const lingering = lingerBytes === 0 ? 0 : Math.floor(lingerBytes / file.geometry.segmentSize) + 1;
  expect(most.segments, "segments under way at once").toBeLessThanOrEqual(readerCount * perReader + lingering);
  // However often servers fail: no read asks for the same bytes over and over.
  const stored = [...file.shares].reduce((sum, [n, { length }]) => sum + length * (placement.get(n)?.length ?? 0), 0);
  const lies = 40 * grid.requests.reads;
  // A search for a version's shares looks at each of them anew.
  if (!isMutable) {
    expect(grid.requests.bytes, "bytes from servers").toBeLessThanOrEqual((most.reads + 1) * 2 * stored + lies);
  }
  expect(grid.inFlight, "requests after the last reader left").toBe(0);
  expect(grid.memory.takenCount, "buffers in use after the last reader left").toBe(0);
  expect(grid.pendingTimers, "timers after the last reader left").toBe(0);
}

/** Counts reads, and the most segments that were under way at the same time, from now on. */
function mostAtOnce(grid: SimulatedGrid): { reads: number; segments: number } {
  const counts = { reads: 0, segments: 0 };
  let segments = 0;
  grid.log.listen(({ kind }) => {
    if (kind === "read.start") counts.reads++;
    if (kind === "segment.start") segments++;
    if (kind === "segment.done" || kind === "segment.failed") segments--;
    counts.segments = Math.max(counts.segments, segments);
  });
  return counts;
}

/** Makes a server misbehave, some of them for a time only. False for one that never will. */
function disturb(server: SimulatedServer, random: Random, grid: SimulatedGrid): boolean {
  const { behaviour } = server;
  behaviour.latency = random.pick([1, 10, 50, 300, 2000]);
  behaviour.bandwidth = random.pick([0.5, 10, 1000]);
  if (random.chance(0.5)) return false;
  const misbehave = (): void => {
    switch (random.integer(0, 8)) {
      case 0:
        behaviour.hangsOnList = true;
        break;
      case 1:
        behaviour.hangsOnRead = true;
        break;
      case 2:
        behaviour.statusOnList = 500;
        break;
      case 3:
        behaviour.statusOnRead = random.pick([401, 404, 500]);
        break;
      case 4:
        behaviour.breaksAfter = random.integer(0, 300);
        break;
      case 5:
        behaviour.stallsAfter = random.integer(0, 300);
        break;
      case 6:
        behaviour.tamper = (_n, _offset, bytes) => flipOne(bytes, random);
        break;
      case 7:
        behaviour.tamper = (_n, _offset, bytes) => bytes.subarray(0, random.integer(0, bytes.length));
        break;
      default:
        behaviour.tamper = (_n, _offset, bytes) => new Uint8Array(bytes.length + random.integer(0, 40));
    }
  };
  const recover = (): void => {
    Object.assign(behaviour, faultless);
  };
  if (random.chance(0.5)) misbehave();
  else grid.plan(random.integer(0, 3000), misbehave);
  if (random.chance(0.3)) grid.plan(random.integer(0, 20_000), recover);
  return true;
}

function flipOne(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  const flipped = bytes.slice();
  const at = random.integer(0, bytes.length - 1);
  flipped[at] = (flipped[at] as number) ^ random.integer(1, 255);
  return flipped;
}

async function runReader(
  random: Random,
  grid: SimulatedGrid,
  node: { read(options: object): ReadableStream<Uint8Array> },
  plaintext: Uint8Array,
  mustSucceed: boolean,
): Promise<void> {
  const reads = random.integer(1, 4);
  for (let i = 0; i < reads; i++) {
    await grid.clock.sleep(random.integer(0, 2000), new AbortController().signal);
    const offset = random.integer(0, plaintext.length + 10);
    const length = random.chance(0.3) ? undefined : random.integer(0, plaintext.length);
    const controller = new AbortController();
    const isCancelled = random.chance(0.4);
    if (isCancelled) {
      const reason = new DOMException("left", "AbortError");
      grid.plan(random.integer(0, 3000), () => controller.abort(reason));
    }
    await readOnce(
      random,
      grid,
      node.read({ offset, ...(length === undefined ? {} : { length }), signal: controller.signal }),
      {
        expected: plaintext.subarray(offset, length === undefined ? undefined : offset + length),
        mustSucceed,
        controller,
      },
    );
  }
}

async function readOnce(
  random: Random,
  grid: SimulatedGrid,
  stream: ReadableStream<Uint8Array>,
  { expected, mustSucceed, controller }: { expected: Uint8Array; mustSucceed: boolean; controller: AbortController },
): Promise<void> {
  const reader = stream.getReader();
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      expect(at + value.length, "bytes beyond the range").toBeLessThanOrEqual(expected.length);
      expect(Buffer.from(value).equals(expected.subarray(at, at + value.length)), "wrong bytes").toBe(true);
      at += value.length;
      if (random.chance(0.1)) await grid.clock.sleep(random.integer(0, 500), new AbortController().signal);
      if (random.chance(0.02)) {
        await reader.cancel(new DOMException("seek", "AbortError"));
        return;
      }
    }
    expect(at, "the stream ended early").toBe(expected.length);
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) return;
    if (!isGridError(error, "NOT_ENOUGH_SHARES") || mustSucceed) throw error;
  }
}
