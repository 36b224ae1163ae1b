import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeGeometry } from "../../formats/Geometry.ts";
import { formatShareHeader, predictShareLayout } from "../../formats/ShareLayout.ts";
import { fetchTransport } from "../../servers/fetchTransport.ts";
import { HttpStorageClient } from "../../servers/HttpStorageClient.ts";
import { checkDials, type Dials, parseDialOption } from "./Dials.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "./developmentGrid.ts";
import { ShareFolder } from "./ShareFolder.ts";

const SI = "hdis5iaveku6lnlaiccydyid7q";
const geometry = makeGeometry({ size: 200_000, segmentSize: 50_001, needed: 3, total: 10 });
const layout = predictShareLayout(geometry);
/** A share with a true header, and zeroes. */
const share = new Uint8Array(layout.uebOffset + 300);
share.set(formatShareHeader(geometry, layout));

let folder = "";
let grid: DevelopmentGrid;
let client: HttpStorageClient;
const never = new AbortController().signal;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-dials-"));
  const shares = await ShareFolder.open(join(folder, "server-1"));
  await shares.allocate(SI, [3], share.length, "secret");
  await shares.write(SI, 3, "secret", 0, share);
  grid = await startDevelopmentGrid({ folder, servers: 2 });
  client = new HttpStorageClient(fetchTransport(grid.addresses[1]!.url, "server-1"), "server-1");
});

