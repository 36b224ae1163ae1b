import { beforeEach, describe, expect, it } from "vitest";
import type { LogEvent } from "../base/EventLog.ts";
import type { GridError } from "../base/GridError.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, damage, F1, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);

function server(grid: SimulatedGrid, index: number): SimulatedServer {
  return grid.servers[index] as SimulatedServer;
}

it("S1 B-01 servers are asked in the order that the server list gives for the file", async () => {
  const grid = new SimulatedGrid(10, { spareShares: 0 });
  const order = [7, 3, 9, 0, 1, 2, 4, 5, 6, 8].map((i) => server(grid, i));
  grid.inOrderFor = () => order;
  const { node } = await grid.put(plaintext, F1);
  expect(await bytesOf(grid, node)).toEqual(whole);
  expect(order.map(({ counts }) => counts.lists)).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
});

it("B-06 the first five of those asked at once hang: others are asked, and the read completes", async () => {
  const grid = new SimulatedGrid(10, { queriesAtOnce: 5 });
  for (let i = 0; i < 5; i++) server(grid, i).behaviour.hangsOnList = true;
  const { node } = await grid.put(plaintext, F1);
  expect(await bytesOf(grid, node)).toEqual(whole);
  expect(grid.clock.now()).toBeLessThan(5000);
  await grid.clock.run(0);
  expect(grid.inFlight).toBe(0);
});

it("B-07 stop asking when fed: of ten servers with a share each only k and the spares are asked", async () => {
  const grid = new SimulatedGrid(10, { spareShares: 2 });
  const { node } = await grid.put(plaintext, F1);
  const found: LogEvent[] = [];
  grid.log.listen((event) => {
    if (event.kind === "node.share-found") found.push(event);
  });
  await bytesOf(grid, node);
  expect(grid.requests.lists).toBe(5);
  // B-08: the spare answers count, though three shares were enough.
  expect(found.map(({ fields }) => fields.share)).toEqual([0, 1, 2, 3, 4]);
});

it("B-10 empty replies: the next servers are asked", async () => {
  const grid = new SimulatedGrid(20);
  const { node } = await grid.put(plaintext, F1, (n) => [n + 10]);
  expect(await bytesOf(grid, node)).toEqual(whole);
  expect(grid.requests.lists).toBeLessThanOrEqual(15);
});

it.each([400, 401, 404, 500])(
  "B-11 B-20 queries refused with %i: others are asked, and those not again",
  async (status) => {
    const grid = new SimulatedGrid(10);
    for (const i of [0, 1, 4]) server(grid, i).behaviour.statusOnList = status;
    const { node } = await grid.put(plaintext, F1);
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect([0, 1, 4].map((i) => server(grid, i).counts.lists)).toEqual([1, 1, 1]);
    expect([0, 1, 4].map((i) => server(grid, i).counts.reads)).toEqual([0, 0, 0]);
  },
);

it("B-14 zero servers: no shares, at once", async () => {
  const grid = new SimulatedGrid(0);
  const { error } = await outcomeOf(grid, (await grid.put(plaintext, F1, () => [])).node);
  expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { needed: 3, found: 0, servers: [] } });
  expect(grid.clock.now()).toBe(0);
});

it("B-15 everybody hangs: an error within a browser's patience, that names each server", async () => {
  const grid = new SimulatedGrid(10);
  for (const { behaviour } of grid.servers) behaviour.hangsOnList = true;
  const { error } = await outcomeOf(grid, (await grid.put(plaintext, F1)).node);
  expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { needed: 3, found: 0 } });
  const { servers } = (error as GridError<"NOT_ENOUGH_SHARES">).details;
  expect(servers.map((outcome) => outcome.server).sort()).toEqual(grid.servers.map(({ name }) => name).sort());
  for (const { outcome } of servers) expect(outcome).toMatch(/overdue|no answer/);
  expect(grid.clock.now()).toBeLessThan(45_000);
  expect(grid.inFlight).toBe(0);
  expect(grid.pendingTimers).toBe(0);
});

