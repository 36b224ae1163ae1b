import { expect, it } from "vitest";
import { GridError } from "../base/GridError.ts";
import { encodeShares } from "../files/testing/encodeShares.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { F1 } from "../files/testing/scenario.ts";
import { ChkShare } from "./ChkShare.ts";
import { FileFacts } from "./FileFacts.ts";
import { SharePool } from "./SharePool.ts";
import { contextFor } from "./testing/contextFor.ts";

it("a share that was forgotten, and fails afterwards, is not its successor", async () => {
  const grid = new SimulatedGrid(1);
  const { cap, storageIndexText } = await encodeShares(patternBytes(310), F1);
  const context = contextFor(grid, storageIndexText);
  const pool = new SharePool<ChkShare>(cap, context);
  const share = () => new ChkShare(server!, 0, new FileFacts(cap), context);
  const [server] = grid.servers;
  const failure = new GridError("SERVER_REFUSED", { server: "oak", status: 500, reason: "HTTP 500" }, "oak refused.");
  pool.add(server!, 0, share);
  const [first] = pool.usable();
  pool.kill(first!, failure, false);
  pool.revive();
  pool.add(server!, 0, share);
  const [second] = pool.usable();
  pool.kill(first!, failure, true);
  pool.revive();
  expect(pool.usable()).toEqual([second]);
});

it("behind a shared cache servers of like pace are taken in the file's order, and slower ones after them", async () => {
  const grid = new SimulatedGrid(4);
  const { cap, storageIndexText } = await encodeShares(patternBytes(310), F1);
  const context = contextFor(grid, storageIndexText);
  const pool = new SharePool<ChkShare>(cap, context);
  const facts = new FileFacts(cap);
  for (const [i, bytesPerMs] of [300, 3000, 2800, 5000].entries()) {
    const server = grid.servers[i]!;
    pool.add(server, i, () => new ChkShare(server, i, facts, context));
    context.health.of(server).sawLatency(10);
    context.health.of(server).sawThroughput(bytesPerMs * 100, 100);
  }
  const chosen = () => {
    const taken = { numbers: new Set<number>(), shares: new Set<ChkShare>(), load: new Map() };
    return [...pool.choose(taken, 100_000)].map(({ number }) => number);
  };
  expect(chosen()).toEqual([3, 1, 2, 0]);
  for (const { behaviour } of grid.servers) behaviour.cache = new Set();
  expect(chosen()).toEqual([1, 2, 3, 0]);
  // One that seems to be a hundred times as fast makes the others no slower.
  for (let i = 0; i < 20; i++) context.health.of(grid.servers[3]!).sawThroughput(50_000_000, 100);
  expect(chosen()).toEqual([1, 2, 3, 0]);
});
