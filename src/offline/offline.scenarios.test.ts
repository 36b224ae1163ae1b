import { beforeEach, describe, expect, it } from "vitest";
import { EventLog } from "../base/EventLog.ts";
import type { Keep, KeepEvent } from "../base/Keep.ts";
import { defaultLimits } from "../base/limits.ts";
import { defaultCacheLimits } from "../cache/cacheLimits.ts";
import { FileCache } from "../cache/FileCache.ts";
import { MemoryStore } from "../cache/testing/MemoryStore.ts";
import type { Background } from "../files/Background.ts";
import { createFileNodes, type FileNodes } from "../files/createFileNodes.ts";
import { type EncodedFile, type EncodeOptions, encodeShares } from "../files/testing/encodeShares.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { patternBytes, SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { bytesOf, flip, outcomeOf } from "../files/testing/scenario.ts";
import { encodeBase32 } from "../formats/base32.ts";
import { formatCap } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { broughtServer } from "../servers/broughtServer.ts";
import { StaticServerList } from "../servers/StaticServerList.ts";
import { OfflineFiles } from "./OfflineFiles.ts";
import { OfflineService } from "./OfflineService.ts";
import { MemoryOfflineStore, type StoredParts } from "./testing/MemoryOfflineStore.ts";

beforeEach(() => installSynchronousCrypto());

const SEGMENT = 60;
const SEGMENTS = 280;
/** The leaves of the ciphertext hash tree are in two pages, under one of two nodes. */
const LONG: EncodeOptions = { needed: 3, total: 5, maxSegmentSize: SEGMENT };
const plaintext = patternBytes(SEGMENTS * SEGMENT - 7);
const SIZE = plaintext.length;
/** The UEB and three pages. */
const FACTS = 4;
const [TOP_PAGE, LOW_PAGE] = [1, 511];

/** A worker, from its start to its death. */
interface Worker {
  readonly service: OfflineService;
  readonly nodes: FileNodes;
  readonly memory: FileCache;
  readonly events: KeepEvent[];
}

interface WorkerOptions {
  readonly withLocks?: boolean;
  readonly endsAfter?: number;
  readonly files?: () => Promise<FileNodes>;
  readonly background?: Background;
}

class Stage {
  readonly grid = new SimulatedGrid(5);
  readonly store = new MemoryOfflineStore();
  readonly file: EncodedFile;
  /** What other memory than that of kept files lasts. */
  readonly cache = { facts: new MemoryStore(0), segments: new MemoryStore(0) };
  readonly #locks = new Map<string, Promise<void>>();

  private constructor(file: EncodedFile) {
    this.file = file;
    this.grid.hold(file);
    for (const { behaviour } of this.grid.servers) Object.assign(behaviour, { latency: 50, bandwidth: 20 });
  }

  static async set(): Promise<Stage> {
    return new Stage(await encodeShares(plaintext, LONG));
  }

  /**
   * @param withLocks as workers of one browser have them
   * @param endsAfter a lock is given back so many milliseconds after the work under it has ended
   */
  worker({ withLocks = true, endsAfter = 0, files, background }: WorkerOptions = {}): Worker {
    const { clock } = this.grid;
    const log = new EventLog(clock);
    const kept = new OfflineFiles(this.store, clock, (record) => service.changed(record));
    const limits = { ...defaultLimits, windowStart: 300, windowMost: 1_200, segmentSizeGuesses: [SEGMENT] };
    const memory = new FileCache(this.cache, clock, { ...defaultCacheLimits, inMemory: 0 }, log, (cap) => kept.of(cap));
    const nodes = createFileNodes({
      servers: this.grid,
      clock,
      log,
      fileCache: memory,
      limits,
      ...(background && { background }),
    });
    const events: KeepEvent[] = [];
    const service: OfflineService = new OfflineService({
      kept,
      clock,
      files: files ?? (async () => nodes),
      alone: (name, _signal, work) => {
        if (!withLocks) return work();
        const end = () => endsAfter > 0 && clock.sleep(endsAfter, new AbortController().signal);
        const turn = (this.#locks.get(name) ?? Promise.resolve()).then(() => work().finally(end));
        this.#locks.set(
          name,
          turn.catch(() => {}),
        );
        return turn;
      },
      announce: (event) => events.push(event),
    });
    return { service, nodes, memory, events };
  }

