import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { HandleRecord } from "../base/HandleRecord.ts";
import { storeNoKeys } from "../database/testing/storeNoKeys.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { HandleBook } from "./HandleBook.ts";
import { HandleStore } from "./HandleStore.ts";

const record: HandleRecord = { cap: "URI:LIT:my", filename: "", download: false, type: "", grid: "" };
const handle = "aaaaaaaaaaaaaaaaaaaaaa";
const still = new AbortController().signal;

let clock: VirtualClock;
let pages: number;
let asked: string[];
const opened: HandleStore[] = [];

/** As after a worker's restart: the database is all that is left. */
function newBook(): HandleBook {
  const store = new HandleStore(clock);
  opened.push(store);
  return new HandleBook({
    store,
    clock,
    async askPages(wanted) {
      asked.push(wanted);
      return pages;
    },
  });
}

async function untilAsked(): Promise<void> {
  while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

function forbidDatabases(): void {
  vi.stubGlobal("indexedDB", {
    open() {
      throw new DOMException("not here", "SecurityError");
    },
  });
}

beforeEach(() => {
  clock = new VirtualClock();
  pages = 1;
  asked = [];
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const store of opened.splice(0)) store.close();
  vi.unstubAllGlobals();
});

it("finds what was kept, after a restart too, and asks no page for it", async () => {
  await newBook().keep([{ handle, record }]);
  expect(await newBook().find(handle, still)).toEqual(record);
  expect(asked).toEqual([]);
});

it("asks the pages for what it does not know, and gives their answer to all who wait", async () => {
  const book = newBook();
  const finds = [book.find(handle, still), book.find(handle, still)];
  await untilAsked();
  await book.keep([{ handle, record }]);
  expect(await Promise.all(finds)).toEqual([record, record]);
  expect(clock.pendingTimers).toBe(0);
});

it("waits a while for the pages, and not at all where there are none", async () => {
  const book = newBook();
  const finding = book.find(handle, still);
  await untilAsked();
  await clock.run(3_000);
  expect(await finding).toBeUndefined();
  pages = 0;
  expect(await book.find(handle, still)).toBeUndefined();
  expect(clock.pendingTimers).toBe(0);
});

it("stops waiting with the request", async () => {
  const stop = new AbortController();
  const finding = newBook().find(handle, stop.signal);
  const outcome = expect(finding).rejects.toThrow("left");
  await untilAsked();
  stop.abort(new Error("left"));
  await outcome;
  expect(clock.pendingTimers).toBe(0);
});

it.each(["", "x", `${handle}a`, "../etc/passwd", "a".repeat(21)])(
  "asks nobody for %j, which is no handle",
  async (text) => {
    expect(await newBook().find(text, still)).toBeUndefined();
    expect(asked).toEqual([]);
  },
);

it("forgets what is revoked", async () => {
  const book = newBook();
  await book.keep([{ handle, record }]);
  await book.revoke(handle);
  pages = 0;
  expect(await book.find(handle, still)).toBeUndefined();
  expect(await newBook().find(handle, still)).toBeUndefined();
});

it("forgets what is revoked while it is still being written down", async () => {
  const book = newBook();
  const keeping = book.keep([{ handle, record }]);
  await Promise.all([keeping, book.revoke(handle)]);
  pages = 0;
  expect(await book.find(handle, still)).toBeUndefined();
  expect(await newBook().find(handle, still)).toBeUndefined();
});

it("forgets what is revoked while it is being looked up", async () => {
  await newBook().keep([{ handle, record }]);
  const store = new HandleStore(clock);
  opened.push(store);
  const book = new HandleBook({ store, clock, askPages: async () => 0 });
  const get = store.get.bind(store);
  // Read before it was deleted, and known after.
  vi.spyOn(store, "get").mockImplementationOnce(async (wanted) => {
    const found = await get(wanted);
    await book.revoke(handle);
    return found;
  });
  await book.find(handle, still);
  expect(await book.find(handle, still)).toBeUndefined();
});

it.each<[string, () => void]>([
  ["without a database", forbidDatabases],
  ["where the browser stores no keys", storeNoKeys],
])("works %s for as long as it lives, and says that it keeps nothing", async (_, restrict) => {
  restrict();
  const book = newBook();
  const { secret, isKept } = await book.profile();
  expect(secret).toHaveLength(32);
  expect(isKept).toBe(false);
  expect(await book.profile()).toEqual({ secret, isKept });
  await book.keep([{ handle, record }]);
  expect(await book.find(handle, still)).toEqual(record);
  await book.revoke(handle);
  pages = 0;
  expect(await book.find(handle, still)).toBeUndefined();
});

it("says that it keeps what it keeps", async () => {
  expect(await newBook().profile()).toMatchObject({ isKept: true });
});

it("forgets what is revoked here, where the database fails, and says that it may be there still", async () => {
  const book = newBook();
  await book.keep([{ handle, record }]);
  const failing = vi.spyOn(IDBObjectStore.prototype, "delete").mockImplementation(() => {
    throw new DOMException("broken", "UnknownError");
  });
  await expect(book.revoke(handle)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  failing.mockRestore();
  await book.revoke(handle);
  pages = 0;
  expect(await newBook().find(handle, still)).toBeUndefined();
});
