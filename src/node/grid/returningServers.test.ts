import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../base/Clock.ts";
import { defaultLimits } from "../../base/limits.ts";
import { createFileNodes } from "../../files/createFileNodes.ts";
import type { FileNode } from "../../files/FileNode.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { ConfiguredServerList } from "../../servers/ConfiguredServerList.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { runGridfetch } from "../testing/runGridfetch.ts";
import { nodeAddressTransport } from "../transport/nodeAddressTransport.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "./developmentGrid.ts";

let folder = "";
let grid: DevelopmentGrid;
let list: ConfiguredServerList;
let file: FileNode;
const plaintext = randomBytes(18_000_000);
/** Short, so that servers that have failed are asked again soon. */
const limits = { ...defaultLimits, secondChance: 50 };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-return-"));
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers: 5, https: true });
  const path = join(folder, "plain");
  await writeFile(path, plaintext);
  const { stdout } = await runGridfetch(["put", path, "--servers", grid.serversFile, "--k", "3", "--n", "5"]);
  list = new ConfiguredServerList(nodeAddressTransport(), { clock: systemClock, limits });
  await readList();
  file = createFileNodes({ servers: list, limits, segmentCacheBytes: 0 }).open(parseCap(stdout.toString().trim()));
});

afterEach(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

async function readList(): Promise<void> {
  list.update(parseGridConfig(JSON.parse(await readFile(grid.configFile, "utf8")))[0], {});
}

async function read(): Promise<string> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of file.read()) pieces.push(piece);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return Buffer.concat(pieces).equals(plaintext) ? "all of it" : "other bytes";
}

async function restart(): Promise<void> {
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers: 5, https: true });
}

it("reads from servers that were killed and started again, by the same file and server objects", async () => {
  expect(await read()).toBe("all of it");
  await grid.close();
  expect(await read()).toBe("NOT_ENOUGH_SHARES");
  await restart();
  expect(await read()).toBe("all of it");
});

it("reads on from servers that were gone for a while in the middle of the read, when others go", async () => {
  const reader = file.read().getReader();
  const pieces = [(await reader.read()).value!];
  for (const server of [0, 1]) grid.setDials(server, { down: true });
  pieces.push((await reader.read()).value!);
  for (const server of [0, 1]) grid.setDials(server, { down: false });
  await new Promise((resolve) => setTimeout(resolve, 4 * limits.secondChance));
  for (const server of [2, 3]) grid.setDials(server, { down: true });
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value);
  expect(Buffer.concat(pieces).equals(plaintext)).toBe(true);
});

it("follows servers to other ports, once the list says so", async () => {
  expect(await read()).toBe("all of it");
  const before = list.known();
  await grid.close();
  // Taken ports make the grid choose others.
  const takers = grid.addresses
    .slice(0, 3)
    .map(({ url }) => createServer().listen(Number(new URL(url).port), "127.0.0.1"));
  try {
    await restart();
    expect(await read()).toBe("NOT_ENOUGH_SHARES");
    await readList();
    expect(await read()).toBe("all of it");
    expect(list.known().map((server, i) => server === before[i])).toEqual([false, false, false, true, true]);
  } finally {
    for (const taker of takers) taker.close();
  }
});
