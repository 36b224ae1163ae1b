import { expect, it } from "vitest";
import type { Limits } from "../base/limits.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import type { SimulatedServer } from "../files/testing/SimulatedServer.ts";
import { ShareBytes } from "./ShareBytes.ts";
import { contextFor } from "./testing/contextFor.ts";

const SI = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
const never = new AbortController().signal;
const share = patternBytes(10_000);

function share0(limits: Partial<Limits> = {}) {
  const grid = new SimulatedGrid(1);
  const server = grid.servers[0] as SimulatedServer;
  server.hold(SI, 0, share);
  const context = contextFor(grid, SI, { gapBytes: 0, ...limits });
  return { grid, server, health: context.health.of(server), bytes: new ShareBytes(server, 0, context) };
}

const ranges = (server: SimulatedServer) => server.reads.map(({ offset, length }) => [offset, length]);

it("E-01 no byte is asked for while it is under way, or here", async () => {
  const { grid, server, bytes } = share0();
  const release = bytes.speculate([{ offset: 100, length: 300 }]);
  await grid.clock.run(5);
  const reads = [bytes.read(100, 50, never), bytes.read(120, 200, never), bytes.read(350, 100, never)];
  const got = await grid.clock.runUntil(Promise.all(reads));
  expect(got).toEqual([share.slice(100, 150), share.slice(120, 320), share.slice(350, 450)]);
  expect(ranges(server)).toEqual([
    [100, 300],
    [400, 50],
  ]);
  expect(await grid.clock.runUntil(bytes.read(320, 80, never))).toEqual(share.slice(320, 400));
  expect(server.reads).toHaveLength(2);
  release();
});

it("E-02 wants of one moment that touch or overlap are one request", async () => {
  const { grid, server, bytes } = share0();
  const reads = [
    [50, 10],
    [10, 20],
    [30, 20],
    [40, 15],
    [500, 5],
  ].map(([offset, length]) => bytes.read(offset as number, length as number, never));
  await grid.clock.runUntil(Promise.all(reads));
  expect(ranges(server)).toEqual([
    [10, 50],
    [500, 5],
  ]);
});

it("E-02 a small gap is read over, a large one is not, and no request is longer than it may be", async () => {
  const { grid, server, bytes } = share0({ gapBytes: 100, requestBytes: 1000 });
  const reads = [bytes.read(0, 10, never), bytes.read(110, 10, never), bytes.read(221, 10, never)];
  const long = bytes.read(5000, 2500, never);
  await grid.clock.runUntil(Promise.all([...reads, long]));
  expect(ranges(server)).toEqual([
    [0, 120],
    [221, 10],
    [5000, 834],
    [5834, 834],
    [6668, 832],
  ]);
  expect(await long).toEqual(share.slice(5000, 7500));
});

it("E-03 a guess that goes beyond the share's end costs nothing: what exists is here", async () => {
  const { grid, bytes } = share0();
  const release = bytes.speculate([{ offset: 9900, length: 5000 }]);
  expect(await grid.clock.runUntil(bytes.read(9950, 50, never))).toEqual(share.slice(9950));
  release();
});

it.each([
  ["E-04 needed bytes that a short reply shows to be missing", 9_990, 20],
  ["E-07 a read from the share's end on", 10_000, 1],
  ["E-07 a read from behind the share's end", 2 ** 52, 8],
])("%s are reported as missing", async (_name, offset, length) => {
  const { grid, server, bytes } = share0();
  const read = () => grid.clock.runUntil(bytes.read(offset, length, never));
  await expect(read()).rejects.toMatchObject({ code: "DATA_UNAVAILABLE", details: { offset, length } });
  // The end is known from then on.
  await expect(read()).rejects.toMatchObject({ code: "DATA_UNAVAILABLE" });
  expect(server.reads).toHaveLength(1);
});

it("E-08 a server that sends more than it was asked for has failed", async () => {
  const { grid, server, bytes } = share0();
  server.behaviour.tamper = (_number, _offset, honest) => new Uint8Array(honest.length + 1);
  await expect(grid.clock.runUntil(bytes.read(0, 100, never))).rejects.toMatchObject({ code: "SERVER_REFUSED" });
});

it("E-09 a body that breaks off is a failure and not the share's end", async () => {
  const { grid, server, bytes } = share0();
  server.behaviour.bandwidth = 0.02;
  server.behaviour.breaksAfter = 40;
  await expect(grid.clock.runUntil(bytes.read(0, 100, never))).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
  server.behaviour.breaksAfter = undefined;
  expect(await grid.clock.runUntil(bytes.read(0, 100, never))).toEqual(share.slice(0, 100));
});

it("E-10 a reply that comes after its reader left changes nothing", async () => {
  const { grid, server, bytes } = share0();
  const controller = new AbortController();
  const reason = new Error("left");
  const read = bytes.read(0, 100, controller.signal);
  await grid.clock.run(5);
  controller.abort(reason);
  await expect(read).rejects.toBe(reason);
  await grid.clock.run(100);
  expect(grid.inFlight).toBe(0);
  expect(server.counts.bytes).toBe(0);
  expect(await grid.clock.runUntil(bytes.read(0, 100, never))).toEqual(share.slice(0, 100));
});

