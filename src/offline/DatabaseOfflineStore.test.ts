import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../base/Clock.ts";
import type { FileFact } from "../cache/FileParts.ts";
import { DatabaseOfflineStore } from "./DatabaseOfflineStore.ts";
import type { OfflineParts, OfflineRecord } from "./OfflineStore.ts";
import { MemoryOfflineStore } from "./testing/MemoryOfflineStore.ts";

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

const FILE: OfflineRecord = { id: "a", cap: "URI:…", grid: "", size: 100, keptBytes: 0, state: "keeping" };
const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);
const parts = (segments: [number, Uint8Array][], facts: [FileFact, Uint8Array][] = []): OfflineParts => ({
  segments: new Map(segments),
  facts: new Map(facts),
});

describe.each([
  ["in IndexedDB", () => new DatabaseOfflineStore(systemClock)],
  ["of tests", () => new MemoryOfflineStore()],
])("the store %s", (_, make) => {
  it("gives back what was added to a file, and nothing of another's", async () => {
    const store = make();
    await store.change("a", () => FILE);
    await store.change("aa", () => ({ ...FILE, id: "aa" }));
    await store.add(
      "a",
      parts(
        [[7, bytes(10)]],
        [
          ["ueb", bytes(3)],
          [511, bytes(4)],
        ],
      ),
    );
    await store.add("aa", parts([[8, bytes(20)]]));
    expect(await store.segment("a", 7)).toEqual(bytes(10));
    expect(await store.segment("a", 8)).toBeUndefined();
    expect(await store.facts("a", ["ueb", 511, 3])).toEqual(
      new Map<FileFact, Uint8Array>([
        ["ueb", bytes(3)],
        [511, bytes(4)],
      ]),
    );
    const contents = await store.contents("a");
    expect([new Set(contents.facts), contents.segments]).toEqual([new Set(["ueb", 511]), [7]]);
    expect((await store.list()).map(({ id, keptBytes }) => [id, keptBytes])).toEqual([
      ["a", 10],
      ["aa", 20],
    ]);
  });

  it("counts each segment once, whoever adds it again", async () => {
    const store = make();
    await store.change("a", () => FILE);
    await Promise.all([
      store.add("a", parts([[1, bytes(10)]])),
      store.add(
        "a",
        parts([
          [1, bytes(10)],
          [2, bytes(5)],
        ]),
      ),
    ]);
    expect((await store.get("a"))?.keptBytes).toBe(15);
  });

  it.each(["paused", "failed"] as const)("adds nothing to a file that is %s, or that is not there", async (state) => {
    const store = make();
    await store.change("a", () => ({ ...FILE, state }));
    expect((await store.add("a", parts([[1, bytes(10)]])))?.keptBytes).toBe(0);
    expect(await store.add("b", parts([[1, bytes(10)]]))).toBeUndefined();
    expect([await store.segment("a", 1), await store.segment("b", 1)]).toEqual([undefined, undefined]);
  });

  it("takes away what is wrong, and the file is no longer kept then", async () => {
    const store = make();
    await store.change("a", () => FILE);
    await store.add(
      "a",
      parts(
        [
          [1, bytes(10)],
          [2, bytes(90)],
        ],
        [["ueb", bytes(3)]],
      ),
    );
    await store.change("a", (record) => record && { ...record, state: "kept" });
    expect(await store.drop("a", { segments: [1], facts: ["ueb"] })).toMatchObject({ state: "keeping", keptBytes: 90 });
    expect(await store.contents("a")).toEqual({ segments: [2], facts: [] });
  });

  it("forgets a file with all its parts, and no other", async () => {
    const store = make();
    for (const id of ["a", "aa", "b"]) {
      await store.change(id, () => ({ ...FILE, id }));
      await store.add(id, parts([[1, bytes(10)]], [["ueb", bytes(3)]]));
    }
    await store.remove("a");
    expect(await store.get("a")).toBeUndefined();
    await vi.waitFor(async () => expect(await store.contents("a")).toEqual({ segments: [], facts: [] }));
    for (const id of ["aa", "b"]) expect(await store.contents(id)).toEqual({ segments: [1], facts: ["ueb"] });
  });
});

describe("a file of many segments that is removed", () => {
  const SEGMENTS = 1_000;
  async function filled(store: DatabaseOfflineStore): Promise<void> {
    await store.change("a", () => FILE);
    await store.add("a", parts(Array.from({ length: SEGMENTS }, (_, n) => [n, bytes(1)])));
  }
  const segmentsIn = async (store: DatabaseOfflineStore) => (await store.contents("a")).segments.length;

  it("is gone at once, and holds up no other file while its segments are deleted", async () => {
    const store = new DatabaseOfflineStore(systemClock);
    await store.change("b", () => ({ ...FILE, id: "b" }));
    await filled(store);
    await store.remove("a");
    expect(await store.list()).toHaveLength(1);
    expect((await store.contents("b")).segments).toEqual([]);
    expect(await segmentsIn(store)).toBeGreaterThan(SEGMENTS / 2);
    await vi.waitFor(async () => expect(await segmentsIn(store)).toBe(0), { timeout: 10_000 });
  });

  it("is deleted by the next worker where this one has been ended", async () => {
    await filled(new DatabaseOfflineStore(systemClock));
    // All that it has done.
    const mark = { id: "a", isRemoved: true } as unknown as OfflineRecord;
    await new DatabaseOfflineStore(systemClock).change("a", () => mark);
    const next = new DatabaseOfflineStore(systemClock);
    expect(await next.list()).toEqual([]);
    await vi.waitFor(async () => expect(await segmentsIn(next)).toBe(0), { timeout: 10_000 });
    expect(await next.get("a")).toBeUndefined();
  });

  it("may be wanted again meanwhile, and is a file like any other then", async () => {
    const store = new DatabaseOfflineStore(systemClock);
    await filled(store);
    await store.remove("a");
    await store.change("a", (before) => before ?? FILE);
    expect(await store.get("a")).toEqual(FILE);
    await store.add("a", parts([[0, bytes(1)]]));
    const before = await segmentsIn(store);
    await store.list();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await segmentsIn(store)).toBe(before);
  });
});

it("a record that is none is as if it were not there", async () => {
  const store = new DatabaseOfflineStore(systemClock);
  await store.change("a", () => ({ ...FILE, size: Number.NaN }));
  await store.change("b", () => ({ id: "b" }) as OfflineRecord);
  expect([await store.list(), await store.get("a")]).toEqual([[], undefined]);
});

it("what one connection has written another finds, at the same time", async () => {
  const [one, two] = [new DatabaseOfflineStore(systemClock), new DatabaseOfflineStore(systemClock)];
  await one.change("a", () => FILE);
  await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      (n % 2 === 0 ? one : two).add("a", parts([[Math.floor(n / 2), bytes(10, n)]])),
    ),
  );
  expect((await two.get("a"))?.keptBytes).toBe(50);
  expect(new Set((await one.contents("a")).segments)).toEqual(new Set([0, 1, 2, 3, 4]));
});
