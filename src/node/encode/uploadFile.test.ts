import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFileNodes } from "../../files/createFileNodes.ts";
import type { ChkCap } from "../../formats/Cap.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import { goldenFile } from "../../formats/testing/golden.ts";
import { StaticServerList } from "../../servers/StaticServerList.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { readServerList } from "../transport/readServerList.ts";
import { UploadServer } from "./UploadServer.ts";
import { type UploadOptions, type UploadResult, uploadFile } from "./uploadFile.ts";

const never = new AbortController().signal;
const SECRET = createHash("sha256").update("gridfetch golden").digest();

let folder = "";
let path = "";
let grid: DevelopmentGrid;
let servers: UploadServer[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-upload-"));
  path = join(folder, "file");
  await useGrid({ servers: 10 });
});

afterEach(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

async function useGrid(options: { servers: number; https?: boolean }): Promise<void> {
  await grid?.close();
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), ...options });
  const listed = (await readServerList(grid.serversFile)).servers;
  servers = listed.map(({ server, transport, swissnum }) => new UploadServer(server, transport, swissnum));
}

function upload(options: Partial<UploadOptions> = {}): Promise<UploadResult> {
  return uploadFile({ path, servers, convergence: SECRET, signal: never, ...options });
}

/** Plaintext that looks the same in no two places. */
function noise(length: number): Buffer {
  const pieces = Array.from({ length: Math.ceil(length / 64) }, (_, i) => createHash("sha512").update(`${i}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

async function download(cap: string): Promise<Buffer> {
  const list = new StaticServerList(servers.map(({ server }) => server));
  const pieces: Uint8Array[] = [];
  for await (const piece of createFileNodes({ servers: list }).open(parseCap(cap)).read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The share numbers on each server's disk, by server. */
async function sharesOf(cap: string): Promise<number[][]> {
  const storageIndex = storageIndexText((parseCap(cap) as ChkCap).storageIndex);
  return Promise.all(
    grid.status().map(async ({ index }) => {
      const names = await readdir(join(folder, "grid", `server-${index}`, "shares", storageIndex)).catch(() => []);
      return names.map(Number).sort((a, b) => a - b);
    }),
  );
}

/** The incomplete shares on all disks. */
async function leftovers(): Promise<string[]> {
  const found = await Promise.all(
    grid
      .status()
      .map(({ index }) =>
        readdir(join(folder, "grid", `server-${index}`, "incoming"), { recursive: true, withFileTypes: true }).catch(
          () => [],
        ),
      ),
  );
  return found
    .flat()
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

/** Positions in the grid of the servers, in the order in which a file's readers ask them. */
function readersOrder(cap: string): number[] {
  const { storageIndex } = parseCap(cap) as ChkCap;
  const all = servers.map(({ server }) => server);
  return new StaticServerList(all).inOrderFor(storageIndex).map((server) => all.indexOf(server));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe("where shares go", () => {
  it("puts share i on the i-th server in the readers' order, under the cap that tahoe put makes", async () => {
    const golden = goldenFile("128k-segments");
    await writeFile(path, golden.plaintext());
    const result = await upload({ encoding: { needed: 3, total: 10, maxSegmentSize: 128 * 1024 } });
    expect(result).toEqual({ cap: golden.cap, shares: 10, servers: 10 });
    const held = await sharesOf(golden.cap);
    expect(readersOrder(golden.cap).map((server) => held[server])).toEqual(Array.from({ length: 10 }, (_, i) => [i]));
    expect((await download(golden.cap)).equals(golden.plaintext())).toBe(true);
  });

  it("goes round where there are fewer servers, over TLS with swissnums too", async () => {
    await useGrid({ servers: 3, https: true });
    await writeFile(path, noise(3_500_000));
    const { cap, servers: used } = await upload();
    expect(used).toBe(3);
    const held = await sharesOf(cap);
    expect(readersOrder(cap).map((server) => held[server])).toEqual([
      [0, 3, 6, 9],
      [1, 4, 7],
      [2, 5, 8],
    ]);
    expect((await download(cap)).equals(noise(3_500_000))).toBe(true);
  });

  it("keeps small files in the cap and asks no server", async () => {
    for (const [text, cap] of [
      ["", "URI:LIT:"],
      ["hello, grid", "URI:LIT:nbswy3dpfqqgo4tjmq"],
    ] as const) {
      await writeFile(path, text);
      expect(await upload({ servers: [] })).toEqual({ cap, shares: 0, servers: 0 });
    }
    await writeFile(path, noise(55));
    expect((await upload({ servers: [] })).cap).toMatch(/^URI:LIT:/);
    await writeFile(path, noise(56));
    expect((await upload()).cap).toMatch(/^URI:CHK:/);
  });

  it("finds what is there already, wherever it is, and sends it no more", async () => {
    await writeFile(path, noise(50_000));
    const first = await upload();
    // A list in which the servers have other places.
    const moved = servers.map(
      ({ server }, i) => new UploadServer(server, { request: () => Promise.reject(new Error(`${i}`)) }),
    );
    expect(await upload({ servers: moved })).toEqual(first);
  });

  it("makes a new key each time where there is no convergence secret", async () => {
    await writeFile(path, noise(1000));
    const caps = [await upload({ convergence: undefined }), await upload({ convergence: undefined })].map(
      ({ cap }) => cap,
    );
    expect(caps[0]).not.toBe(caps[1]);
    expect((await download(caps[1]!)).equals(noise(1000))).toBe(true);
  });
});

describe("when servers fail", () => {
  it("gives their shares to others, before and in the middle of the upload", async () => {
    const plaintext = noise(4_000_000);
    await writeFile(path, plaintext);
    grid.setDials(1, { down: true });
    grid.setDials(2, { error: 500 });
    let isBroken = false;
    const result = await upload({
      progress({ phase, done }) {
        if (phase === "shares" && done > 2_000_000 && !isBroken) {
          isBroken = true;
          grid.setDials(4, { down: true });
          grid.setDials(5, { error: 507 });
        }
      },
    });
    expect(result).toMatchObject({ shares: 10, servers: 6 });
    const held = await sharesOf(result.cap);
    expect(held.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const failed of [1, 2, 4, 5]) expect(held[failed]).toEqual([]);
    expect(Math.max(...held.map(({ length }) => length))).toBe(2);
    expect((await download(result.cap)).equals(plaintext)).toBe(true);
  });

  it("says so when none is left", async () => {
    await writeFile(path, noise(1000));
    for (const { index } of grid.status()) grid.setDials(index, { error: 503 });
    const failing = expect(upload()).rejects;
    await failing.toMatchObject({
      code: "UPLOAD_FAILED",
      message: expect.stringMatching(/none of 10 servers.*HTTP 503/),
    });
    await expect(upload({ servers: [] })).rejects.toMatchObject({ code: "UPLOAD_FAILED" });
  });

  it("says so when the last ones fail in the middle", async () => {
    await writeFile(path, noise(4_000_000));
    const failing = upload({
      progress({ phase }) {
        if (phase === "shares") for (const { index } of grid.status()) grid.setDials(index, { error: 503 });
      },
    });
    await expect(failing).rejects.toMatchObject({ code: "UPLOAD_FAILED" });
  });

  it("passes over servers where another upload of the file is under way", async () => {
    const golden = goldenFile("f1");
    await writeFile(path, golden.plaintext());
    const encoding = { needed: golden.needed, total: golden.total, maxSegmentSize: golden.segmentSize };
    const storageIndex = storageIndexText((parseCap(golden.cap) as ChkCap).storageIndex);
    const [busy] = readersOrder(golden.cap);
    const secret = Buffer.alloc(32).toString("base64");
    await servers[busy!]!.allocate(storageIndex, [0], 1297, secret, never);
    expect(await upload({ encoding })).toMatchObject({ cap: golden.cap, shares: 10, servers: 9 });
    expect((await sharesOf(golden.cap))[busy!]).toEqual([]);
  });
});

describe("cancelling", () => {
  it("ends at once with the signal's reason, and the next upload of the same file works", async () => {
    const plaintext = noise(4_000_000);
    await writeFile(path, plaintext);
    const stop = new AbortController();
    const reason = new Error("enough");
    const stopped = upload({
      signal: stop.signal,
      progress({ phase, done }) {
        if (phase === "shares" && done > 1_000_000) stop.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(await leftovers()).toEqual([]);
    const { cap, servers: used } = await upload();
    expect(used).toBe(10);
    expect((await download(cap)).equals(plaintext)).toBe(true);
  });

  it("does not wait for servers that hang", async () => {
    await writeFile(path, noise(1000));
    for (const { index } of grid.status()) grid.setDials(index, { hang: true });
    const stop = new AbortController();
    const stopped = upload({ signal: stop.signal });
    const rejected = expect(stopped).rejects.toThrow("enough");
    await until(() => grid.status().every(({ counters }) => counters.activeRequests > 0));
    stop.abort(new Error("enough"));
    await rejected;
  });
});

it("tells how far it is", async () => {
  await writeFile(path, noise(2_500_000));
  const seen: string[] = [];
  await upload({ progress: ({ phase, done, total }) => seen.push(`${phase} ${done}/${total}`) });
  expect(seen).toEqual([
    ...["key 1048576/2500000", "key 2097152/2500000", "key 2500000/2500000"],
    ...["shares 1048578/2500000", "shares 2097156/2500000", "shares 2500000/2500000"],
  ]);
});

it.each([
  [{ needed: 0, total: 10, maxSegmentSize: 1000 }, "k must"],
  [{ needed: 11, total: 10, maxSegmentSize: 1000 }, "k must"],
  [{ needed: 3, total: 257, maxSegmentSize: 1000 }, "N must"],
  [{ needed: 3, total: 10, maxSegmentSize: 0 }, "segment size must"],
  [{ needed: 3, total: 10, maxSegmentSize: Number.NaN }, "segment size must"],
])("refuses the encoding %o", async (encoding, reason) => {
  await writeFile(path, noise(1000));
  await expect(upload({ encoding })).rejects.toMatchObject({
    code: "BAD_CONFIG",
    message: expect.stringContaining(reason),
  });
});

it("tells what is wrong with the file", async () => {
  await expect(upload()).rejects.toThrow(/The file was not stored: .*file cannot be read \(ENOENT\)/);
  await expect(upload({ path: folder })).rejects.toThrow("is not a regular file");
  await writeFile(path, noise(3_000_000));
  const truncated = upload({
    progress({ phase, done, total }) {
      if (phase === "key" && done === total) void writeFile(path, noise(100));
    },
  });
  await expect(truncated).rejects.toMatchObject({ code: "UPLOAD_FAILED", message: expect.stringContaining("changed") });
});
