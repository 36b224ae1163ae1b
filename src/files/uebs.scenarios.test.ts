import { beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { MAX_UEB_LENGTH, parseShareLayout } from "../formats/ShareLayout.ts";
import { type EncodeOptions, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, codeOf, damage, F1, flip, type Outcome, outcomeOf } from "./testing/scenario.ts";
import { barestUeb, changeUeb } from "./testing/shareFields.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);
const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The share with its UEB's length, of 4 bytes, set to another. */
function withUebLength(share: Uint8Array, length: number): Uint8Array {
  const copy = Uint8Array.from(share);
  new DataView(copy.buffer).setUint32(parseShareLayout(share).uebOffset, length);
  return copy;
}

async function readAllDamaged(change: (share: Uint8Array) => Uint8Array): Promise<Outcome> {
  const grid = new SimulatedGrid(10);
  const { node, storageIndexText } = await grid.put(plaintext, F1);
  damage(grid, storageIndexText, ALL, change);
  const outcome = await outcomeOf(grid, node);
  expect(grid.clock.now()).toBeLessThan(1000);
  return outcome;
}

it("G-01 any byte of the UEB damaged in all shares: no byte comes, and the servers' shares are named as bad", async () => {
  for (let at = 0; at < 311; at += 10) {
    const { pieces, error } = await readAllDamaged((share) => flip(share, share.length - 311 + at));
    expect(pieces).toEqual([]);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { found: 10 } });
    expect(JSON.stringify(error)).toMatch(/the UEB/);
  }
});

it("G-02 damaged in one share: harmless where another is first, or else that share is dropped", async () => {
  for (const latency of [1, 100]) {
    const grid = new SimulatedGrid(4);
    const { node, storageIndexText } = await grid.put(plaintext, F1, (n) => (n < 4 ? [n] : []));
    damage(grid, storageIndexText, [2], (share) => flip(share, share.length - 100));
    (grid.servers[2] as SimulatedGrid["servers"][0]).behaviour.latency = latency;
    expect(await bytesOf(grid, node)).toEqual(whole);
  }
});

it.each([
  ["G-03 high bit of the length", 0x80000000 + 311],
  ["G-03 a length just beyond what is believed", MAX_UEB_LENGTH + 1],
  ["G-03 a length that the share does not have", MAX_UEB_LENGTH],
  ["G-04 length one too many", 312],
  ["G-04 length one too few", 310],
  ["G-05 length of nothing", 0],
])("%s, in all shares: dropped, with no large request", async (_name, length) => {
  const grid = new SimulatedGrid(10);
  const { node, storageIndexText } = await grid.put(plaintext, F1);
  damage(grid, storageIndexText, ALL, (share) => withUebLength(share, length));
  expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
  const requested = grid.servers.flatMap(({ reads }) => reads.map((read) => read.length));
  expect(Math.max(...requested)).toBeLessThanOrEqual(MAX_UEB_LENGTH);
});

it("G-06 three keys are enough", async () => {
  const grid = new SimulatedGrid(10);
  const { node } = await grid.put(plaintext, { ...F1, mangleUeb: barestUeb });
  expect(await bytesOf(grid, node)).toEqual(whole);
});

it.each([
  ["needed_shares", "4", "BAD_CAP"],
  ["total_shares", "11", "BAD_CAP"],
  ["size", "311", "BAD_CAP"],
  ["num_segments", "4", "BAD_FORMAT"],
])("G-07 a UEB whose %s contradicts the cap makes the file unreadable, which is said", async (key, value, code) => {
  const grid = new SimulatedGrid(10);
  const { node } = await grid.put(plaintext, { ...F1, mangleUeb: (ueb) => changeUeb(ueb, key, value) });
  expect(await codeOf(grid, node)).toBe(code);
});

it.each([
  ["codec_name", "xyz"],
  ["codec_params", "1-2-3"],
  ["tail_codec_params", "nonsense"],
  ["crypttext_hash", "short"],
])("G-07 a UEB whose %s is wrong, which no reader needs, does no harm", async (key, value) => {
  const grid = new SimulatedGrid(10);
  const { node } = await grid.put(plaintext, { ...F1, mangleUeb: (ueb) => changeUeb(ueb, key, value) });
  expect(await bytesOf(grid, node)).toEqual(whole);
});

it("G-08 shares of another encoding under the same storage index are dropped, the rest serves", async () => {
  const grid = new SimulatedGrid(10);
  const { node, storageIndexText } = await grid.put(plaintext, F1);
  const foreign = await encodeShares(plaintext, { needed: 3, total: 10, maxSegmentSize: 60 });
  expect(foreign.storageIndexText).toBe(storageIndexText);
  for (const number of [0, 1, 2, 3, 4, 5, 6]) {
    grid.servers[number]?.hold(storageIndexText, number, foreign.shares.get(number) as Uint8Array);
  }
  expect(await bytesOf(grid, node)).toEqual(whole);
});

