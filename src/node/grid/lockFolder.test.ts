import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startDevelopmentGrid } from "./developmentGrid.ts";
import { lockFolder } from "./lockFolder.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-lock-"));
});

afterEach(() => rm(folder, { recursive: true }));

it("lets one grid run in a folder, and the next one when it is closed", async () => {
  const grid = await startDevelopmentGrid({ folder, servers: 1 });
  await expect(startDevelopmentGrid({ folder, servers: 1 })).rejects.toThrow(
    `a grid runs in ${folder} already (process ${process.pid})`,
  );
  await grid.close();
  await (await startDevelopmentGrid({ folder, servers: 1 })).close();
});

it("lets a grid start again whose start failed", async () => {
  await writeFile(join(folder, "grid-state.json"), "nonsense");
  await expect(startDevelopmentGrid({ folder, servers: 1 })).rejects.toThrow("is not what a development grid wrote");
  await rm(join(folder, "grid-state.json"));
  await (await startDevelopmentGrid({ folder, servers: 1 })).close();
});

it.each(["", "not a number", "-1", String(spawnSync(process.execPath, ["-e", ""]).pid)])(
  "does not mind a lock that nobody holds: %j",
  async (text) => {
    await writeFile(join(folder, "grid.lock"), text);
    await (await lockFolder(folder))();
  },
);
