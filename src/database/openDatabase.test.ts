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

/** Makes all that is asked of the connection that is used next fail with an error of that name, at once or in its requests. */
function loseConnection(name: string, where: "at once" | "in requests"): void {
  let lost: IDBDatabase | undefined;
  const failIfLost = (connection: IDBDatabase): void => {
    lost ??= connection;
    if (connection === lost) throw new DOMException("lost", name);
  };
  const { transaction } = IDBDatabase.prototype;
  const { get } = IDBObjectStore.prototype;
  if (where === "at once") {
    vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
      failIfLost(this);
      return transaction.apply(this, args);
    });
  } else {
    vi.spyOn(IDBObjectStore.prototype, "get").mockImplementation(function (this: IDBObjectStore, key) {
      failIfLost(this.transaction.db);
      return get.call(this, key);
    });
  }
}

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  clock = new VirtualClock();
  database = open();
});
afterEach(() => {
  vi.restoreAllMocks();
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

  it.each(
    ["UnknownError", "InvalidStateError", "InvalidAccessError", "NotReadableError"].flatMap((name) => [
      [name, "at once"] as const,
      [name, "in requests"] as const,
    ]),
  )("does on a new connection what an old one answers with %s %s, for ever", async (name, where) => {
    await put("a", "1");
    const open = vi.spyOn(indexedDB, "open");
    loseConnection(name, where);
    // At the same time: none may close what another has opened.
    expect(await Promise.all([get("a"), get("a"), get("a")])).toEqual(["1", "1", "1"]);
    await put("a", "2");
    expect(await get("a")).toBe("2");
    expect(open).toHaveBeenCalledTimes(1);
  });

  it("opens once more, where that fails so", async () => {
    const open = vi.spyOn(indexedDB, "open");
    open.mockImplementationOnce(() => {
      throw new DOMException("lost", "UnknownError");
    });
    await put("a", "1");
    expect(await get("a")).toBe("1");
    expect(open).toHaveBeenCalledTimes(2);
  });

  it("tries a thing twice, and the next one anew", async () => {
    await put("a", "1");
    const broken = vi.spyOn(IDBObjectStore.prototype, "get").mockImplementation(() => {
      throw new DOMException("lost", "UnknownError");
    });
    await expect(get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(broken).toHaveBeenCalledTimes(2);
    await expect(get("a")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(broken).toHaveBeenCalledTimes(4);
    broken.mockRestore();
    expect(await get("a")).toBe("1");
  });

  it.each(["QuotaExceededError", "ConstraintError", "AbortError"])("stays on its connection after %s", async (name) => {
    await put("a", "1");
    const opens = vi.spyOn(indexedDB, "open");
    const failing = vi.fn(async () => {
      throw new DOMException("no", name);
    });
    await expect(database.write(["things"], failing)).rejects.toMatchObject({ name: "GridError" });
    expect(failing).toHaveBeenCalledTimes(1);
    expect(await get("a")).toBe("1");
    expect(opens).not.toHaveBeenCalled();
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

  describe("with something to give up", () => {
    const full = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const makeRoom = vi.fn();
    beforeEach(() => {
      makeRoom.mockReset();
      database = openDatabase<Schema>({ name: "test", migrations: [first], clock, makeRoom });
      opened.push(database);
    });

    it("makes room on a full disk, and does then what was asked", async () => {
      const filled = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(full);
      makeRoom.mockImplementation(async () => filled.mockRestore());
      await put("a", "1");
      expect(await get("a")).toBe("1");
      await put("b", "2");
      expect(makeRoom).toHaveBeenCalledTimes(1);
    });

    it.each<[string, () => Promise<void>]>([
      ["is not enough", async () => {}],
      ["fails", () => Promise.reject(new Error("broken"))],
    ])("says that the disk is full where that %s", async (_, make) => {
      vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(full);
      makeRoom.mockImplementation(make);
      await expect(put("a", "1")).rejects.toMatchObject({ code: "STORE_FULL" });
      expect(makeRoom).toHaveBeenCalledTimes(1);
    });
  });

  it("is empty after it was deleted, and is made anew", async () => {
    const other = open();
    await put("a", "1");
    expect(await get("a", other)).toBe("1");
    await database.delete();
    expect(await indexedDB.databases()).toEqual([]);
    for (const each of [database, other]) expect(await get("a", each)).toBeUndefined();
    await put("a", "2");
    expect(await get("a", other)).toBe("2");
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