describe("G-09 authentic but malformed", () => {
  it.each<[string, (ueb: Uint8Array) => Uint8Array<ArrayBuffer>, string]>([
    ["segment size 0", (ueb) => changeUeb(ueb, "segment_size", "0"), "BAD_FORMAT"],
    ["segment size not a multiple of k", (ueb) => changeUeb(ueb, "segment_size", "121"), "BAD_FORMAT"],
    ["segment size not a number", (ueb) => changeUeb(ueb, "segment_size", "many"), "BAD_FORMAT"],
    ["segment size negative", (ueb) => changeUeb(ueb, "segment_size", "-3"), "BAD_FORMAT"],
    ["segment size beyond memory", (ueb) => changeUeb(ueb, "segment_size", "300000000000"), "TOO_LARGE"],
    ["ciphertext root too short", (ueb) => changeUeb(ueb, "crypttext_root_hash", utf8("short")), "BAD_FORMAT"],
    ["share root too long", (ueb) => changeUeb(ueb, "share_root_hash", new Uint8Array(33)), "BAD_FORMAT"],
    ["no segment size", (ueb) => changeUeb(ueb, "segment_size", undefined), "BAD_FORMAT"],
    ["no share root", (ueb) => changeUeb(ueb, "share_root_hash", undefined), "BAD_FORMAT"],
    ["no ciphertext root", (ueb) => changeUeb(ueb, "crypttext_root_hash", undefined), "BAD_FORMAT"],
    ["not a UEB at all", () => utf8("nonsense"), "BAD_FORMAT"],
  ])("G-09 %s: the file is refused at once, and no server is blamed", async (_name, mangleUeb, code) => {
    const grid = new SimulatedGrid(10);
    const { node } = await grid.put(plaintext, { ...F1, mangleUeb });
    for (const attempt of [1, 2]) expect(await codeOf(grid, node), `read ${attempt}`).toBe(code);
    expect(grid.clock.now()).toBeLessThan(1000);
    expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });
});

/** Reads with other numbers in the cap than those that the file was made with. */
async function readAs(numbers: { needed?: number; total?: number; size?: number }, mangleUeb?: typeof barestUeb) {
  const grid = new SimulatedGrid(10);
  const options: EncodeOptions = mangleUeb ? { ...F1, mangleUeb } : F1;
  const { cap } = await grid.put(plaintext, options);
  const outcome = await outcomeOf(grid, grid.nodes.open({ ...cap, ...numbers }));
  const expected = Buffer.concat([plaintext, new Uint8Array(10)]);
  expect(outcome.bytes).toEqual(expected.subarray(0, outcome.bytes.length));
  expect(grid.clock.now()).toBeLessThan(1000);
  return { got: outcome.bytes.length, code: outcome.code };
}

it.each([
  ["G-10", { size: 311 }],
  ["G-10", { size: 312 }],
  ["G-11", { size: 309 }],
  ["G-11", { size: 120 }],
  ["G-12", { total: 11 }],
  ["G-12", { total: 9 }],
  ["G-13", { needed: 2 }],
  ["G-13", { needed: 4 }],
])("%s a cap with a wrong number, %j: the UEB tells, before any byte", async (_row, numbers) => {
  expect(await readAs(numbers)).toEqual({ got: 0, code: "BAD_CAP" });
});

// Where the UEB does not repeat the cap's numbers only hashes can tell.
it.each([
  ["G-10 same tail blocks", { size: 311 }, { got: 240, code: "BAD_SEGMENT" }],
  ["G-10 same tail blocks", { size: 312 }, { got: 240, code: "BAD_SEGMENT" }],
  ["G-11 other tail blocks", { size: 309 }, { got: 240, code: "NOT_ENOUGH_SHARES" }],
  ["G-11 other tail blocks", { size: 308 }, { got: 240, code: "NOT_ENOUGH_SHARES" }],
  ["G-11 other tail blocks", { size: 313 }, { got: 240, code: "NOT_ENOUGH_SHARES" }],
  ["G-11 other tail blocks", { size: 241 }, { got: 240, code: "NOT_ENOUGH_SHARES" }],
  [
    "G-11 another number of segments, in a tree of the same width",
    { size: 361 },
    { got: 240, code: "NOT_ENOUGH_SHARES" },
  ],
  ["G-11 another number of segments", { size: 240 }, { got: 0, code: "NOT_ENOUGH_SHARES" }],
  ["G-11 another number of segments", { size: 120 }, { got: 0, code: "NOT_ENOUGH_SHARES" }],
  ["G-12 tree of the same width", { total: 11 }, { got: 310, code: "none" }],
  ["G-12 tree of the same width", { total: 16 }, { got: 310, code: "none" }],
  ["G-12 tree of the same width, a share number too high", { total: 9 }, { got: 310, code: "none" }],
  ["G-12 tree of another width", { total: 8 }, { got: 0, code: "NOT_ENOUGH_SHARES" }],
  ["G-12 tree of another width", { total: 17 }, { got: 0, code: "NOT_ENOUGH_SHARES" }],
  ["G-13 another k", { needed: 2 }, { got: 0, code: "NOT_ENOUGH_SHARES" }],
  ["G-13 another k", { needed: 4 }, { got: 0, code: "NOT_ENOUGH_SHARES" }],
])("%s, %j, and a UEB with nothing to compare: no wrong byte", async (_row, numbers, expected) => {
  expect(await readAs(numbers, barestUeb)).toEqual(expected);
});
