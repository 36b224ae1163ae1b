import { beforeEach, describe, expect, it } from "vitest";
import type { LogEvent } from "../base/EventLog.ts";
import type { GridError } from "../base/GridError.ts";
import { encodeBase32 } from "../formats/base32.ts";
import { formatCap } from "../formats/formatCap.ts";
import type { HttpTransport } from "../servers/HttpTransport.ts";
import { httpServer } from "../servers/httpServer.ts";
import { StaticServerList } from "../servers/StaticServerList.ts";
import { createFileNodes } from "./createFileNodes.ts";
import type { FileNode } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(3_000);
const LEFT = new DOMException("left", "AbortError");

let file: EncodedFile;
let grid: SimulatedGrid;
let node: FileNode;
let events: LogEvent[];

beforeEach(async () => {
  file ??= await encodeShares(plaintext, F1);
  grid = new SimulatedGrid(12, { smallShareBytes: 0, gapBytes: 0, segmentSizeGuesses: [120] });
  events = [];
  grid.log.listen((event) => events.push(event));
  node = grid.hold(file);
});

const of = (kind: string): LogEvent[] => events.filter((event) => event.kind === kind);
const startOf = (event: LogEvent): number => event.scope;

/** A history in which nearly everything happens that can. */
async function richHistory(): Promise<void> {
  const { servers } = grid;
  damage(grid, file.storageIndexText, [0], (share) => flip(share, 3));
  damage(grid, file.storageIndexText, [1], (share) => flip(share, 36));
  Object.assign(servers[2]!.behaviour, { hangsOnRead: true });
  Object.assign(servers[3]!.behaviour, { statusOnList: 500 });
  Object.assign(servers[4]!.behaviour, { hangsOnList: true });
  Object.assign(servers[5]!.behaviour, { latency: 2_000 });
  expect(await bytesOf(grid, node)).toEqual(Buffer.from(plaintext));
  const left = node.read().getReader();
  await grid.clock.runUntil(left.read());
  await left.cancel(LEFT);
  for (const { behaviour } of servers) Object.assign(behaviour, { statusOnRead: 500, statusOnList: 401 });
  expect((await outcomeOf(grid, node)).error).toBeDefined();
  await outcomeOf(grid, node, { offset: 500 });
  await grid.clock.run(100);
}