  /** What was locked by a worker that is dead is free. */
  bury(): void {
    this.#locks.clear();
    this.store.writesLeft = Number.POSITIVE_INFINITY;
  }

  async keep(worker: Worker): Promise<Keep> {
    const keep = await this.grid.clock.runUntil(worker.service.keep(this.file.cap, ""));
    await this.grid.clock.runUntil(worker.service.settled(), 3_600_000);
    return keep;
  }

  get record() {
    const [record] = this.store.records.values();
    return record;
  }

  get parts(): StoredParts {
    const [parts] = this.store.parts.values();
    return parts ?? { facts: new Map(), segments: new Map() };
  }

  serversAway(areAway: boolean): void {
    const status = areAway ? 500 : undefined;
    for (const { behaviour } of this.grid.servers)
      Object.assign(behaviour, { statusOnList: status, statusOnRead: status });
  }

  /** All of the file, and that no server was asked for it. */
  async expectOffline(worker = this.worker()): Promise<void> {
    this.serversAway(true);
    const before = this.grid.requests;
    expect(await bytesOf(this.grid, worker.nodes.open(this.file.cap))).toEqual(Buffer.from(plaintext));
    expect(await bytesOf(this.grid, worker.nodes.open(this.file.cap), { offset: 10_000, length: 9 })).toEqual(
      Buffer.from(plaintext.subarray(10_000, 10_009)),
    );
    expect(this.grid.requests).toEqual(before);
    this.serversAway(false);
  }
}

it("Y-03 a file is kept in its turns, and nothing more is asked for while there is none", async () => {
  const stage = await Stage.set();
  const { clock } = stage.grid;
  let isTurn = false;
  let taken = 0;
  const background: Background = {
    async turn(bytes, signal) {
      while (!isTurn) await clock.sleep(100, signal);
      taken += bytes;
    },
  };
  const worker = stage.worker({ background });
  await clock.runUntil(worker.service.keep(stage.file.cap, ""));
  await clock.run(60_000);
  const { reads } = stage.grid.requests;
  await clock.run(60_000);
  expect([stage.grid.requests.reads, taken, stage.record?.state]).toEqual([reads, 0, "keeping"]);
  isTurn = true;
  await clock.runUntil(worker.service.settled(), 3_600_000);
  expect([taken, stage.record?.state]).toEqual([SIZE, "kept"]);
  await stage.expectOffline();
});

describe("a file that is kept", () => {
  it("is read whole and by parts without any server, in this life and the next", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    expect(await stage.keep(worker)).toMatchObject({ size: SIZE, keptBytes: 0, state: "keeping" });
    expect(await worker.service.list()).toEqual([{ id: stage.record?.id, size: SIZE, keptBytes: SIZE, state: "kept" }]);
    expect(stage.parts.facts.size).toBe(FACTS);
    await stage.expectOffline(worker);
    await stage.expectOffline();
  });

  it("is so for a reader, too, who had it open before", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    await bytesOf(stage.grid, worker.nodes.open(stage.file.cap), { offset: 0, length: 1 });
    await stage.keep(worker);
    await stage.expectOffline(worker);
  });

  it("is found by any cap of it, and by no other", async () => {
    const stage = await Stage.set();
    const { service } = stage.worker();
    expect(await service.find(stage.file.cap)).toBeUndefined();
    await stage.grid.clock.runUntil(service.keep(stage.file.cap, ""));
    expect((await service.find(parseCap(`imm.${formatCap(stage.file.cap)}`)))?.id).toBe(stage.record?.id);
    expect(await service.find({ ...stage.file.cap, size: SIZE - 1 })).toBeUndefined();
  });

  it("costs no byte that another memory has", async () => {
    const stage = await Stage.set();
    const warm = { facts: new MemoryStore(1e9), segments: new MemoryStore(1e9) };
    Object.assign(stage.cache, warm);
    const worker = stage.worker();
    await bytesOf(stage.grid, worker.nodes.open(stage.file.cap));
    await stage.grid.clock.run(5_000);
    await worker.memory.settled();
    stage.serversAway(true);
    await stage.keep(stage.worker());
    expect(stage.record?.state).toBe("kept");
    Object.assign(stage.cache, { facts: new MemoryStore(0), segments: new MemoryStore(0) });
    await stage.expectOffline();
  });

  it("takes no room any more once it is removed, and is read from servers", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    const { id } = await stage.keep(worker);
    await worker.service.change(id, "removed");
    expect([stage.store.records.size, stage.store.parts.size]).toEqual([0, 0]);
    expect(worker.events.at(-1)).toEqual({ id, state: "removed" });
    expect(await worker.service.list()).toEqual([]);
    expect(await bytesOf(stage.grid, worker.nodes.open(stage.file.cap))).toEqual(Buffer.from(plaintext));
    stage.serversAway(true);
    expect((await outcomeOf(stage.grid, stage.worker().nodes.open(stage.file.cap))).code).toBe("NOT_ENOUGH_SHARES");
  });

  it("may be removed while it is being fetched", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    await stage.grid.clock.run(200);
    expect(worker.service.count).toBe(1);
    await stage.grid.clock.runUntil(worker.service.change(id, "removed"));
    await stage.grid.clock.run(10_000);
    expect([worker.service.count, stage.store.records.size, stage.store.parts.size]).toEqual([0, 0, 0]);
  });
});