it("E-10 what another reader still waits for goes on when one leaves", async () => {
  const { grid, server, bytes } = share0();
  const controller = new AbortController();
  const gone = bytes.read(0, 100, controller.signal);
  const stays = bytes.read(90, 20, never);
  await grid.clock.run(5);
  controller.abort(new Error("left"));
  await expect(gone).rejects.toThrow("left");
  expect(await grid.clock.runUntil(stays)).toEqual(share.slice(90, 110));
  expect(server.reads).toHaveLength(1);
});

it("E-10 a request whose last reader got what it waited for ends there, where the others have left", async () => {
  const { grid, server, bytes } = share0();
  server.behaviour.bandwidth = 1;
  const left = new AbortController();
  const first = bytes.read(0, 1000, never);
  const second = bytes.read(1000, 9000, left.signal).catch(() => undefined);
  await grid.clock.run(5);
  left.abort(new Error("left"));
  await second;
  await grid.clock.runUntil(first);
  await grid.clock.run(5);
  expect(grid.inFlight).toBe(0);
  expect(server.counts.bytes).toBeLessThan(2000);
});

it("E-11 a refused request fails all that wait for its bytes, with the cause, and none that do not", async () => {
  const { grid, server, bytes } = share0({ requestBytes: 100 });
  server.behaviour.statusOnRead = 500;
  const failing = [bytes.read(0, 50, never), bytes.read(20, 80, never)];
  await grid.clock.run(5);
  server.behaviour.latency = 50;
  const later = bytes.read(5000, 10, never);
  const outcomes = await grid.clock.runUntil(Promise.allSettled(failing));
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "SERVER_REFUSED", details: { status: 500 } } });
  }
  server.behaviour.statusOnRead = undefined;
  expect(await grid.clock.runUntil(later)).toEqual(share.slice(5000, 5010));
});

it("E-12 bytes are kept only while somebody wants them", async () => {
  const { grid, server, bytes } = share0();
  await grid.clock.runUntil(bytes.read(0, 100, never));
  await grid.clock.runUntil(bytes.read(0, 100, never));
  expect(server.reads).toHaveLength(2);
  const release = bytes.speculate([{ offset: 0, length: 100 }]);
  await grid.clock.run(100);
  release();
  await grid.clock.runUntil(bytes.read(50, 10, never));
  expect(server.reads).toHaveLength(4);
});

it("E-18 of several wants none waits for another's bytes", async () => {
  const { grid, server, bytes } = share0();
  const slow = bytes.read(4000, 10, never);
  server.behaviour.latency = 500;
  await grid.clock.run(0);
  server.behaviour.latency = 10;
  let isSlowHere = false;
  void slow.then(() => {
    isSlowHere = true;
  });
  const quick = bytes.read(2000, 10, never);
  expect(await grid.clock.runUntil(quick)).toEqual(share.slice(2000, 2010));
  expect(isSlowHere).toBe(false);
  expect(await grid.clock.runUntil(slow)).toEqual(share.slice(4000, 4010));
});

it("a reply that does not end, after all its bytes: a read that goes on into the next request gets its bytes", async () => {
  const { grid, server, bytes } = share0({ requestBytes: 1000 });
  const readShare = server.readShare.bind(server);
  server.readShare = async function* (storageIndex, shareNumber, offset, length, signal) {
    if (offset > 0) await grid.clock.sleep(2000, signal);
    yield* readShare(storageIndex, shareNumber, offset, length, signal);
    await grid.clock.sleep(60_000, signal);
  };
  expect(await grid.clock.runUntil(bytes.read(0, 2000, never))).toEqual(share.slice(0, 2000));
  await grid.clock.run(500);
  expect(grid.inFlight).toBe(0);
});

it("bytes that come one at a time", async () => {
  const long = patternBytes(128 * 1024);
  const { grid, server, bytes } = share0();
  server.hold(SI, 0, long);
  const readShare = server.readShare.bind(server);
  server.readShare = async function* (...request) {
    for await (const piece of readShare(...request)) for (const byte of piece) yield Uint8Array.of(byte);
  };
  const got = await grid.clock.runUntil(bytes.read(0, long.length, never));
  expect(Buffer.compare(got, long)).toBe(0);
});

it.each([
  ["in one request", 4_000_000],
  ["in several", 3_000],
])("what there is of a range that the share ends in is read, %s", async (_, requestBytes) => {
  const { grid, bytes } = share0({ requestBytes });
  const scope = grid.log.scope("node");
  expect(await grid.clock.runUntil(bytes.readUpTo(500, 12_000, never, scope))).toEqual(share.slice(500));
});

it("what a cache had tells nothing of its server", async () => {
  const { grid, server, health, bytes } = share0();
  server.behaviour.cache = new Set();
  await grid.clock.runUntil(bytes.read(0, 1000, never));
  const { latency } = health;
  expect(latency).toBeGreaterThan(0);
  for (let i = 0; i < 40; i++) await grid.clock.runUntil(bytes.read(0, 1000, never));
  expect(server.reads).toHaveLength(41);
  expect(health.latency).toBe(latency);
});