describe("S5 T-06 the tree of events", () => {
  it("goes from node to read to segment to share to request, and likewise for opening the file", async () => {
    await richHistory();
    const kindOf = new Map(events.map(({ scope, kind }) => [scope, kind.split(".")[0]]));
    const parents = new Map<string, Set<string>>();
    for (const { kind, parent } of events) {
      const own = kind.split(".")[0] as string;
      // The node itself says nothing when it begins, so its kind may not be known.
      const above = parent === undefined ? "nothing" : (kindOf.get(parent) ?? "node");
      parents.set(own, (parents.get(own) ?? new Set()).add(above));
    }
    expect(Object.fromEntries([...parents].map(([kind, above]) => [kind, [...above]]))).toEqual({
      node: ["nothing"],
      read: ["node"],
      query: ["node"],
      opening: ["read"],
      segment: ["read"],
      share: ["opening", "segment"],
      request: ["share"],
    });
  });

  it("T-03 T-04 every beginning has one end, and times never go back", async () => {
    await richHistory();
    for (const kind of ["read", "opening", "segment", "share", "query", "request"]) {
      const started = of(`${kind}.start`).map(startOf);
      // An outage is told in between.
      const others = [`${kind}.start`, "segment.outage"];
      const ended = events.filter((event) => event.kind.startsWith(`${kind}.`) && !others.includes(event.kind));
      expect(started.length, kind).toBeGreaterThan(0);
      expect(ended.map(startOf).sort(), kind).toEqual(started.sort());
    }
    const times = events.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("S5 levels: reads and what went wrong are for people, the rest is for whoever looks closely", async () => {
    await bytesOf(grid, node);
    expect([...new Set(events.filter(({ level }) => level !== "debug").map(({ kind }) => kind))]).toEqual([
      "read.start",
      "read.end",
    ]);
    events.length = 0;
    await richHistory();
    const told = new Set(events.filter(({ level }) => level !== "debug").map(({ kind }) => kind));
    for (const kind of ["node.share-failed", "node.share-late", "node.reported", "query.failed", "segment.failed"]) {
      expect(told, kind).toContain(kind);
    }
  });

  it("S5 no cap, key or hash of the cap is in any event, even of a history in which everything goes wrong", async () => {
    await richHistory();
    expect(events.length).toBeGreaterThan(300);
    const told = JSON.stringify(events);
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    const { cap } = file;
    const secrets = [encodeBase32(cap.key), encodeBase32(cap.uebHash), hex(cap.key), hex(cap.uebHash), "URI:"];
    for (const secret of [...secrets, formatCap(cap)]) expect(told).not.toContain(secret);
    // Plain data: what is heard here may be sent to a page or kept in a file.
    expect(JSON.parse(told)).toEqual(events);
  });

  it("S5 no swissnum either, of servers that are reached over HTTP and refuse or break off", async () => {
    const swissnum = "open-sesame";
    const transports: HttpTransport[] = [
      { request: async () => ({ status: 401, header: () => "text/plain", body: { [Symbol.asyncIterator]: nothing } }) },
      { request: () => Promise.reject(new TypeError(`fetch of pb://x@y/${swissnum} failed`)) },
    ];
    const servers = new StaticServerList(
      transports.map((transport, i) => httpServer({ id: `v0-${i}` }, transport, swissnum)),
    );
    const own = createFileNodes({ servers, clock: grid.clock, log: grid.log }).open(file.cap);
    const { error } = await outcomeOf(grid, own);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    expect(of("query.failed")).toHaveLength(2);
    const told = JSON.stringify([events, (error as GridError).details, (error as GridError).message]);
    expect(told).toContain("401");
    for (const secret of [swissnum, btoa(swissnum)]) expect(told).not.toContain(secret);
  });
});

async function* nothing(): AsyncGenerator<Uint8Array> {}

describe("what a page can show from events", () => {
  it("T-01 which segments are under way, and which had trouble", async () => {
    damage(grid, file.storageIndexText, file.shares.keys(), (share) => flip(share, 36 + 40));
    const reads = Promise.all([
      outcomeOf(grid, node, { length: 10 }),
      outcomeOf(grid, node, { offset: 120, length: 5 }),
    ]);
    await reads;
    expect(of("segment.start").map(({ fields }) => fields.segment)).toEqual(expect.arrayContaining([0, 1]));
    expect(of("segment.done").map(({ fields }) => fields.segment)).toEqual([0]);
    expect(of("segment.failed").map(({ fields }) => fields)).toEqual([{ segment: 1, reason: "NOT_ENOUGH_SHARES" }]);
  });

  it("T-02 progress: how much each read is to bring, how much it brought", async () => {
    await bytesOf(grid, node, { offset: 100, length: 250 });
    const left = node.read().getReader();
    await grid.clock.runUntil(left.read());
    await left.cancel(LEFT);
    expect(of("read.start").map(({ fields }) => fields)).toEqual([
      { offset: 100, length: 250 },
      { offset: 0, length: 3_000 },
    ]);
    expect(of("read.end").map(({ fields }) => fields.read)).toEqual([250, 120]);
  });

  it("T-05 two that wait for one segment are two reads and one segment, in the name of the first", async () => {
    const both = Promise.all([
      collect(node.read({ offset: 130, length: 10 })),
      collect(node.read({ offset: 140, length: 10 })),
    ]);
    await grid.clock.runUntil(both);
    const [first, second] = of("read.start");
    expect(second).toBeDefined();
    expect(of("segment.start").map(({ parent }) => parent)).toEqual([first?.scope]);
    expect(of("segment.done")).toHaveLength(1);
  });
});
