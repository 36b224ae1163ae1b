import { beforeEach, describe, expect, it } from "vitest";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { createFileNodes } from "./createFileNodes.ts";
import type { FileNode } from "./FileNode.ts";
import { type EncodedFile, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { type Behaviour, behave, faultless } from "./testing/SimulatedServer.ts";
import { bytesOf, codeOf, F1, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

const plaintext = patternBytes(310);
const whole = Buffer.from(plaintext);

/** Ten servers with a share each, unless `place` says otherwise. */
async function f1(
  place?: (shareNumber: number) => readonly number[],
): Promise<{ grid: SimulatedGrid; file: EncodedFile; node: FileNode }> {
  const grid = new SimulatedGrid(10);
  const file = await grid.put(plaintext, F1, place);
  return { grid, file, node: file.node };
}

const BROKEN: Partial<Behaviour> = { statusOnList: 500, statusOnRead: 500 };
const HUNG: Partial<Behaviour> = { hangsOnList: true, hangsOnRead: true };

/** Numbers of the shares that servers sent something of. */
function sharesRead(grid: SimulatedGrid): number[] {
  return [...new Set(grid.servers.flatMap(({ reads }) => reads.map(({ shareNumber }) => shareNumber)))].sort(
    (a, b) => a - b,
  );
}

describe("shares that go away", () => {
  it("K-01 K-02 deleted between reads: others take over, down to too few", async () => {
    const { grid, node, file } = await f1();
    expect(await bytesOf(grid, node)).toEqual(whole);
    const used = sharesRead(grid);
    expect(used.length).toBeLessThan(7);
    for (const number of used) grid.servers[number]?.shares.get(file.storageIndexText)?.delete(number);
    expect(await bytesOf(grid, node)).toEqual(whole);
    for (const server of grid.servers.slice(0, 9)) server.shares.clear();
    expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
  });

  it("K-03 down to none: a new node finds no share at all", async () => {
    const { grid, node, file } = await f1();
    await bytesOf(grid, node);
    for (const server of grid.servers) server.shares.clear();
    const fresh = createFileNodes({ servers: grid, clock: grid.clock }).open(file.cap);
    const { error } = await outcomeOf(grid, fresh);
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { needed: 3, found: 0 } });
  });

  it("S4 K-04 every share in use breaks after the first piece: the read goes on with others", async () => {
    // A window of one segment, so that what comes after the first piece is asked for after it.
    const grid = new SimulatedGrid(10, { windowStart: 1, windowMost: 1 });
    const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 63 });
    const reader = node.read().getReader();
    const parts = [(await grid.clock.runUntil(reader.read())).value as Uint8Array];
    const used = sharesRead(grid);
    for (const number of used) behave(grid.servers.slice(number, number + 1), BROKEN);
    for (const { reads } of grid.servers) reads.length = 0;
    for (;;) {
      const { done, value } = await grid.clock.runUntil(reader.read());
      if (done) break;
      parts.push(value);
    }
    expect(Buffer.concat(parts)).toEqual(whole);
    const usedLater = sharesRead(grid).filter((number) => !used.includes(number));
    expect(usedLater.length).toBeGreaterThanOrEqual(3);
  });

  it("S4 K-05 all four servers that answered early break, and six that answer late save the read", async () => {
    const grid = new SimulatedGrid(10, { windowStart: 1, windowMost: 1 });
    const { node } = await grid.put(plaintext, { ...F1, maxSegmentSize: 60 });
    behave(grid.servers.slice(4, 10), { latency: 5_000 });
    const reader = node.read().getReader();
    const first = await grid.clock.runUntil(reader.read());
    expect(first.value).toHaveLength(60);
    behave(grid.servers.slice(0, 4), BROKEN);
    const parts = [first.value as Uint8Array];
    for (;;) {
      const { done, value } = await grid.clock.runUntil(reader.read());
      if (done) break;
      parts.push(value);
    }
    expect(Buffer.concat(parts)).toEqual(whole);
    expect(parts).toHaveLength(6);
  });
});

describe("servers that fail while they are read", () => {
  it("K-06 a block read that is never answered costs a moment, and a spare takes its place", async () => {
    const { grid, node } = await f1();
    behave(grid.servers.slice(0, 1), { hangsOnRead: true });
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(grid.clock.now()).toBeLessThan(2_000);
    expect(grid.inFlight).toBe(0);
  });

  it("K-07 a share that failed rests, and gets a second chance later", async () => {
    const { grid, node } = await f1();
    behave(grid.servers.slice(0, 1), { statusOnRead: 500 });
    expect(await bytesOf(grid, node)).toEqual(whole);
    behave(grid.servers.slice(0, 1), faultless);
    const healed = grid.servers[0]!;
    healed.reads.length = 0;
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(healed.reads).toEqual([]);
    // One failed request is one failure, though three segments waited for it: the pause is not yet a longer one.
    await grid.clock.run(11_000);
    behave(grid.servers.slice(3, 10), BROKEN);
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(healed.reads).not.toEqual([]);
  });

  it.each<[string, Partial<Behaviour>]>([
    ["K-20 breaks off in mid-body", { breaksAfter: 100 }],
    ["K-20 breaks off at once", { breaksAfter: 0 }],
    ["K-21 answers 500 to reads but lists shares", { statusOnRead: 500 }],
    ["K-22 lists a share that it then does not have", { statusOnRead: 404 }],
  ])("S10 %s: a spare takes its place, without waiting", async (_, behaviour) => {
    for (const bad of [0, 1, 2, 3, 4]) {
      const { grid, node } = await f1();
      // So slow that a body comes in several pieces.
      behave(grid.servers.slice(bad, bad + 1), { ...behaviour, bandwidth: 0.5 });
      expect(await bytesOf(grid, node), `server ${bad}`).toEqual(whole);
      expect(grid.clock.now()).toBeLessThan(500);
    }
  });
});