afterEach(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

async function read(offset = 0, length = share.length, signal = never): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of client.readShare(SI, 3, offset, length, signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function turn(change: Partial<Dials>): void {
  grid.setDials(1, change);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const counters = () => grid.status()[1]!.counters;

/** First and one past the last of the bytes that differ from the share on disk. */
function damage(bytes: Uint8Array): [first: number, end: number] | undefined {
  const wrong = [...bytes.keys()].filter((i) => bytes[i] !== share[i]);
  return wrong.length === 0 ? undefined : [wrong[0]!, wrong.at(-1)! + 1];
}

describe("each dial does what it says, and is turned back", () => {
  it("latency", async () => {
    turn({ latency: 60_000 });
    const reading = client.listShares(SI, never);
    await until(() => counters().activeRequests === 1);
    turn({ latency: 0 });
    expect(await reading).toEqual([3]);
  });

  it("bandwidth", async () => {
    turn({ bandwidth: 10_000 });
    const stop = new AbortController();
    const reading = read(0, share.length, stop.signal).catch((error: unknown) => error);
    await until(() => counters().bytesSent > 0);
    // The whole share would take seven seconds.
    expect(counters().bytesSent).toBeLessThan(10_000);
    turn({ bandwidth: 0 });
    expect(damage((await reading) as Uint8Array)).toBeUndefined();
    expect(await reading).toHaveLength(share.length);
  });

  it("down", async () => {
    turn({ down: true });
    await expect(client.listShares(SI, never)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    turn({ down: false });
    expect(await client.listShares(SI, never)).toEqual([3]);
  });

  it("down, in the middle of an answer", async () => {
    turn({ bandwidth: 10_000 });
    const reading = read();
    const failing = expect(reading).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
    await until(() => counters().bytesSent > 0);
    turn({ down: true });
    await failing;
    await until(() => counters().activeRequests === 0);
  });

  it("hang", async () => {
    turn({ hang: true });
    const stop = new AbortController();
    const abandoned = client.listShares(SI, stop.signal);
    const reading = client.listShares(SI, never);
    await until(() => counters().activeRequests === 2);
    stop.abort(new Error("enough"));
    await expect(abandoned).rejects.toThrow("enough");
    await until(() => counters().activeRequests === 1);
    turn({ hang: false });
    expect(await reading).toEqual([3]);
  });

  it("corrupt data: every byte of every block, and nothing else", async () => {
    turn({ corrupt: "data" });
    expect(damage(await read())).toEqual([layout.dataOffset, layout.dataOffset + geometry.shareDataLength]);
    // A range that starts inside, and one that ends outside.
    expect([...(await read(layout.dataOffset + 40_000, 3))]).toEqual([1, 1, 1]);
    expect([...(await read(layout.dataOffset + geometry.shareDataLength - 1, 3))]).toEqual([1, 0, 0]);
    turn({ corrupt: "none" });
    expect(damage(await read())).toBeUndefined();
  });

  it("corrupt all: the header too", async () => {
    turn({ corrupt: "all" });
    expect(damage(await read())).toEqual([0, share.length]);
    expect([...(await read(3, 1))]).toEqual([share[3]! ^ 1]);
  });

  it("short", async () => {
    turn({ short: true });
    await expect(read(0, 1000)).rejects.toMatchObject({
      message: expect.stringContaining("sent 500 of the 1000 bytes"),
    });
    turn({ short: false });
    expect(await read(0, 1000)).toHaveLength(1000);
  });

  it("error", async () => {
    turn({ error: 503 });
    await expect(read()).rejects.toMatchObject({ details: { status: 503 } });
    await expect(client.listShares(SI, never)).rejects.toMatchObject({ details: { status: 503 } });
  });

  it("turns one server's dials only", async () => {
    grid.setDials(0, { down: true });
    expect(await client.listShares(SI, never)).toEqual([3]);
  });
});

it("counts requests, bytes and what is under way", async () => {
  await read(0, 1000);
  await client.listShares(SI, never);
  await client.reportCorruption(SI, 3, "block 7", never);
  await until(() => counters().activeRequests === 0);
  expect(counters()).toEqual({ requests: 3, activeRequests: 0, bytesSent: 1000, corruptionReports: 1 });
  expect(grid.status()[0]!.counters.requests).toBe(0);
});

it("stops sending when the reader leaves", async () => {
  turn({ bandwidth: 20_000 });
  for await (const _ of client.readShare(SI, 3, 0, share.length, never)) break;
  await until(() => counters().activeRequests === 0);
  expect(counters().bytesSent).toBeLessThan(share.length);
});

describe("the control endpoint", () => {
  const control = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(grid.controlUrl + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });

  it("tells the state of all servers", async () => {
    expect(await (await control("GET", "/servers")).json()).toEqual(grid.status());
    expect(grid.status()[1]).toMatchObject({ index: 1, name: "server-1", url: grid.addresses[1]!.url });
  });

  it("PATCH turns some dials, PUT all, reset everything", async () => {
    await control("PATCH", "/servers/1", { latency: 5, corrupt: "all" });
    await control("PATCH", "/servers/1", { latency: 7 });
    expect(grid.status()[1]!.dials).toMatchObject({ latency: 7, corrupt: "all" });
    await control("PUT", "/servers/1", { short: true });
    expect(grid.status()[1]!.dials).toMatchObject({ latency: 0, corrupt: "none", short: true });
    await client.listShares(SI, never);
    const after = (await (await control("POST", "/reset")).json()) as ReturnType<DevelopmentGrid["status"]>;
    expect(after[1]).toMatchObject({ dials: { short: false }, counters: { requests: 0 } });
  });

  it("refuses what makes no sense, with the reason", async () => {
    for (const [path, body, reason] of [
      ["/servers/1", { speed: 1 }, 'no dial "speed"'],
      ["/servers/1", { latency: -1 }, '"latency" must be'],
      ["/servers/1", [], "must be an object"],
      ["/servers/2", { latency: 1 }, "no server 2"],
    ] as const) {
      const answer = await control("PATCH", path, body);
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(reason)]);
    }
    expect((await control("DELETE", "/servers/1")).status).toBe(404);
  });

  it("lets pages on loopback turn dials, and no others", async () => {
    const local = await control("PATCH", "/servers/1", { latency: 1 }, { Origin: "http://localhost:8080" });
    expect([local.status, local.headers.get("access-control-allow-origin")]).toEqual([200, "http://localhost:8080"]);
    for (const origin of ["https://evil.example", "http://localhost.evil.example", "null"]) {
      expect((await control("PATCH", "/servers/1", { latency: 9 }, { Origin: origin })).status).toBe(403);
    }
    expect(grid.status()[1]!.dials.latency).toBe(1);
  });
});

describe("--dial", () => {
  it("reads servers and settings", () => {
    expect(parseDialOption("3:latency=200,bandwidth=100000")).toEqual({
      server: 3,
      settings: { latency: 200, bandwidth: 100000 },
    });
    expect(parseDialOption("all:down,hang=false,corrupt,error=500")).toEqual({
      server: undefined,
      settings: { down: true, hang: false, corrupt: "data", error: 500 },
    });
    expect(parseDialOption("0:corrupt=all").settings).toEqual({ corrupt: "all" });
  });

  it.each([
    "3",
    "3:",
    "x:down",
    "3:latency",
    "3:latency=fast",
    "3:speed=1",
    "3:error=200",
    "3:corrupt=some",
    "3:down=2",
  ])("refuses %s", (text) => {
    expect(() => parseDialOption(text)).toThrow("The dial cannot be set");
  });

  it("knows no dial by inherited names", () => {
    expect(() => checkDials({ constructor: 1 })).toThrow("no dial");
  });
});
