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