it("nothing that is stored, and nothing that pages hear, holds a key, plaintext or a cap that reads", async () => {
  const stage = await Stage.set();
  const worker = stage.worker();
  await stage.keep(worker);
  const { key } = stage.file.cap;
  const texts = JSON.stringify([...stage.store.records, worker.events, await worker.service.list()]);
  expect(texts).toContain("URI:CHK-Verifier:");
  expect(texts).not.toContain("URI:CHK:");
  expect(texts).not.toContain(encodeBase32(key));
  expect(JSON.stringify([worker.events, await worker.service.list()])).not.toContain("URI:");
  const stored = Buffer.concat([...stage.parts.segments.values(), ...stage.parts.facts.values()]);
  expect(stored.length).toBeGreaterThan(SIZE);
  expect(stored.includes(Buffer.from(key))).toBe(false);
  for (let at = 0; at + 16 < SIZE; at += 97) {
    expect(stored.includes(Buffer.from(plaintext.subarray(at, at + 16)))).toBe(false);
  }
});

describe("a worker that is killed", () => {
  it("between any two writes: the next one goes on, and fetches nothing twice", async () => {
    const stage = await Stage.set();
    await stage.keep(stage.worker());
    const whole = stage.store.written.length;
    stage.store.records.clear();
    stage.store.parts.clear();
    stage.store.written.length = 0;

    for (let kills = 0; ; kills++) {
      const worker = stage.worker();
      stage.store.writesLeft = 2;
      const began = kills === 0 ? worker.service.keep(stage.file.cap, "") : worker.service.resume();
      began.catch(() => {});
      await stage.grid.clock.run(20_000);
      stage.bury();
      if (stage.record?.state === "kept") break;
      expect(kills).toBeLessThan(200);
    }
    expect(stage.store.written.length).toBe(whole);
    expect(new Set(stage.store.written).size).toBe(whole);
    await stage.expectOffline();
  });

  it("before it could write that a file shall be kept has promised nothing", async () => {
    const stage = await Stage.set();
    stage.store.writesLeft = 0;
    let isPromised = false;
    void stage
      .worker()
      .service.keep(stage.file.cap, "")
      .then(() => {
        isPromised = true;
      });
    await stage.grid.clock.run(10_000);
    expect(isPromised).toBe(false);
  });
});

