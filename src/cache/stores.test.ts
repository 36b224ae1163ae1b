import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type ByteStore, type Changes, sizeOf } from "./ByteStore.ts";
import { openCacheDatabase } from "./cacheDatabase.ts";
import { DatabaseStore } from "./DatabaseStore.ts";
import { MemoryStore } from "./testing/MemoryStore.ts";

const MOST = 2000;
const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);
const changes = (some: Partial<Changes>): Changes => ({ uses: [], deletes: [], puts: new Map(), ...some });
const put = (...entries: [string, Uint8Array][]) => changes({ puts: new Map(entries) });

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

const kinds: Record<string, () => ByteStore> = {
  MemoryStore: () => new MemoryStore(MOST),
  DatabaseStore: () => new DatabaseStore(openCacheDatabase(), "facts", MOST),
};

describe.each(Object.keys(kinds))("%s", (kind) => {
  const make = kinds[kind] as () => ByteStore;

  it("gives back what was put, and nothing else", async () => {
    const store = make();
    await store.apply(put(["a/1", bytes(3)], ["a/2", bytes(0)], ["b", bytes(5, 7)]));
    expect(await store.get(["a/1", "a/2", "b", "c"])).toEqual(
      new Map([
        ["a/1", bytes(3)],
        ["a/2", bytes(0)],
        ["b", bytes(5, 7)],
      ]),
    );
    expect(await store.keys("a/")).toEqual(["a/1", "a/2"]);
  });

  it("keeps a copy, and of a view no more than the view", async () => {
    const store = make();
    const buffer = bytes(100);
    await store.apply(put(["a", buffer.subarray(10, 13)]));
    buffer.fill(9);
    const kept = (await store.get(["a"])).get("a") as Uint8Array;
    expect(kept).toEqual(bytes(3));
    expect(kept.buffer.byteLength).toBe(3);
  });

  it("lets the least recently used leave", async () => {
    const store = make();
    await store.apply(put(["a", bytes(500)], ["b", bytes(500)]));
    await store.apply(changes({ uses: ["a"] }));
    await store.apply(put(["c", bytes(500)]));
    expect(await store.keys("")).toEqual(["a", "c"]);
  });

  it("does, for any history, what a plain list would", async () => {
    const key: fc.Arbitrary<string> = fc.constantFrom(..."abcdefg");
    const step = fc.record({
      uses: fc.uniqueArray(key, { maxLength: 3 }),
      deletes: fc.uniqueArray(key, { maxLength: 2 }),
      puts: fc.uniqueArray(fc.tuple(key, fc.nat(900)), { maxLength: 3, selector: ([name]) => name }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        vi.stubGlobal("indexedDB", new IDBFactory());
        let store = make();
        /** The least recently used first. */
        let model: [string, number][] = [];
        for (const { uses, deletes, puts } of steps) {
          await store.apply({ uses, deletes, puts: new Map(puts.map(([name, length]) => [name, bytes(length)])) });
          for (const name of uses) {
            const entry = model.find(([each]) => each === name);
            if (entry) model = [...model.filter((each) => each !== entry), entry];
          }
          model = model.filter(([name]) => !deletes.includes(name));
          for (const entry of puts) model = [...model.filter(([name]) => name !== entry[0]), entry];
          while (model.reduce((sum, [, length]) => sum + sizeOf(bytes(length)), 0) > MOST) model.shift();
          expect(await store.keys("")).toEqual(model.map(([name]) => name).sort());
          // A restart changes nothing.
          if (kind === "DatabaseStore") store = make();
        }
        const found = await store.get(model.map(([name]) => name));
        expect([...found].map(([name, value]) => [name, value.length])).toEqual(model);
      }),
      { numRuns: kind === "DatabaseStore" ? 30 : 300 },
    );
  });
});

describe("DatabaseStore", () => {
  const open = () => {
    const database = openCacheDatabase();
    return { database, store: new DatabaseStore(database, "facts", MOST) };
  };

  it("is not led astray by what it did not write itself", async () => {
    const { database, store } = open();
    await store.apply(put(["a", bytes(100)]));
    await database.write(["facts", "factUses"], async (transaction) => {
      await transaction.objectStore("facts").put("text" as unknown as Uint8Array, "b");
      await transaction.objectStore("factUses").put({ size: Number.NaN, at: 0 }, "b");
      await transaction.objectStore("factUses").put("x" as never, "c");
    });
    const next = new DatabaseStore(database, "facts", MOST);
    expect(await next.get(["a", "b", "c"])).toEqual(new Map([["a", bytes(100)]]));
    for (let i = 0; i < 20; i++) await next.apply(put([`d${i}`, bytes(500)]));
    const kept = await next.keys("d");
    expect(kept).toEqual(["d18", "d19"]);
    expect((await next.get(kept)).size).toBe(2);
  });

  it("counts anew what is there after its database was deleted, and another begun", async () => {
    const { database, store } = open();
    for (let i = 0; i < 3; i++) await store.apply(put([`a${i}`, bytes(400)]));
    await database.delete();
    for (let i = 0; i < 3; i++) await store.apply(put([`b${i}`, bytes(400)]));
    expect(await store.keys("")).toEqual(["b0", "b1", "b2"]);
  });

  it("makes do with half of what it had when the disk is full", async () => {
    const { database, store } = open();
    for (let i = 0; i < 5; i++) await store.apply(put([`a${i}`, bytes(100)]));
    const { objectStore } = IDBTransaction.prototype;
    vi.spyOn(IDBTransaction.prototype, "objectStore").mockImplementationOnce(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    await expect(store.apply(put(["b", bytes(100)]))).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(IDBTransaction.prototype.objectStore).not.toBe(objectStore);
    vi.restoreAllMocks();
    expect(await store.keys("")).toEqual(["a3", "a4"]);
    await store.apply(put(["c", bytes(100)]));
    expect(await store.keys("")).toEqual(["a4", "c"]);
    database.close();
  });
});
