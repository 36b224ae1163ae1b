import { expect, it } from "vitest";
import type { Limits } from "../base/limits.ts";
import { SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { ShareFinder } from "./ShareFinder.ts";
import { contextFor } from "./testing/contextFor.ts";

const SI = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

/** A finder, and all that it tells. `hungry`: seeks as many shares again inside of each of its calls. */
function finderOn(grid: SimulatedGrid, { hungry = 0, ...limits }: Partial<Limits> & { hungry?: number } = {}) {
  const deliveries: [server: string, numbers: readonly number[]][] = [];
  const exhausted: boolean[] = [];
  const heard = (): void => {
    if (hungry > 0) finder.seek(hungry);
    exhausted.push(finder.isExhausted);
  };
  const finder = new ShareFinder(
    contextFor(grid, SI, limits),
    new Uint8Array(16),
    (server, numbers) => {
      deliveries.push([server.name, numbers]);
      heard();
    },
    heard,
  );
  return { finder, deliveries, exhausted };
}

function gridOf(...holdings: readonly (readonly number[])[]): SimulatedGrid {
  const grid = new SimulatedGrid(holdings.length);
  for (const [i, numbers] of holdings.entries()) {
    for (const number of numbers) grid.servers[i]?.hold(SI, number, new Uint8Array(1));
  }
  return grid;
}

function hungGrid(count: number): SimulatedGrid {
  const grid = new SimulatedGrid(count);
  for (const { behaviour } of grid.servers) behaviour.hangsOnList = true;
  return grid;
}

it("S1 B-02 only connected servers are asked, from a list that is taken when it is first needed", async () => {
  const grid = gridOf([], [], [], [], []);
  let connected = grid.servers;
  grid.inOrderFor = () => connected;
  const { finder } = finderOn(grid, { hungry: 1 });
  connected = grid.servers.slice(2, 4);
  finder.seek(1);
  connected = grid.servers;
  await grid.clock.run(1000);
  expect(grid.servers.map(({ counts }) => counts.lists)).toEqual([0, 0, 1, 1, 0]);
});

it("S2 B-03 queries go out in parallel: all of a need at once, ten at the most while none is overdue", async () => {
  const grid = hungGrid(35);
  const { finder } = finderOn(grid);
  finder.seek(5);
  expect(grid.inFlight).toBe(5);
  await grid.clock.run(600);
  expect(grid.inFlight).toBe(10);
  await grid.clock.run(2300);
  expect(grid.inFlight).toBe(10);
  finder.pause();
});

it("B-04 overdue queries stop counting: ten more go out in every such period", async () => {
  const grid = hungGrid(35);
  const { finder } = finderOn(grid, { queryOverdue: 3000 });
  finder.seek(5);
  const totals: number[] = [];
  for (let period = 0; period < 4; period++) {
    await grid.clock.run(period === 0 ? 2900 : 3000);
    totals.push(grid.requests.lists);
  }
  expect(totals).toEqual([10, 20, 30, 35]);
  finder.pause();
});

it("B-05 the answer of an overdue server is delivered as any other", async () => {
  const grid = gridOf([4, 7]);
  (grid.servers[0] as SimulatedGrid["servers"][0]).behaviour.latency = 5000;
  const { finder, deliveries, exhausted } = finderOn(grid, { queryOverdue: 3000 });
  finder.seek(1);
  await grid.clock.run(4999);
  expect(finder.isExhausted).toBe(false);
  await grid.clock.run(1);
  expect(deliveries).toEqual([["server0", [4, 7]]]);
  expect(exhausted.at(-1)).toBe(true);
});

it("S3 B-09 all shares of an answer are handed over at once", async () => {
  const grid = gridOf([2, 1]);
  const { finder, deliveries } = finderOn(grid);
  finder.seek(5);
  await grid.clock.run(1000);
  expect(deliveries).toEqual([["server0", [1, 2]]]);
});

it("B-08 answers that come when nothing is sought any more are delivered, too", async () => {
  const grid = gridOf([1], [2]);
  const { finder, deliveries } = finderOn(grid);
  finder.seek(2);
  finder.seek(0);
  await grid.clock.run(1000);
  expect(deliveries).toHaveLength(2);
});

it.each([1, 2, 3, 5])("B-12 no reneging, hungry for %i again inside every answer", async (hungry) => {
  const grid = gridOf([1, 2], [], [3]);
  for (const [i, { behaviour }] of grid.servers.entries()) behaviour.latency = 10 + i;
  const { finder, deliveries, exhausted } = finderOn(grid, { hungry });
  finder.seek(hungry);
  await grid.clock.run(1000);
  expect(deliveries).toEqual([
    ["server0", [1, 2]],
    ["server2", [3]],
  ]);
  expect(exhausted.filter((isExhausted) => isExhausted)).toHaveLength(1);
  expect(finder.isExhausted).toBe(true);
});

it("B-13 exhausted only when every server was asked and every answer is in, an overdue one's too", async () => {
  const grid = gridOf([], [], []);
  (grid.servers[1] as SimulatedGrid["servers"][0]).behaviour.latency = 8000;
  const { finder } = finderOn(grid, { hungry: 1 });
  expect(finder.isExhausted).toBe(false);
  finder.seek(1);
  expect(finder.isExhausted).toBe(false);
  await grid.clock.run(8009); // it was asked when the first answer came, after 10
  expect(grid.requests.lists).toBe(3);
  expect(finder.isExhausted).toBe(false);
  await grid.clock.run(1);
  expect(finder.isExhausted).toBe(true);
});

it("B-13 a query has failed after the limit that was set, whether others have answered or not", async () => {
  const grid = hungGrid(2);
  grid.servers[0]!.behaviour.hangsOnList = false;
  const { finder } = finderOn(grid, { queryTimeout: 1_000 });
  finder.seek(2);
  await grid.clock.run(999);
  expect(finder.isExhausted).toBe(false);
  await grid.clock.run(1);
  expect(finder.isExhausted).toBe(true);
});

it("B-15 hung queries are given up: then nothing is awaited any more and each is accounted for", async () => {
  const grid = hungGrid(10);
  const { finder, exhausted } = finderOn(grid, { findTimeout: 15_000 });
  finder.seek(5);
  await grid.clock.run(14_999);
  expect(finder.isExhausted).toBe(false);
  await grid.clock.run(1);
  expect(exhausted.at(-1)).toBe(true);
  expect(grid.inFlight).toBe(0);
  expect(grid.clock.pendingTimers).toBe(0);
  expect([...finder.outcomes().values()]).toEqual(Array(10).fill("share query: overdue, given up"));
});

it("B-23 pausing stops queries and timers; answers are not awaited, servers are asked again later", async () => {
  const grid = hungGrid(4);
  const { finder, deliveries } = finderOn(grid);
  finder.seek(4);
  finder.pause();
  await grid.clock.run(0);
  expect(grid.inFlight).toBe(0);
  expect(grid.clock.pendingTimers).toBe(0);
  await grid.clock.run(100_000);
  expect(grid.requests.lists).toBe(4);
  expect(finder.isExhausted).toBe(false);
  for (const server of grid.servers) {
    server.behaviour.hangsOnList = false;
    server.hold(SI, 1, new Uint8Array(1));
  }
  finder.seek(4);
  await grid.clock.run(100);
  expect(deliveries).toHaveLength(4);
});
