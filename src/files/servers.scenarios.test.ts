import { beforeEach, describe, expect, it } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import type { FileNode } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { collect, patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { type Behaviour, behave, type SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);

let file: EncodedFile;
let grid: SimulatedGrid;
let node: FileNode;

beforeEach(async () => {
  file ??= await encodeShares(plaintext, F1);
  grid = new SimulatedGrid(10);
  node = grid.hold(file);
});

describe("S1 servers are objects", () => {
  it("S1 that are told apart by themselves, not by id or name", async () => {
    for (const server of grid.servers) Object.assign(server, { id: "v0-oak", name: "oak" });
    grid.servers[0]!.behaviour.statusOnRead = 500;
    expect(await bytesOf(grid, node)).toEqual(whole);
    behave(grid.servers.slice(2), { statusOnList: 500, statusOnRead: 500 });
    const { error } = await outcomeOf(grid, node);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    const { servers } = (error as { details: { servers: { server: string; outcome: string }[] } }).details;
    expect(servers).toHaveLength(10);
    expect(servers.filter(({ outcome }) => outcome === "share 1: no failure")).toHaveLength(1);
  });

  it("S1 whose ids are not looked at in a read, whatever goes wrong in it", async () => {
    for (const server of grid.servers) {
      Object.defineProperty(server, "id", {
        get: () => {
          throw new Error("the id was taken out of a server");
        },
      });
    }
    behave(grid.servers.slice(0, 3), { statusOnRead: 500 });
    behave(grid.servers.slice(3, 5), { hangsOnList: true });
    damage(grid, file.storageIndexText, [5], (share) => flip(share, 40));
    expect(await bytesOf(grid, node)).toEqual(whole);
    behave(grid.servers, { statusOnList: 500, statusOnRead: 500 });
    expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
  });
});

it("S2 share queries, and reads of shares, go out in parallel in the simulated grid too", async () => {
  behave(grid.servers, { latency: 1_000 });
  const reading = collect(node.read());
  await grid.clock.run(1);
  expect(grid.inFlight).toBe(3 + defaultLimits.spareShares);
  await grid.clock.run(1_000);
  expect(grid.servers.filter(({ inFlight }) => inFlight > 0).length).toBeGreaterThanOrEqual(3);
  expect(await grid.clock.runUntil(reading)).toEqual(whole);
  // A query and a read, each at all servers at once.
  expect(grid.clock.now()).toBeLessThan(2_100);
});

describe("R-14 limits of time", () => {
  async function only(behaviour: Partial<Behaviour>): Promise<{ told: string; ms: number }> {
    const single = await encodeShares(patternBytes(60_000), { needed: 1, total: 1, maxSegmentSize: 131_072 });
    const own = new SimulatedGrid(1);
    Object.assign(own.servers[0]!.behaviour, behaviour);
    const { error } = await outcomeOf(own, own.hold(single));
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    expect(own.inFlight + own.pendingTimers).toBe(0);
    return { told: JSON.stringify((error as { details: unknown }).details), ms: own.clock.now() };
  }

  it("R-14 a share query that is not answered", async () => {
    const { told, ms } = await only({ hangsOnList: true });
    expect(told).toContain("no answer in 20 s");
    expect(ms).toBe(defaultLimits.queryTimeout);
  });

  it.each<[string, Partial<Behaviour>]>([
    ["R-14 a read that is never answered", { hangsOnRead: true }],
    ["R-14 a body that falls silent", { stallsAfter: 16_384 }],
    ["R-14 a body that trickles", { bandwidth: 0.02 }],
  ])("%s", async (_, behaviour) => {
    const { told, ms } = await only(behaviour);
    expect(told).toMatch(/sent \d+ bytes in 15 s/);
    expect(ms).toBeLessThan(3 * defaultLimits.stallTimeout);
  });

  it("R-14 a slow server that keeps sending is not given up", async () => {
    const single = await encodeShares(patternBytes(60_000), { needed: 1, total: 1, maxSegmentSize: 131_072 });
    const own = new SimulatedGrid(1);
    own.servers[0]!.behaviour.bandwidth = 0.5;
    expect(await bytesOf(own, own.hold(single))).toHaveLength(60_000);
    expect(own.clock.now()).toBeGreaterThan(100_000);
  });
});

describe("when everybody hangs", () => {
  const ways: [string, (servers: readonly SimulatedServer[]) => void][] = [
    ["in share queries", (servers) => behave(servers, { hangsOnList: true })],
    ["in reads", (servers) => behave(servers, { hangsOnRead: true })],
    ["in mid-body", (servers) => behave(servers, { stallsAfter: 0 })],
    [
      "some in queries, some in reads",
      (servers) => {
        behave(servers.slice(0, 5), { hangsOnList: true });
        behave(servers.slice(5), { hangsOnRead: true });
      },
    ],
    ["after answers that take long", (servers) => behave(servers, { latency: 9_000, hangsOnRead: true })],
  ];

  it.each(ways)("%s, a read fails in bounded time, and lists every server", async (_, hang) => {
    hang(grid.servers);
    const { error } = await outcomeOf(grid, node);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
    const { servers } = (error as { details: { servers: { server: string }[] } }).details;
    expect(new Set(servers.map(({ server }) => server)).size).toBe(10);
    const { findTimeout, quietTimeout } = defaultLimits;
    expect(grid.clock.now()).toBeLessThanOrEqual(Math.max(findTimeout, quietTimeout));
    expect(grid.inFlight + grid.pendingTimers).toBe(0);
  });

  it.each<[string, Partial<Behaviour>]>([
    ["that say nothing", { hangsOnList: true }],
    ["that have shares, say so late, and never send any", { latency: 9_000, hangsOnRead: true }],
  ])("on a grid of a hundred servers %s no longer than on one of ten", async (_, behaviour) => {
    const large = new SimulatedGrid(100);
    const many = large.hold(await encodeShares(patternBytes(310), { needed: 3, total: 100, maxSegmentSize: 120 }));
    behave(large.servers, behaviour);
    expect(await codeOf(large, many)).toBe("NOT_ENOUGH_SHARES");
    const { findTimeout, quietTimeout } = defaultLimits;
    expect(large.clock.now()).toBeLessThanOrEqual(Math.max(findTimeout, quietTimeout));
    expect(large.inFlight + large.pendingTimers).toBe(0);
  });
});

describe("hostile servers", () => {
  it("a body without end costs no more than one piece beyond what was asked for", async () => {
    const endless = new Uint8Array(50_000_000);
    behave(grid.servers.slice(0, 1), { tamper: () => endless, bandwidth: 1e6 });
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(grid.servers[0]!.counts.bytes).toBeLessThan(50_000);
  });

  it("more share numbers than there can be are not believed, and hide nobody's share", async () => {
    const liar = grid.servers[0]!;
    for (let number = 0; number < 256; number++) liar.hold(file.storageIndexText, number, new Uint8Array(2_000));
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(new Set(liar.reads.map(({ shareNumber }) => shareNumber)).size).toBeLessThanOrEqual(10);
  });

  it("corruption that a read was too short to report is reported while the next one goes on", async () => {
    damage(grid, file.storageIndexText, [0], (share) => flip(share, 3));
    const reports = grid.servers[0]!.reports;
    const report = grid.servers[0]!.reportCorruption.bind(grid.servers[0]);
    let isSlow = true;
    grid.servers[0]!.reportCorruption = async (storageIndex, number, reason, signal) => {
      if (isSlow) await grid.clock.sleep(5_000, signal);
      await report(storageIndex, number, reason, signal);
    };
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(reports).toEqual([]);
    expect(grid.inFlight + grid.pendingTimers).toBe(0);
    isSlow = false;
    for (let i = 0; i < 3; i++) expect(await bytesOf(grid, node)).toEqual(whole);
    expect(reports).toEqual([{ shareNumber: 0, reason: expect.stringMatching(/version/) }]);
  });
});