describe("B-16 duplicate share numbers", () => {
  it("S4 a share on every server is one share, of which one copy is read", async () => {
    const grid = new SimulatedGrid(10);
    const { node } = await grid.put(plaintext, F1, (n) =>
      n === 0 ? [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] : n < 3 ? [n] : [],
    );
    expect(await bytesOf(grid, node)).toEqual(whole);
    const read = grid.servers.flatMap(({ reads }) => reads.map(({ shareNumber }) => shareNumber));
    expect(new Set(read)).toEqual(new Set([0, 1, 2]));
  });

  it("copies do not add up to k", async () => {
    const grid = new SimulatedGrid(10);
    const { node } = await grid.put(plaintext, F1, (n) => (n < 2 ? [0, 1, 2, 3, 4] : []));
    expect(await outcomeOf(grid, node)).toMatchObject({ error: { details: { needed: 3, found: 2 } } });
  });
});

it.each([
  ["B-18 absurd share numbers", [16, 200, 255, 256, 70000, -1]],
  ["B-19 share numbers in the padding of the tree", [10, 11, 12, 13, 14, 15]],
])("%s are not believed, and harm no one", async (_name, numbers) => {
  const grid = new SimulatedGrid(4);
  const { node, shares, storageIndexText } = await grid.put(plaintext, F1, (n) => (n < 3 ? [3 - n] : []));
  for (const number of numbers) {
    for (const i of [0, 1]) server(grid, i).hold(storageIndexText, number, shares.get(5) as Uint8Array);
  }
  expect(await bytesOf(grid, node)).toEqual(whole);
  const read = grid.servers.flatMap(({ reads }) => reads.map(({ shareNumber }) => shareNumber));
  expect(new Set(read)).toEqual(new Set([0, 1, 2]));
  // Nor do they count for a file of which there are too few.
  damage(grid, storageIndexText, [2], () => new Uint8Array(0));
  expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
});

it("B-21 a damaged container, which gives no byte for any read, is as good as no share", async () => {
  for (const spare of [false, true]) {
    const grid = new SimulatedGrid(4);
    server(grid, 1).behaviour.tamper = () => new Uint8Array(0);
    const { node } = await grid.put(plaintext, F1, (n) => (n < (spare ? 4 : 3) ? [n] : []));
    expect(await codeOf(grid, node)).toBe(spare ? "none" : "NOT_ENOUGH_SHARES");
    expect(grid.clock.now()).toBeLessThan(1000);
  }
});

it("B-22 a server that comes after a failure is asked by the next read, on the same node", async () => {
  const grid = new SimulatedGrid(4);
  let connected = grid.servers.slice(0, 2);
  grid.inOrderFor = () => connected;
  const { node } = await grid.put(plaintext, F1, (n) => (n < 4 ? [n] : []));
  expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
  connected = grid.servers;
  expect(await bytesOf(grid, node)).toEqual(whole);
});

it("B-23 the last reader leaves while queries hang: nothing is sent, awaited or timed any more", async () => {
  const grid = new SimulatedGrid(10);
  for (const { behaviour } of grid.servers) behaviour.hangsOnList = true;
  const { node } = await grid.put(plaintext, F1);
  const reader = node.read().getReader();
  const first = reader.read();
  await grid.clock.run(700);
  const { lists } = grid.requests;
  await reader.cancel();
  await first;
  await grid.clock.run(0);
  expect(grid.inFlight).toBe(0);
  expect(grid.pendingTimers).toBe(0);
  await grid.clock.run(100_000);
  expect(grid.requests).toEqual({ lists, reads: 0, bytes: 0 });
});

it("B-24 C-01 fast servers are preferred, by what their share queries took", async () => {
  const grid = new SimulatedGrid(5);
  for (const [i, { behaviour }] of grid.servers.entries()) behaviour.latency = [90, 20, 80, 10, 30][i] as number;
  const { node } = await grid.put(plaintext, F1, (n) => (n < 5 ? [n] : []));
  expect(await bytesOf(grid, node)).toEqual(whole);
  expect(grid.servers.map(({ reads }) => reads.length > 0)).toEqual([false, true, false, true, true]);
});
