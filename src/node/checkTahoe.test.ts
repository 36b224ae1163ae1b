import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GridCheck } from "../base/GridCheck.ts";
import type { AddressConfig } from "../base/gridConfig.ts";
import { parseNurl } from "../servers/parseNurl.ts";
import { runGridfetch } from "./testing/runGridfetch.ts";
import { TahoeGrid, tahoeBin } from "./testing/TahoeGrid.ts";

const MINUTE = 60_000;

describe.skipIf(tahoeBin === undefined)("a check of real Tahoe-LAFS servers (GRIDFETCH_TAHOE)", () => {
  let grid: TahoeGrid;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gridfetch-check-"));
    grid = await TahoeGrid.start(tahoeBin!, 2);
  }, 3 * MINUTE);

  afterAll(async () => {
    await grid?.stop();
    await rm(folder, { recursive: true });
  }, MINUTE);

  async function check(addresses: readonly AddressConfig[]) {
    const path = join(folder, "grid.json");
    await writeFile(
      path,
      JSON.stringify({ servers: addresses.map((address, i) => ({ id: `${i}`, addresses: [address] })) }),
    );
    const { status, stdout } = await runGridfetch(["check", "--config", path, "--json"]);
    const [{ servers }] = (JSON.parse(stdout.toString()) as { grids: [GridCheck] }).grids;
    for (const { nurl } of grid.servers) expect(stdout.toString()).not.toContain(parseNurl(nurl).swissnum);
    return { status, problems: servers.map(({ addresses }) => addresses[0]!.finding?.problem) };
  }

  test("names their version, and whether the pin and the swissnum are right", async () => {
    const { status, stdout } = await runGridfetch(["check", "--servers", grid.serversFile]);
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/^2 of 2 servers can be used\n.* {2}works {2}\d+ ms .* tahoe-lafs\/1\.\d+/);
    const [first, second] = grid.servers.map(({ nurl }) => nurl) as [string, string];
    const result = await check([
      { nurl: first },
      { nurl: first.replace(/\/[^/]+#/, "/another-swissnum#") },
      { nurl: first.replace(/\/[^/]+#/, "/#") },
      { nurl: first.replace(parseNurl(first).tlsId, parseNurl(second).tlsId) },
    ]);
    expect(result).toEqual({ status: 1, problems: [undefined, "wrong-swissnum", "wrong-swissnum", "wrong-key"] });
  });

  test("says which one is away", async () => {
    await grid.servers[1]!.stop();
    const { problems } = await check(grid.servers.map(({ nurl }) => ({ nurl })));
    expect(problems).toEqual([undefined, "unreachable"]);
  });
});
