import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { type DBSchema, openDB } from "idb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { type Database, type Migration, openDatabase } from "./openDatabase.ts";

interface Schema extends DBSchema {
  things: { key: string; value: string };
}

const first: Migration = (database) => {
  database.createObjectStore("things");
};
const second: Migration = async (_database, transaction) => {
  const things = transaction.objectStore("things");
  for (const key of await things.getAllKeys()) await things.put(`second:${await things.get(key)}`, key);
};

let clock: VirtualClock;
let database: Database<Schema>;
const opened: Database<Schema>[] = [];
const open = (migrations: readonly Migration[] = [first]): Database<Schema> => {
  const made = openDatabase<Schema>({ name: "test", migrations, clock });
  opened.push(made);
  return made;
};
const put = (key: string, value: string, on = database) =>
  on.write(["things"], async (transaction) => {
    await transaction.objectStore("things").put(value, key);
  });
const get = (key: string, on = database) =>
  on.read(["things"], (transaction) => transaction.objectStore("things").get(key));

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  clock = new VirtualClock();
  database = open();
});
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
  vi.unstubAllGlobals();
});

describe("openDatabase", () => {
  it("keeps what was written over a restart", async () => {
    await put("a", "1");
    database.close();
    expect(await get("a", open())).toBe("1");
  });

  it("opens again after it was closed", async () => {
    await put("a", "1");
    database.close();
    expect(await get("a")).toBe("1");
  });

  it("brings an older version up to date", async () => {
    await put("a", "1");
    database.close();
    expect(await get("a", open([first, second]))).toBe("second:1");
  });

  it("gives way to a newer version in another tab, and says what to do", async () => {
    await put("a", "1");
    expect(await get("a", open([first, second]))).toBe("second:1");
    await expect(get("a")).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/reload/),
    });
  });

  it("undoes a migration that fails, and tries it again after a pause", async () => {
    await put("a", "1");
    database.close();
    let mustFail = true;
    const failing: Migration = async (untyped, transaction) => {
      await second(untyped, transaction);
      if (mustFail) throw new Error("broken");
    };
    const newer = open([first, failing]);
    await expect(get("a", newer)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    mustFail = false;
    await expect(get("a", newer)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await clock.run(10_000);
    expect(await get("a", newer)).toBe("second:1");
  });

  it("does not wait for ever where another tab keeps the old version, and uses the new one as soon as it can", async () => {
    const stubborn = await openDB("test", 1, { upgrade: (made) => void made.createObjectStore("things") });
    const newer = open([first, second]);
    const waiting = get("a", newer);
    // The other tab is told, and does nothing: that takes a few turns of real time.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await expect(clock.runUntil(waiting)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/close the other tabs/),
    });
    const before = clock.now();
    await expect(get("a", newer)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(clock.now()).toBe(before);
    stubborn.close();
    await vi.waitFor(() => put("a", "1", newer));
    expect(await get("a", newer)).toBe("1");
  });

  it("starts empty after it was deleted under way", async () => {
    await put("a", "1");
    await new Promise((resolve) => {
      indexedDB.deleteDatabase("test").onsuccess = resolve;
    });
    expect(await get("a")).toBeUndefined();
    await put("a", "2");
    expect(await get("a")).toBe("2");
  });

  it.each<[string, () => IDBFactory | undefined]>([
    ["there is none", () => undefined],
    [
      "it is forbidden",
      () =>
        ({
          open: () => {
            throw new DOMException("denied", "SecurityError");
          },
        }) as unknown as IDBFactory,
    ],
  ])("says so where %s, and notices when that is over", async (_, factory) => {
    vi.stubGlobal("indexedDB", factory());
    await expect(put("a", "1")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    vi.stubGlobal("indexedDB", new IDBFactory());
    await clock.run(10_000);
    await put("a", "1");
    expect(await get("a")).toBe("1");
  });

  it("gives up on a browser that never answers", async () => {
    vi.stubGlobal("indexedDB", { open: () => new IDBOpenDBRequest() });
    await expect(clock.runUntil(get("a"))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("says that the disk is full, and has written nothing then", async () => {
    await put("a", "1");
    const full = database.write(["things"], async (transaction) => {
      await transaction.objectStore("things").put("2", "a");
      throw new DOMException("full", "QuotaExceededError");
    });
    await expect(full).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(await get("a")).toBe("1");
  });

  it("undoes a transaction whose work fails, and passes its error on", async () => {
    const failing = database.write(["things"], async (transaction) => {
      await transaction.objectStore("things").put("1", "a");
      throw new Error("mine");
    });
    await expect(failing).rejects.toThrow("mine");
    expect(await get("a")).toBeUndefined();
  });

  it("stops waiting when the caller does", async () => {
    vi.stubGlobal("indexedDB", { open: () => new IDBOpenDBRequest() });
    const controller = new AbortController();
    const read = database.read(
      ["things"],
      (transaction) => transaction.objectStore("things").get("a"),
      controller.signal,
    );
    controller.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
  });
});