describe("pausing", () => {
  it("keeps what is there, asks no server, lasts over a restart, and what is there serves reads", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    while ((stage.record?.keptBytes ?? 0) === 0) await stage.grid.clock.run(50);
    await stage.grid.clock.runUntil(worker.service.change(id, "paused"));
    const { requests } = stage.grid;
    const next = stage.worker();
    await next.service.resume();
    await stage.grid.clock.run(60_000);
    expect(stage.grid.requests).toEqual(requests);
    const [paused] = await next.service.list();
    expect(paused?.state).toBe("paused");
    expect(paused?.keptBytes).toBeGreaterThan(0);
    expect(paused?.keptBytes).toBeLessThan(SIZE);

    stage.serversAway(true);
    expect(await bytesOf(stage.grid, next.nodes.open(stage.file.cap), { length: 60 })).toEqual(
      Buffer.from(plaintext.subarray(0, 60)),
    );
    stage.serversAway(false);
    expect(await bytesOf(stage.grid, next.nodes.open(stage.file.cap))).toEqual(Buffer.from(plaintext));
    // A reader does not go on with what was paused.
    expect((await next.service.list())[0]?.keptBytes).toBe(paused?.keptBytes);

    await next.service.change(id, "keeping");
    await stage.grid.clock.runUntil(next.service.settled());
    expect(stage.store.written.length).toBe(SEGMENTS);
    await stage.expectOffline();
  });
});

describe("a job that is called off while it waits for the configuration", () => {
  it.each(["paused", "removed"] as const)("and that is %s, is wanted again at once and goes on", async (away) => {
    const stage = await Stage.set();
    let isSilent = true;
    const worker: Worker = stage.worker({
      endsAfter: 500,
      async files() {
        if (isSilent) await new Promise(() => {});
        return worker.nodes;
      },
    });
    const { service, events } = worker;
    const { id } = await stage.grid.clock.runUntil(service.keep(stage.file.cap, ""));
    await stage.grid.clock.run(200);
    isSilent = false;
    const off = service.change(id, away);
    const again: Promise<unknown> =
      away === "paused" ? service.change(id, "keeping") : service.keep(stage.file.cap, "");
    await stage.grid.clock.runUntil(again);
    // Pages hear of it in the order in which it was, and not once the job that was called off has ended.
    const states = () => events.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
    expect(states()).toEqual(["keeping", away, "keeping"]);
    await stage.grid.clock.runUntil(Promise.all([off, service.settled()]));
    expect(states()).toEqual(["keeping", away, "keeping", "kept"]);
    expect(stage.record?.state).toBe("kept");
    await stage.expectOffline(worker);
  });
});

describe("a store that is away for a while", () => {
  it("ends nothing: the job says what it waits for, and goes on", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    while ((stage.record?.keptBytes ?? 0) === 0) await stage.grid.clock.run(50);
    stage.store.isAway = true;
    await stage.grid.clock.run(120_000);
    expect(worker.service.count).toBe(1);
    expect(worker.events.at(-1)).toMatchObject({ state: "keeping", reason: { code: "STORE_UNAVAILABLE" } });
    stage.store.isAway = false;
    await stage.grid.clock.runUntil(worker.service.settled());
    expect(stage.record).toMatchObject({ state: "kept", keptBytes: SIZE });
    await stage.expectOffline(worker);
  });

  it("or slow, loses nothing of what is kept: a segment that does not come is not one that is gone", async () => {
    const stage = await Stage.set();
    await stage.keep(stage.worker());
    const worker = stage.worker();
    const { segment } = stage.store;
    stage.store.segment = () => new Promise(() => {});
    const range = { offset: 3_000, length: 600 };
    const read = await bytesOf(stage.grid, worker.nodes.open(stage.file.cap), range);
    expect(read).toEqual(Buffer.from(plaintext.subarray(3_000, 3_600)));
    stage.store.segment = segment;
    await stage.grid.clock.run(5_000);
    expect(stage.record?.state).toBe("kept");
    expect(stage.parts.segments.size).toBe(SEGMENTS);
    await stage.expectOffline(worker);
  });

  it("that is slow keeps a file that is opened waiting for a second, and is used once it has answered", async () => {
    const stage = await Stage.set();
    await stage.keep(stage.worker());
    const worker = stage.worker();
    const { contents } = stage.store;
    stage.store.contents = async (id) => {
      await stage.grid.clock.sleep(10_000, new AbortController().signal);
      return contents.call(stage.store, id);
    };
    for (const { behaviour } of stage.grid.servers) Object.assign(behaviour, { latency: 1, bandwidth: 100_000 });
    const began = stage.grid.clock.now();
    const node = worker.nodes.open(stage.file.cap);
    expect(await bytesOf(stage.grid, node, { offset: 0, length: 9 })).toEqual(Buffer.from(plaintext.subarray(0, 9)));
    expect(stage.grid.clock.now() - began).toBeLessThan(1_500);
    await stage.grid.clock.run(10_000);
    await stage.expectOffline(worker);
  });
});

