import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { ByteStore, Changes } from "../cache/ByteStore.ts";
import { defaultCacheLimits } from "../cache/cacheLimits.ts";
import { MemoryStore } from "../cache/testing/MemoryStore.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ServerList } from "../servers/ServerList.ts";
import { type EncodedFile, type EncodeOptions, encodeShares } from "./testing/encodeShares.ts";
import { installSynchronousCrypto } from "./testing/installSynchronousCrypto.ts";
import { type Life, Lives } from "./testing/Lives.ts";
import { patternBytes, SimulatedGrid } from "./testing/SimulatedGrid.ts";
import { bytesOf, F1, flip, outcomeOf } from "./testing/scenario.ts";

beforeEach(() => installSynchronousCrypto());

/** 600 segments: the leaves of a hash tree are in three pages, under one of four nodes. */
const LONG: EncodeOptions = { needed: 3, total: 10, maxSegmentSize: 300 };
const long = patternBytes(600 * 300 - 7);
const ROUND_TRIP = 100;

interface Stage {
  readonly grid: SimulatedGrid;
  readonly file: EncodedFile;
}

async function stage(plaintext = long, options = LONG): Promise<Stage> {
  const grid = new SimulatedGrid(10);
  const file = await encodeShares(plaintext, options);
  grid.hold(file);
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: ROUND_TRIP, bandwidth: 1e9 });
  return { grid, file };
}

interface Cost {
  readonly roundTrips: number;
  readonly bytes: number;
  /** Of shares, outside of their data sections. */
  readonly overhead: number;
}

/** Reads a range in this life, checks its bytes, and says what it cost. */
async function costOf({ grid, file }: Stage, life: Life, offset: number, length: number): Promise<Cost> {
  for (const server of grid.servers) server.reads.length = 0;
  const [began, before] = [grid.clock.now(), grid.requests.bytes];
  const bytes = await bytesOf(grid, life.nodes.open(file.cap), { offset, length });
  const took = grid.clock.now() - began;
  expect(bytes).toEqual(Buffer.from(file.plaintext.subarray(offset, offset + length)));
  const dataEnd = 36 + file.geometry.shareDataLength;
  let overhead = 0;
  for (const read of grid.servers.flatMap((server) => server.reads)) {
    overhead += read.length - Math.max(0, Math.min(read.offset + read.length, dataEnd) - Math.max(read.offset, 36));
  }
  return { roundTrips: Math.floor(took / ROUND_TRIP), bytes: grid.requests.bytes - before, overhead };
}

/** Reads the ranges, and ends the life after all that it wants to remember is written. */
async function liveAndDie(
  { grid, file }: Stage,
  lives: Lives,
  ranges: readonly (readonly [number, number])[],
): Promise<void> {
  const { nodes, memory } = lives.begin();
  for (const [offset, length] of ranges) await bytesOf(grid, nodes.open(file.cap), { offset, length });
  await grid.clock.run(10_000);
  await memory.settled();
}

/** Keeps nothing. */
const nowhere = (): ByteStore => new MemoryStore(0);

