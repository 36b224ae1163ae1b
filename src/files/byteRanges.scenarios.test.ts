import { beforeEach, expect, it } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { parseShareLayout } from "../formats/ShareLayout.ts";
import { netstring } from "../hashing/netstring.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import type { SimulatedServer } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, damage, F1, flip, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);
const EXACT = { smallShareBytes: 0, gapBytes: 0 };

it.each([0, 3, 35, 36, "all but the last byte"] as const)("E-05 E-06 all shares cut off after %s", async (kept) => {
  const grid = new SimulatedGrid(10);
  const { node, storageIndexText } = await grid.put(plaintext, F1);
  damage(grid, storageIndexText, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (share) => {
    return share.subarray(0, kept === "all but the last byte" ? -1 : kept);
  });
  expect(await outcomeOf(grid, node)).toMatchObject({ pieces: [], error: { code: "NOT_ENOUGH_SHARES" } });
  expect(grid.clock.now()).toBeLessThan(1000);
});

it.each([1, 2] as const)(
  "E-05 a share of version %i without its header is dropped, a spare serves",
  async (version) => {
    for (const kept of [0, 1, 4, 35, 36, 67]) {
      const grid = new SimulatedGrid(4);
      const { node, storageIndexText } = await grid.put(plaintext, { ...F1, version }, (n) => (n < 4 ? [n] : []));
      damage(grid, storageIndexText, [0], (share) => share.subarray(0, kept));
      expect(await bytesOf(grid, node), String(kept)).toEqual(whole);
      expect(grid.clock.now()).toBeLessThan(1000);
    }
  },
);

it.each([
  ["E-08 sends more than was asked for", { tamper: (_n, _offset, bytes) => concatBytes([bytes, bytes]) }],
  ["E-09 breaks every body off", { bandwidth: 0.1, breaksAfter: 20 }],
  ["E-11 refuses every read", { statusOnRead: 500 }],
] as [string, Partial<SimulatedServer["behaviour"]>][])(
  "%s: that share is dropped, a spare serves",
  async (_n, change) => {
    const grid = new SimulatedGrid(4);
    const { node } = await grid.put(plaintext, F1, (n) => (n < 4 ? [n] : []));
    Object.assign((grid.servers[1] as SimulatedServer).behaviour, change);
    expect(await bytesOf(grid, node)).toEqual(whole);
    const fewer = new SimulatedGrid(3);
    const { node: lost } = await fewer.put(plaintext, F1, (n) => (n < 3 ? [n] : []));
    Object.assign((fewer.servers[1] as SimulatedServer).behaviour, change);
    expect(await codeOf(fewer, lost)).toBe("NOT_ENOUGH_SHARES");
  },
);

it("E-14 a UEB longer than what is asked for on a guess: a second request brings the rest", async () => {
  const extra = concatBytes([utf8("codec_story:"), netstring(new Uint8Array(5000))]);
  for (const limits of [EXACT, {}]) {
    const grid = new SimulatedGrid(3, { ...limits, uebGuessBytes: 1024 });
    const { node } = await grid.put(plaintext, { ...F1, mangleUeb: (ueb) => concatBytes([ueb, extra]) }, (n) =>
      n < 3 ? [n] : [],
    );
    expect(await bytesOf(grid, node)).toEqual(whole);
  }
});

it("E-17 read budget: 26 segments of 12 bytes take few requests, and so does finding out that it cannot be", async () => {
  for (const limits of [EXACT, {}]) {
    const grid = new SimulatedGrid(10, limits);
    const { node, storageIndexText } = await grid.put(plaintext, { ...F1, maxSegmentSize: 12 });
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(grid.requests.reads).toBeLessThanOrEqual(20);

    const broken = new SimulatedGrid(10, limits);
    const { node: lost } = await broken.put(plaintext, { ...F1, maxSegmentSize: 12 });
    damage(broken, storageIndexText, [0, 1, 2, 3, 4, 5, 6, 7], (share) => flip(share, 3, 0x55));
    expect(await codeOf(broken, lost)).toBe("NOT_ENOUGH_SHARES");
    expect(broken.requests.reads).toBeLessThanOrEqual(45);
  }
});

it("E-19 hashes and the chain that come before the header wait for it", async () => {
  const grid = new SimulatedGrid(3, EXACT);
  const { node, shares } = await grid.put(plaintext, F1, (n) => (n < 3 ? [n] : []));
  const { chainOffset } = parseShareLayout(shares.get(0) as Uint8Array);
  const arrivals: number[] = [];
  for (const server of grid.servers) {
    const read = server.readShare.bind(server);
    server.readShare = async function* (...[storageIndex, number, offset, length, signal]) {
      if (offset < 36) await grid.clock.sleep(700, signal);
      for await (const piece of read(storageIndex, number, offset, length, signal)) {
        arrivals.push(offset);
        yield piece;
      }
    };
  }
  expect(await bytesOf(grid, node)).toEqual(whole);
  expect(arrivals[0]).toBeGreaterThanOrEqual(36);
  expect(arrivals.findIndex((offset) => offset >= chainOffset)).toBeLessThan(arrivals.indexOf(0));
});