describe("shares that the browser has brought", () => {
  /** What reads a file from these shares alone. */
  function broughtTo({ memory }: Worker, stage: Stage, change: (share: Uint8Array) => Uint8Array): FileNodes {
    const { clock } = stage.grid;
    const { storageIndexText, shares } = stage.file;
    const servers = [...shares]
      .slice(0, 3)
      .map(([n, bytes]) => broughtServer(storageIndexText, n, new Blob([Uint8Array.from(change(bytes))])));
    return createFileNodes({ servers: new StaticServerList(servers), clock, fileCache: memory });
  }

  it("are all that is asked, in the middle of keeping too", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    while ((stage.record?.keptBytes ?? 0) === 0) await stage.grid.clock.run(50);
    stage.serversAway(true);
    await stage.grid.clock.run(10_000);
    const before = stage.grid.requests;
    await stage.grid.clock.runUntil(
      worker.service.take(
        id,
        broughtTo(worker, stage, (share) => share),
      ),
    );
    expect(stage.grid.requests).toEqual(before);
    expect(stage.record?.state).toBe("kept");
    await stage.expectOffline();
  });

  it("cost nothing but time where they lie or break off: servers give what is missing", async () => {
    for (const change of [
      (share: Uint8Array) => flip(share, Math.floor(share.length / 2)),
      (share: Uint8Array) => share.subarray(0, Math.floor(share.length / 3)),
      () => new Uint8Array(0),
    ]) {
      const stage = await Stage.set();
      const worker = stage.worker();
      const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
      await stage.grid.clock.runUntil(worker.service.take(id, broughtTo(worker, stage, change)), 3_600_000);
      expect(stage.record?.state).toBe("kept");
      await stage.expectOffline();
    }
  });

  it("do nothing for a file that is not to be kept any more", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    await stage.grid.clock.runUntil(worker.service.change(id, "removed"));
    await stage.grid.clock.runUntil(
      worker.service.take(
        id,
        broughtTo(worker, stage, (share) => share),
      ),
    );
    expect([stage.store.records.size, stage.store.parts.size]).toEqual([0, 0]);
  });

  it("may be fetched of servers that want no secret, while less than half of the file is kept", async () => {
    const stage = await Stage.set();
    Object.assign(stage.cache, { facts: new MemoryStore(1e9) });
    const worker = stage.worker();
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    while ((stage.record?.keptBytes ?? 0) === 0) await stage.grid.clock.run(50);
    const unfinished = () => stage.grid.clock.runUntil(worker.service.unfinished());
    expect(await unfinished()).toEqual([]);
    for (const server of stage.grid.servers) Object.assign(server, { openRoot: `https://example.org/${server.id}/` });
    const [only, ...others] = await unfinished();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ id, size: SIZE });
    const path = `/storage/v1/immutable/${stage.file.storageIndexText}/`;
    expect(new Set(only?.urls.map((url) => url.slice(url.indexOf(path) + path.length))).size).toBe(3);
    expect(
      only?.urls.every((url) => /^https:..example.org.[^/]+.storage.v1.immutable.[a-z2-7]+.[0-4]$/.test(url)),
    ).toBe(true);
    await stage.grid.clock.runUntil(worker.service.settled(), 3_600_000);
    expect(await unfinished()).toEqual([]);
  });
});

describe("servers that are away", () => {
  it("are waited for, and the file is kept when they are back", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    await stage.grid.clock.run(600);
    stage.serversAway(true);
    await stage.grid.clock.run(120_000);
    const [waiting] = await worker.service.list();
    expect(waiting).toMatchObject({ state: "keeping", reason: { code: "NOT_ENOUGH_SHARES" } });
    expect(worker.events.at(-1)).toEqual(waiting);
    const { lists } = stage.grid.requests;
    await stage.grid.clock.run(600_000);
    // Ten times an hour and server would be a nuisance nobody minds; a busy loop would be one.
    expect(stage.grid.requests.lists - lists).toBeLessThan(200);
    stage.serversAway(false);
    await stage.grid.clock.runUntil(worker.service.settled());
    expect((await worker.service.list())[0]).toEqual({
      id: stage.record?.id,
      size: SIZE,
      keptBytes: SIZE,
      state: "kept",
    });
    await stage.expectOffline();
  });

  it("are asked again at once when the network is back", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    stage.serversAway(true);
    await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    await stage.grid.clock.run(300_000);
    stage.serversAway(false);
    const before = stage.grid.requests.lists;
    worker.service.wake();
    await stage.grid.clock.run(10);
    expect(stage.grid.requests.lists).toBeGreaterThan(before);
  });
});