describe("after a restart of the worker", () => {
  it("a read costs one round trip and its blocks, and no byte of a hash tree or a header", async () => {
    const scene = await stage();
    const lives = new Lives(scene.grid, { segments: nowhere() });
    const cold = await costOf(scene, lives.begin(), 0, 1);
    expect(cold.roundTrips).toBe(2);
    await liveAndDie(scene, lives, [[0, 1]]);
    const warm = await costOf(scene, lives.begin(), 0, 1);
    expect(warm).toEqual({ roundTrips: 1, bytes: 3 * 100, overhead: 0 });
    // Under the same pages, but never read before.
    expect(await costOf(scene, lives.begin(), 300 * 100, 1)).toEqual({ roundTrips: 1, bytes: 3 * 100, overhead: 0 });
  });

  it("a seek to where no hashes are remembered costs one round trip and the lowest pages alone", async () => {
    const scene = await stage();
    const lives = new Lives(scene.grid, { segments: nowhere() });
    await liveAndDie(scene, lives, [[0, 1]]);
    const seek = await costOf(scene, lives.begin(), 300 * 400, 1);
    expect(seek.roundTrips).toBe(1);
    // For each of three shares a page of its block hash tree and one of the ciphertext hash tree.
    expect(seek.overhead).toBe(3 * 2 * 256 * 32);
  });

  it("what was read is there without any server", async () => {
    const scene = await stage();
    const lives = new Lives(scene.grid);
    await liveAndDie(scene, lives, [
      [0, 3000],
      [90_000, 3000],
    ]);
    for (const { behaviour } of scene.grid.servers) Object.assign(behaviour, { statusOnList: 500, statusOnRead: 500 });
    const life = lives.begin();
    expect(await costOf(scene, life, 100, 2000)).toEqual({ roundTrips: 0, bytes: 0, overhead: 0 });
    expect(await costOf(scene, life, 90_000, 3000)).toEqual({ roundTrips: 0, bytes: 0, overhead: 0 });
    expect((await outcomeOf(scene.grid, life.nodes.open(scene.file.cap), { offset: 50_000, length: 1 })).code).toBe(
      "NOT_ENOUGH_SHARES",
    );
  });

  it("a share on a server that holds two is not held back for a better one", async () => {
    const grid = new SimulatedGrid(2);
    const file = await encodeShares(long, LONG);
    grid.hold(file);
    for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: ROUND_TRIP, bandwidth: 1e9 });
    const lives = new Lives(grid, { segments: nowhere() });
    await liveAndDie({ grid, file }, lives, [[0, 1]]);
    expect(await costOf({ grid, file }, lives.begin(), 0, 1)).toMatchObject({ roundTrips: 1, overhead: 0 });
  });
});

describe("in one life", () => {
  it("reading again, or seeking back a little, asks no server", async () => {
    const scene = await stage();
    const life = new Lives(scene.grid, { facts: nowhere(), segments: nowhere() }).begin();
    await costOf(scene, life, 0, 90_000);
    expect(await costOf(scene, life, 60_000, 20_000)).toEqual({ roundTrips: 0, bytes: 0, overhead: 0 });
  });

  it("keeps no more than it may", async () => {
    const scene = await stage();
    const stores = { facts: nowhere(), segments: nowhere() };
    const life = new Lives(scene.grid, stores, { inMemory: 30_000 }).begin();
    await costOf(scene, life, 0, 90_000);
    await life.memory.settled();
    expect((await costOf(scene, life, 0, 300)).roundTrips).toBe(1);
    expect((await costOf(scene, life, 80_000, 300)).roundTrips).toBe(0);
  });

  it("keeps no more than it may over all grids together", async () => {
    const scene = await stage();
    const stores = { facts: nowhere(), segments: nowhere() };
    const life = new Lives(scene.grid, stores, { inMemory: 30_000 }).begin();
    await costOf(scene, life, 0, 90_000);
    expect((await costOf(scene, life, 70_000, 300)).roundTrips).toBe(0);
    const other = { ...life, nodes: life.nodesOf(scene.grid) };
    await costOf(scene, other, 90_000, 60_000);
    // What waits to be written can be had as well.
    await scene.grid.clock.run(10_000);
    await life.memory.settled();
    expect((await costOf(scene, life, 80_000, 300)).roundTrips).toBe(1);
  });

  it("keeps on disk what a player reads, and not what a download does", async () => {
    const scene = await stage();
    for (const [rate, isKept] of [
      [1, true],
      [1e9, false],
    ] as const) {
      for (const { behaviour } of scene.grid.servers) Object.assign(behaviour, { latency: 0.01, bandwidth: rate });
      const lives = new Lives(scene.grid, {}, { inMemory: 0, pace: 4, burst: 60_000 });
      await liveAndDie(scene, lives, [[0, long.length]]);
      const { bytes } = await costOf(scene, lives.begin(), 150_000, 3000);
      expect(bytes === 0).toBe(isKept);
    }
  });
});

