import { beforeEach, describe, expect, it } from "vitest";
import { BROWSER_FETCH, type KeepEvent } from "../base/Keep.ts";
import { unlessAborted } from "../base/wait.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { formatCap } from "../formats/formatCap.ts";
import { BrowserFetches } from "../offline/BrowserFetches.ts";
import { OfflineFiles } from "../offline/OfflineFiles.ts";
import { OfflineService } from "../offline/OfflineService.ts";
import { MemoryOfflineStore } from "../offline/testing/MemoryOfflineStore.ts";
import { OfflineWork } from "./OfflineWork.ts";

const cap = {
  kind: "CHK",
  key: new Uint8Array(16),
  uebHash: new Uint8Array(32),
  needed: 1,
  total: 1,
  size: 100,
} as const;
const verifyCap = { ...cap, kind: "CHK-Verifier", storageIndex: new Uint8Array(16) } as const;

let clock: VirtualClock;
let store: MemoryOfflineStore;
let loads: number;
let events: KeepEvent[];
let calledOff: string[];
/** What fetching waits for: for ever, unless a test says otherwise. */
let fetching: Promise<void>;

beforeEach(() => {
  clock = new VirtualClock();
  store = new MemoryOfflineStore();
  loads = 0;
  events = [];
  calledOff = [];
  fetching = new Promise(() => {});
});

/** As the worker has it. @param files finds the grid's */
function begin({ hasBackgroundFetch = false, areFilesLate = false } = {}): OfflineWork {
  const nodes = {
    fetchInto: (_target: unknown, _cap: unknown, signal: AbortSignal) => unlessAborted(fetching, signal),
    openShares: async () => ["https://example.org/share"],
  } as unknown as FileNodes;
  const kept = new OfflineFiles(store, clock, (record) => work.changed(record));
  const registration = (id: string) => ({
    id,
    downloaded: 0,
    async abort() {
      calledOff.push(id);
      return true;
    },
    matchAll: async () => [],
  });
  const work: OfflineWork = new OfflineWork({
    kept,
    clock,
    load() {
      loads++;
      return { OfflineService, BrowserFetches };
    },
    files: async () => (areFilesLate ? new Promise<FileNodes>(() => {}) : nodes),
    makeFiles: () => nodes,
    alone: (_name, _signal, job) => job(),
    announce: (event) => events.push(event),
    backgroundFetch: hasBackgroundFetch ? { get: async (id) => registration(id) } : undefined,
  });
  return work;
}

async function leave(state: "keeping" | "paused" | "kept"): Promise<string> {
  const kept = new OfflineFiles(store, clock, () => {});
  const { id } = kept.of(verifyCap);
  await store.change(id, () => ({ id, cap: formatCap(verifyCap), grid: "", size: 100, keptBytes: 0, state }));
  return id;
}

describe("what an earlier worker has left", () => {
  it("is gone on with; what does that is loaded then, and for nothing else", async () => {
    await leave("paused");
    const work = begin();
    await work.resume();
    expect([loads, work.count]).toEqual([0, 0]);
    await leave("keeping");
    await work.resume();
    expect([loads, work.count]).toEqual([1, 1]);
    await work.resume();
    expect([loads, work.count]).toEqual([1, 1]);
  });

  it("is left where the store is away, and tried again with the next page", async () => {
    await leave("keeping");
    store.isAway = true;
    const work = begin();
    await work.resume();
    expect(work.count).toBe(0);
    store.isAway = false;
    await work.resume();
    expect(work.count).toBe(1);
  });
});

describe("an event", () => {
  it("lasts until nothing is to be done, and at once where nothing was", async () => {
    await begin().lasting();
    await leave("keeping");
    let finish = () => {};
    fetching = new Promise((resolve) => {
      finish = resolve;
    });
    const work = begin();
    await work.resume();
    const lasting = work.lasting();
    await clock.run(5_000);
    finish();
    await clock.runUntil(lasting);
    expect([clock.now(), work.count, events.at(-1)?.state]).toEqual([5_000, 0, "kept"]);
  });

  it("ends when a page should have spoken again, and the work goes on", async () => {
    await leave("keeping");
    const work = begin({ hasBackgroundFetch: true });
    await work.resume();
    await clock.runUntil(work.withPage());
    expect([clock.now(), work.count]).toEqual([40_000, 1]);
  });

  it("with what the browser has brought ends within the five minutes that Chromium gives it", async () => {
    const id = await leave("keeping");
    const work = begin({ hasBackgroundFetch: true });
    const registration = { id: BROWSER_FETCH + id, downloaded: 100, abort: async () => true, matchAll: async () => [] };
    await clock.runUntil(work.take(registration));
    expect(clock.now()).toBe(270_000);
  });
});

describe("handing over", () => {
  it("is for browsers that can fetch by themselves", async () => {
    const id = await leave("keeping");
    const alone = begin();
    await alone.resume();
    expect(await alone.handOvers()).toBeUndefined();
    const work = begin({ hasBackgroundFetch: true });
    expect(await work.handOvers()).toBeUndefined();
    await work.resume();
    expect(await work.handOvers()).toEqual([{ id, size: 100, urls: ["https://example.org/share"] }]);
  });

  it("does not hold a page's answer up where the configuration is late", async () => {
    await leave("keeping");
    const work = begin({ hasBackgroundFetch: true, areFilesLate: true });
    await work.resume();
    expect(await clock.runUntil(work.handOvers())).toBeUndefined();
    expect(clock.now()).toBe(1_000);
  });

  it("is called off when a file is not to be fetched any more", async () => {
    const id = await leave("keeping");
    const work = begin({ hasBackgroundFetch: true });
    await work.resume();
    await clock.run(100);
    calledOff.length = 0;
    await clock.runUntil(work.service.change(id, "removed"));
    await clock.run(100);
    expect(calledOff).toEqual([BROWSER_FETCH + id]);
  });
});