describe("a full disk", () => {
  it("fails clearly, keeps what was done, and goes on after room was made", async () => {
    const stage = await Stage.set();
    stage.store.room = 6_000;
    const worker = stage.worker();
    const { id } = await stage.keep(worker);
    const [failed] = await worker.service.list();
    expect(failed).toMatchObject({ state: "failed", reason: { code: "STORE_FULL" } });
    expect(failed?.keptBytes).toBeGreaterThan(0);
    expect(worker.events.at(-1)).toEqual(failed);
    // It is not tried again by itself.
    const next = stage.worker();
    await next.service.resume();
    expect(next.service.count).toBe(0);
    stage.store.room = 1e9;
    await next.service.change(id, "keeping");
    await stage.grid.clock.runUntil(next.service.settled());
    expect(stage.record).not.toHaveProperty("reason");
    expect(stage.store.written.length).toBe(SEGMENTS);
    await stage.expectOffline();
  });
});

describe("a disk so full that not even the failure can be written", () => {
  it("says so in this life, and the next one tries again", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    stage.store.room = 6_000;
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    stage.store.isFull = true;
    await stage.grid.clock.runUntil(worker.service.settled());
    const [failed] = await worker.service.list();
    expect(failed).toMatchObject({ state: "failed", reason: { code: "STORE_FULL" } });
    expect(worker.events.at(-1)).toEqual(failed);
    await worker.service.change(id, "keeping");
    expect(worker.service.count).toBe(1);
    await stage.grid.clock.runUntil(worker.service.settled());
    expect((await worker.service.list())[0]?.state).toBe("failed");

    Object.assign(stage.store, { room: 1e9, isFull: false });
    const next = stage.worker();
    await next.service.resume();
    await stage.grid.clock.runUntil(next.service.settled());
    await stage.expectOffline(next);
  });
});

describe("damage on disk", () => {
  const spoils: [string, (parts: StoredParts) => void][] = [
    ["a segment's bit", ({ segments }) => segments.set(200, flip(segments.get(200) as Uint8Array, 7))],
    ["a segment cut off", ({ segments }) => segments.set(200, (segments.get(200) as Uint8Array).subarray(1))],
    ["a segment gone", ({ segments }) => segments.delete(200)],
    ["all segments", ({ segments }) => flipAll(segments)],
    ["the UEB", ({ facts }) => facts.set("ueb", flip(facts.get("ueb") as Uint8Array, 9))],
    ["the UEB gone", ({ facts }) => facts.delete("ueb")],
    ["a hash page", ({ facts }) => facts.set(LOW_PAGE, flip(facts.get(LOW_PAGE) as Uint8Array, 40))],
    ["the topmost hash page", ({ facts }) => facts.set(TOP_PAGE, flip(facts.get(TOP_PAGE) as Uint8Array, 1))],
    ["a hash page gone", ({ facts }) => facts.delete(LOW_PAGE)],
    ["all hash pages", ({ facts }) => flipAll(facts)],
  ];
  it.each(spoils)("%s: is found by whoever reads it, and healed from the grid", async (_, spoil) => {
    const stage = await Stage.set();
    await stage.keep(stage.worker());
    spoil(stage.parts);
    const worker = stage.worker();
    expect(await bytesOf(stage.grid, worker.nodes.open(stage.file.cap))).toEqual(Buffer.from(plaintext));
    await stage.grid.clock.run(5_000);
    await stage.grid.clock.runUntil(worker.service.settled());
    expect(stage.record).toMatchObject({ state: "kept", keptBytes: SIZE });
    expect(stage.grid.servers.flatMap(({ reports }) => reports)).toEqual([]);
    await stage.expectOffline();
  });

  it("that is read without servers spoils that read alone, and is healed when they are back", async () => {
    const stage = await Stage.set();
    await stage.keep(stage.worker());
    stage.parts.segments.set(200, flip(stage.parts.segments.get(200) as Uint8Array, 7));
    const worker = stage.worker();
    stage.serversAway(true);
    const { code, bytes } = await outcomeOf(stage.grid, worker.nodes.open(stage.file.cap));
    expect([code, bytes]).toEqual(["NOT_ENOUGH_SHARES", Buffer.from(plaintext.subarray(0, 200 * SEGMENT))]);
    stage.serversAway(false);
    await stage.grid.clock.runUntil(worker.service.settled());
    await stage.expectOffline();
  });
});