describe("a remembered share", () => {
  const without = (grid: SimulatedGrid, gone: number): ServerList => {
    const left = grid.servers.filter((_, i) => i !== gone);
    return { known: () => left, inOrderFor: () => left, revision: 0 };
  };
  async function remembered(): Promise<Stage & { lives: Lives }> {
    const scene = await stage();
    const lives = new Lives(scene.grid, { segments: nowhere() });
    await liveAndDie(scene, lives, [[0, 1]]);
    return { ...scene, lives };
  }
  /** What the next life costs after this one has had to look elsewhere. */
  async function settle(scene: Stage, lives: Lives, servers?: ServerList): Promise<Cost> {
    const life = lives.begin(servers);
    await costOf(scene, life, 0, 1);
    await scene.grid.clock.run(10_000);
    await life.memory.settled();
    return costOf(scene, lives.begin(servers), 0, 1);
  }

  it("whose server left the list is looked for as usual, and forgotten", async () => {
    const { lives, ...scene } = await remembered();
    const servers = without(scene.grid, 0);
    expect((await costOf(scene, lives.begin(servers), 0, 1)).roundTrips).toBe(2);
    expect(await settle(scene, lives, servers)).toMatchObject({ roundTrips: 1, overhead: 0 });
  });

  it("that moved to another server is found there, and its old server is not blamed", async () => {
    const { lives, ...scene } = await remembered();
    const { grid, file } = scene;
    grid.servers[0]?.shares.clear();
    grid.servers[9]?.hold(file.storageIndexText, 0, file.shares.get(0) as Uint8Array);
    expect((await costOf(scene, lives.begin(), 0, 1)).roundTrips).toBe(2);
    expect(await settle(scene, lives)).toMatchObject({ roundTrips: 1, overhead: 0 });
    expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it.each([
    ["refuses", { statusOnRead: 500, statusOnList: 500 }],
    ["hangs", { hangsOnRead: true, hangsOnList: true }],
  ])("whose server %s is replaced, and forgotten", async (_, behaviour) => {
    const { lives, ...scene } = await remembered();
    Object.assign(scene.grid.servers[1]?.behaviour ?? {}, behaviour);
    expect(await settle(scene, lives)).toMatchObject({ roundTrips: 1, overhead: 0 });
  });

  it("is not forgotten where the network was away for a while", async () => {
    const { lives, ...scene } = await remembered();
    const { grid, file } = scene;
    for (const { behaviour } of grid.servers) Object.assign(behaviour, { statusOnRead: 503, statusOnList: 503 });
    const life = lives.begin();
    expect((await outcomeOf(grid, life.nodes.open(file.cap))).code).toBe("NOT_ENOUGH_SHARES");
    await grid.clock.run(10_000);
    for (const { behaviour } of grid.servers)
      Object.assign(behaviour, { statusOnRead: undefined, statusOnList: undefined });
    expect((await costOf(scene, lives.begin(), 0, 1)).roundTrips).toBe(1);
  });

  it("that is laid out otherwise now is read as it is, and nobody is blamed", async () => {
    const { lives, ...scene } = await remembered();
    const { grid } = scene;
    grid.hold(await encodeShares(long, { ...LONG, version: 2 }));
    const life = lives.begin();
    expect(await bytesOf(grid, life.nodes.open(scene.file.cap), { offset: 0, length: 300 })).toEqual(
      Buffer.from(long.subarray(0, 300)),
    );
    expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });
});

/** A store whose contents a test can see and change. */
class OpenStore implements ByteStore {
  readonly entries = new Map<string, Uint8Array>();
  async get(keys: readonly string[]): Promise<Map<string, Uint8Array>> {
    return new Map(
      keys.flatMap((key) => (this.entries.has(key) ? [[key, this.entries.get(key)?.slice() as Uint8Array]] : [])),
    );
  }
  async keys(prefix: string): Promise<string[]> {
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix));
  }
  async apply({ deletes, puts }: Changes): Promise<void> {
    for (const key of deletes) this.entries.delete(key);
    for (const [key, bytes] of puts) this.entries.set(key, bytes.slice());
  }
}