/** Of each row: how shares are placed, how servers behave, whether the file can be read, and in how many ms that shows. */
const grids: [
  title: string,
  place: (n: number) => readonly number[],
  spoil: (grid: SimulatedGrid) => void,
  isReadable: boolean,
  most: number,
][] = [
  ["K-08 ten good servers", (n) => [n], () => {}, true, 100],
  ["K-09 ten good servers, one with a copy of another's share", (n) => (n === 2 ? [0, 2] : [n]), () => {}, true, 100],
  ["K-10 three good servers, seven without shares", (n) => (n < 3 ? [n] : []), () => {}, true, 100],
  ["K-10 the same, the good ones last", (n) => (n >= 7 ? [n] : []), () => {}, true, 100],
  ["K-11 two good servers, eight broken", (n) => [n], (grid) => behave(grid.servers.slice(2, 10), BROKEN), false, 200],
  ["K-12 two good servers, eight without shares", (n) => (n < 2 ? [n] : []), () => {}, false, 200],
  [
    "K-13 two good servers, eight broken, a third share on a good one",
    (n) => (n === 7 ? [0, 7] : [n]),
    (grid) => behave(grid.servers.slice(2, 10), BROKEN),
    true,
    200,
  ],
  [
    "K-14 two good servers, eight broken, the third share is a copy of one that counts already",
    (n) => (n === 1 ? [0, 1] : [n]),
    (grid) => behave(grid.servers.slice(2, 10), BROKEN),
    false,
    200,
  ],
  ["K-15 three good servers, seven hung", (n) => [n], (grid) => behave(grid.servers.slice(3, 10), HUNG), true, 100],
  [
    "K-15 seven hung servers, then three good ones",
    (n) => [n],
    (grid) => behave(grid.servers.slice(0, 7), HUNG),
    true,
    1_200,
  ],
  [
    "K-16 two good servers, eight hung, of which one comes back",
    (n) => [n],
    (grid) => {
      behave(grid.servers.slice(2, 10), HUNG);
      behave(grid.servers.slice(5, 6), { ...faultless, latency: 8_000 });
    },
    true,
    25_000,
  ],
  [
    "K-17 one good server, nine hung, of which one comes back with two shares",
    (n) => (n === 6 ? [5] : n === 5 || n === 0 ? [n] : []),
    (grid) => {
      behave(grid.servers.slice(1, 10), HUNG);
      behave(grid.servers.slice(5, 6), { ...faultless, latency: 8_000 });
    },
    true,
    25_000,
  ],
  ["K-19 eight shares missing", (n) => (n === 3 || n === 8 ? [n] : []), () => {}, false, 200],
];

it.each(grids)("%s", async (_, place, spoil, isReadable, most) => {
  const { grid, node } = await f1(place);
  spoil(grid);
  const { bytes, error } = await outcomeOf(grid, node);
  if (isReadable) {
    expect(error).toBeUndefined();
    expect(bytes).toEqual(whole);
  } else {
    expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES" });
  }
  expect(grid.clock.now()).toBeLessThan(most);
  expect(grid.inFlight).toBe(0);
  expect(grid.pendingTimers).toBe(0);
});

it("K-18 any seven shares missing: the file is read from the other three, in two reads of each at most", async () => {
  for (let first = 0; first < 10; first++) {
    const left = [first, (first + 3) % 10, (first + 7) % 10];
    const { grid, node } = await f1((n) => (left.includes(n) ? [n] : []));
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(grid.requests.reads).toBeLessThanOrEqual(6);
    expect(grid.requests.lists).toBe(10);
  }
});

it("K-23 a key that nobody uploaded with: no share is found", async () => {
  const { grid, file } = await f1();
  // The first character of the key: another key, another storage index.
  const other = formatCap(file.cap).replace("CHK:a", "CHK:b");
  const { error } = await outcomeOf(grid, grid.nodes.open(parseCap(other)));
  expect(error).toMatchObject({ code: "NOT_ENOUGH_SHARES", details: { found: 0 } });
});

describe("S10 K-24 a failure does not poison what comes after it", () => {
  it.each<[string, Partial<Behaviour>]>([
    ["were down", BROKEN],
    ["hung", HUNG],
    ["hung in reads", { hangsOnRead: true }],
    ["sent garbage", { tamper: (_n, _offset, bytes) => new Uint8Array(bytes.length) }],
    ["cut shares off", { tamper: (_n, offset, bytes) => bytes.subarray(0, Math.max(0, 400 - offset)) }],
    ["sent headers in which the data starts a byte too late", { tamper: withWrongDataOffset }],
  ])("while all servers %s a read fails; when they are back the next one succeeds", async (_, behaviour) => {
    const file = await encodeShares(plaintext, F1);
    const grid = new SimulatedGrid(10);
    const node = grid.hold(file);
    behave(grid.servers, behaviour);
    expect(await codeOf(grid, node)).toBe("NOT_ENOUGH_SHARES");
    behave(grid.servers, faultless);
    const before = grid.clock.now();
    expect(await bytesOf(grid, node)).toEqual(whole);
    expect(await bytesOf(grid, grid.nodes.open(file.cap))).toEqual(whole);
    expect(grid.clock.now() - before).toBeLessThan(200);
  });
});

function withWrongDataOffset(_shareNumber: number, offset: number, bytes: Uint8Array): Uint8Array {
  const lastByteOfField = 0x0f;
  if (offset > lastByteOfField) return bytes;
  const changed = bytes.slice();
  changed[lastByteOfField - offset] = 0x25;
  return changed;
}