function flipAll<K>(parts: Map<K, Uint8Array>): void {
  for (const [name, bytes] of parts) parts.set(name, flip(bytes, 0));
}

describe("several at once", () => {
  it.each([
    ["with", true],
    ["without", false],
  ])("two workers that keep one file, %s locks, agree", async (_, withLocks) => {
    const stage = await Stage.set();
    const [one, two] = [stage.worker({ withLocks }), stage.worker({ withLocks })];
    const both = Promise.all([one, two].map(({ service }) => service.keep(stage.file.cap, "")));
    await stage.grid.clock.runUntil(both);
    await stage.grid.clock.runUntil(Promise.all([one.service.settled(), two.service.settled()]));
    expect(stage.record).toMatchObject({ state: "kept", keptBytes: SIZE });
    expect(stage.store.written.length).toBe(SEGMENTS);
    if (withLocks) expect(stage.grid.requests.bytes).toBeLessThan(1.2 * (await costOfOne()));
    await stage.expectOffline(two);
  });

  /** Bytes that servers send where one worker keeps the file. */
  async function costOfOne(): Promise<number> {
    const stage = await Stage.set();
    await stage.keep(stage.worker());
    return stage.grid.requests.bytes;
  }

  it("two calls in one worker are one job", async () => {
    const stage = await Stage.set();
    const { service } = stage.worker();
    await stage.grid.clock.runUntil(
      Promise.all([service.keep(stage.file.cap, ""), service.keep(stage.file.cap, ""), service.resume()]),
    );
    expect(service.count).toBe(1);
    await stage.grid.clock.runUntil(service.settled());
    expect(stage.grid.requests.bytes).toBeLessThan(1.2 * (await costOfOne()));
  });

  it("a reader helps, and is not disturbed by a pause", async () => {
    const stage = await Stage.set();
    const worker = stage.worker();
    const { id } = await stage.grid.clock.runUntil(worker.service.keep(stage.file.cap, ""));
    const reading = bytesOf(stage.grid, worker.nodes.open(stage.file.cap), { offset: 8_000, length: 8_000 });
    await stage.grid.clock.runUntil(worker.service.change(id, "paused"));
    expect(await reading).toEqual(Buffer.from(plaintext.subarray(8_000, 16_000)));
  });
});

it("refuses what cannot be kept, and says why", async () => {
  const { service } = (await Stage.set()).worker();
  await expect(service.keep(parseCap("URI:LIT:ju"), "")).rejects.toMatchObject({ code: "UNSUPPORTED_CAP" });
  await expect(service.keep({ kind: "DIR2", content: { kind: "LIT", data: new Uint8Array() } }, "")).rejects.toThrow(
    "only a file that cannot change",
  );
});

it("where the store is away what was left is gone on with as soon as somebody asks again, and once however often", async () => {
  const stage = await Stage.set();
  const { clock } = stage.grid;
  stage.store.writesLeft = 8;
  stage
    .worker()
    .service.keep(stage.file.cap, "")
    .catch(() => undefined);
  await clock.run(60_000);
  stage.bury();
  const { service } = stage.worker();
  stage.store.isAway = true;
  await expect(service.resume()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  stage.store.isAway = false;
  await clock.runUntil(Promise.all([service.resume(), service.resume()]));
  expect(service.count).toBe(1);
  await clock.runUntil(service.settled(), 3_600_000);
  expect(stage.record?.state).toBe("kept");
});