describe("what is remembered", () => {
  const plaintext = patternBytes(310);

  async function remembered(): Promise<Stage & { facts: OpenStore; segments: OpenStore; lives: Lives }> {
    const scene = await stage(plaintext, F1);
    const [facts, segments] = [new OpenStore(), new OpenStore()];
    const lives = new Lives(scene.grid, { facts, segments });
    await liveAndDie(scene, lives, [[0, 310]]);
    return { ...scene, facts, segments, lives };
  }

  it("may be wrong in any place: a read goes on, blames nobody, and mends it", { timeout: 120_000 }, async () => {
    const { grid, file, facts, segments } = await remembered();
    const good = { facts: new Map(facts.entries), segments: new Map(segments.entries) };
    expect([...good.facts.keys()].map((key) => key.split("/").slice(1).join("/")).sort()).toEqual([
      "chain",
      "page/0/3",
      "page/1/3",
      "page/2/3",
      "page/ciphertext/3",
      "shares",
      "ueb",
    ]);
    expect(good.segments.size).toBe(3);
    for (const kind of ["facts", "segments"] as const) {
      for (const [key, bytes] of good[kind]) {
        // Every byte of what has a structure; of long runs of hashes and of ciphertext one in seven.
        for (let at = 0; at < bytes.length; at += at < 96 ? 1 : 7) {
          const bad = new OpenStore();
          for (const [each, value] of good[kind]) bad.entries.set(each, value);
          bad.entries.set(key, flip(bytes, at, 1 + (at % 255)));
          const stores = kind === "facts" ? { facts: bad, segments: nowhere() } : { facts, segments: bad };
          const lives = new Lives(grid, stores);
          const life = lives.begin();
          expect(await bytesOf(grid, life.nodes.open(file.cap)), `byte ${at} of ${key}`).toEqual(
            Buffer.from(plaintext),
          );
          await life.memory.settled();
          // The header's fields that readers do not look at may be anything.
          if (!key.endsWith("/shares")) expect(bad.entries.get(key), `byte ${at} of ${key}`).toEqual(bytes);
        }
      }
    }
    expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array | undefined]>([
    ["gone", () => undefined],
    ["empty", () => new Uint8Array(0)],
    ["half written", (bytes) => bytes.slice(0, bytes.length / 2)],
    ["too long", (bytes) => new Uint8Array(bytes.length + 1000)],
  ])("may be %s, each by itself and all together", async (_, change) => {
    const { grid, file, facts, segments } = await remembered();
    const all = [facts, segments].flatMap(({ entries }) => [...entries.keys()]);
    for (const keys of [...all.map((key) => [key]), all]) {
      const stores = { facts: new OpenStore(), segments: new OpenStore() };
      for (const [to, from] of [
        [stores.facts, facts],
        [stores.segments, segments],
      ] as const) {
        for (const [key, bytes] of from.entries) {
          const changed = keys.includes(key) ? change(bytes) : bytes;
          if (changed) to.entries.set(key, changed);
        }
      }
      const { nodes } = new Lives(grid, stores).begin();
      expect(await bytesOf(grid, nodes.open(file.cap)), String(keys)).toEqual(Buffer.from(plaintext));
    }
    expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it("is of use, or harmless, wherever the worker was killed", async () => {
    const scene = await stage(plaintext, F1);
    for (let steps = 0; steps < 12; steps++) {
      const stores = [new OpenStore(), new OpenStore()] as const;
      let left = steps;
      // After so many steps nothing is written any more, and nothing is said of it.
      const dying = stores.map(
        (store): ByteStore => ({
          get: (keys) => store.get(keys),
          keys: (prefix) => store.keys(prefix),
          apply: (changes) => (left-- > 0 ? store.apply(changes) : new Promise(() => {})),
        }),
      );
      const first = new Lives(
        scene.grid,
        { facts: dying[0] as ByteStore, segments: dying[1] as ByteStore },
        { writeDelay: 0 },
      );
      await costOf(scene, first.begin(), 0, 310);
      const second = new Lives(scene.grid, { facts: stores[0], segments: stores[1] });
      await costOf(scene, second.begin(), 0, 310);
    }
    expect(scene.grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it("holds neither the key nor plaintext", async () => {
    const { file, facts, segments } = await remembered();
    const { key } = file.cap;
    const stored = Buffer.concat(
      [facts, segments].flatMap(({ entries }) => [...entries].flatMap(([name, bytes]) => [Buffer.from(name), bytes])),
    );
    expect(stored.length).toBeGreaterThan(1000);
    expect(stored.includes(Buffer.from(key))).toBe(false);
    for (const text of [encodeBase32(key), Buffer.from(key).toString("base64"), Buffer.from(key).toString("hex")]) {
      expect(stored.includes(text)).toBe(false);
    }
    for (let at = 0; at + 8 <= plaintext.length; at++) {
      expect(stored.includes(Buffer.from(plaintext.subarray(at, at + 8)))).toBe(false);
    }
  });
});

it("any history of reads, restarts, lost writes, rot and servers that come and go brings the right bytes", async () => {
  const plaintext = patternBytes(9_000);
  const options: EncodeOptions = { needed: 3, total: 10, maxSegmentSize: 30 };
  const scene = await stage(plaintext, options);
  const { grid, file } = scene;
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), at: fc.nat(8_999), length: fc.nat(900) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), isSudden: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("rot" as const), entry: fc.nat(), byte: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("server" as const), index: fc.nat(9), isUp: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("move" as const), number: fc.nat(9), to: fc.nat(9) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 15 }), async (steps) => {
      for (const server of grid.servers) {
        Object.assign(server.behaviour, { statusOnList: undefined, statusOnRead: undefined });
        server.shares.clear();
        server.reports.length = 0;
      }
      grid.hold(file);
      const stores = { facts: new OpenStore(), segments: new OpenStore() };
      const lives = new Lives(grid, stores, { inMemory: 600 });
      let life = lives.begin();
      for (const step of steps) {
        if (step.kind === "read") {
          const { at, length } = step;
          const { bytes, code } = await outcomeOf(grid, life.nodes.open(file.cap), { offset: at, length });
          // Up to seven servers may be down, or hold nothing, at a time; a wrong byte never comes.
          if (code !== "none") expect(code).toBe("NOT_ENOUGH_SHARES");
          const expected = Buffer.from(plaintext.subarray(at, at + length));
          expect(bytes).toEqual(code === "none" ? expected : expected.subarray(0, bytes.length));
          const up = grid.servers.filter(({ behaviour }) => behaviour.statusOnRead === undefined);
          const numbers = new Set(up.flatMap(({ shares }) => [...(shares.get(file.storageIndexText)?.keys() ?? [])]));
          if (numbers.size >= 3) expect(code).toBe("none");
        } else if (step.kind === "restart") {
          if (!step.isSudden) await life.memory.settled();
          life = lives.begin();
        } else if (step.kind === "rot") {
          const all = [stores.facts, stores.segments].flatMap(({ entries }) =>
            [...entries].map((entry) => ({ entries, entry })),
          );
          const { entries, entry } = all[step.entry % Math.max(1, all.length)] ?? {};
          if (entries && entry && entry[1].length > 0)
            entries.set(entry[0], flip(entry[1], step.byte % entry[1].length, 4));
        } else if (step.kind === "server") {
          const status = step.isUp ? undefined : 500;
          Object.assign(grid.servers[step.index]?.behaviour ?? {}, { statusOnList: status, statusOnRead: status });
          // Health is asked again after a while.
          await grid.clock.run(60_000);
        } else {
          for (const { shares } of grid.servers) shares.get(file.storageIndexText)?.delete(step.number);
          grid.servers[step.to]?.hold(file.storageIndexText, step.number, file.shares.get(step.number) as Uint8Array);
        }
      }
      await grid.clock.run(60_000);
      expect(grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
      expect(grid.inFlight).toBe(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);

describe("without a store that works", () => {
  const failing: ByteStore = {
    get: () => Promise.reject(new Error("no")),
    keys: () => Promise.reject(new Error("no")),
    apply: () => Promise.reject(new Error("no")),
  };
  const hanging: ByteStore = {
    get: () => new Promise(() => {}),
    keys: () => new Promise(() => {}),
    apply: () => new Promise(() => {}),
  };

  it.each([
    ["fails", failing, 0],
    ["hangs", hanging, defaultCacheLimits.patience],
  ])("that is, with one that %s, reads go on", async (_, store, wait) => {
    const scene = await stage();
    const life = new Lives(scene.grid, { facts: store, segments: store }).begin();
    const began = scene.grid.clock.now();
    await costOf(scene, life, 0, 1);
    expect(scene.grid.clock.now() - began).toBeLessThanOrEqual(2 * ROUND_TRIP + wait + 1);
    expect((await costOf(scene, life, 100_000, 1)).roundTrips).toBe(1);
  });
});
