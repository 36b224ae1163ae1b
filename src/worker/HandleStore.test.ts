import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { deleteDB, openDB } from "idb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { HandleRecord } from "../base/HandleRecord.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { HandleStore } from "./HandleStore.ts";

const CAP = "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:1024";
const record: HandleRecord = { cap: CAP, filename: "film.webm", download: false, type: "", grid: "" };
const handle = (n: number): string => String(n).padStart(22, "h");

const DAY = 86_400_000;

let clock: VirtualClock;
const opened: HandleStore[] = [];
const open = (): HandleStore => {
  const store = new HandleStore(clock);
  opened.push(store);
  return store;
};

beforeEach(() => {
  clock = new VirtualClock();
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  vi.unstubAllGlobals();
});

it("gives back what was kept, after a restart too, and nothing for another handle", async () => {
  const store = open();
  await store.put([
    { handle: handle(1), record },
    { handle: handle(2), record: { ...record, download: true } },
  ]);
  store.close();
  const next = open();
  expect(await next.get(handle(1))).toEqual(record);
  expect(await next.get(handle(2))).toMatchObject({ download: true });
  expect(await next.get(handle(3))).toBeUndefined();
});

it("forgets what is revoked, for all who have the database open", async () => {
  const [one, other] = [open(), open()];
  await one.put([{ handle: handle(1), record }]);
  expect(await other.get(handle(1))).toEqual(record);
  await one.delete(handle(1));
  expect(await other.get(handle(1))).toBeUndefined();
});

it("has one secret, however many ask for it first at the same time", async () => {
  const secrets = await Promise.all([open(), open(), open(), open()].map((store) => store.secret()));
  expect(secrets[0]).toHaveLength(32);
  expect(new Set(secrets.map((secret) => secret.join())).size).toBe(1);
  expect(await open().secret()).toEqual(secrets[0]);
});

it("writes neither cap nor name nor secret as text", async () => {
  const store = open();
  await store.put([{ handle: handle(1), record }]);
  const secret = await store.secret();
  const database = await openDB("gridfetch-handles");
  const rows = [...(await database.getAll("handles")), ...(await database.getAll("profile"))];
  const key: CryptoKey = await database.get("keys", "key");
  database.close();
  expect(rows).toHaveLength(2);
  const written = rows.map((row) => Buffer.from((row.sealed ?? row).ciphertext).toString("latin1")).join();
  for (const word of ["URI:", "film", secret.join()]) expect(written).not.toContain(word);
  expect(key.extractable).toBe(false);
});

it("does not take a record for another handle's", async () => {
  const store = open();
  await store.put([{ handle: handle(1), record }]);
  const database = await openDB("gridfetch-handles");
  await database.put("handles", { ...(await database.get("handles", handle(1))), handle: handle(2) });
  database.close();
  expect(await store.get(handle(2))).toBeUndefined();
});

it("lets the least recently used go", async () => {
  const store = open();
  await store.put([{ handle: handle(0), record }]);
  await clock.run(1);
  await store.put([{ handle: handle(1), record }]);
  await clock.run(3_600_001);
  // Used again: the other one is the oldest now.
  expect(await store.get(handle(0))).toEqual(record);
  // As full as it may be.
  const database = await openDB("gridfetch-handles");
  const row = await database.get("handles", handle(1));
  const transaction = database.transaction("handles", "readwrite");
  for (let i = 2; i < 20_000; i++) void transaction.store.put({ ...row, handle: handle(i), usedAt: row.usedAt + i });
  await transaction.done;
  database.close();
  await store.put([{ handle: handle(20_000), record }]);
  expect(await store.get(handle(0))).toEqual(record);
  expect(await store.get(handle(1))).toBeUndefined();
  expect(await store.get(handle(20_000))).toEqual(record);
});

/** As full as it may be: the handles from 0 to 19,999, each used later than the one before. */
async function fill(firstUse: number): Promise<void> {
  const store = open();
  await store.put([{ handle: handle(0), record }]);
  store.close();
  const database = await openDB("gridfetch-handles");
  const row = await database.get("handles", handle(0));
  const transaction = database.transaction("handles", "readwrite");
  for (let i = 0; i < 20_000; i++) void transaction.store.put({ ...row, handle: handle(i), usedAt: firstUse + i });
  await transaction.done;
  database.close();
}

it.each<[string, (wall: number) => number]>([
  ["by a worker that lived for long", (wall) => wall + DAY / 2],
  ["by a worker of 0.2.0, with the time since its start", () => 3_000_000],
  ["before the clock was set back", (wall) => wall + 1_000 * DAY],
])("keeps what is put and found in workers whose clocks start anew, beside handles stamped %s", async (_, firstUse) => {
  const start = clock.wallNow();
  const nextWorker = (days: number): HandleStore => {
    clock = new VirtualClock(start + days * DAY);
    return open();
  };
  await fill(firstUse(start));
  // The oldest of all, but for its being found.
  expect(await nextWorker(1).get(handle(0))).toEqual(record);
  await nextWorker(2).put([{ handle: handle(20_000), record }]);
  await nextWorker(3).put([{ handle: handle(20_001), record }]);
  for (const n of [0, 20_000, 20_001]) expect(await open().get(handle(n))).toEqual(record);
  const database = await openDB("gridfetch-handles");
  const left = await database.getAllKeys("handles");
  database.close();
  expect(left).toHaveLength(20_000);
  expect(left).not.toContain(handle(1));
  expect(left).not.toContain(handle(2));
});

it("seals as many as there are with one look at the key", async () => {
  const store = open();
  await store.secret();
  const read = vi.spyOn(IDBObjectStore.prototype, "get");
  await store.put(Array.from({ length: 500 }, (_, n) => ({ handle: handle(n), record })));
  const looks = read.mock.contexts.filter((context) => (context as IDBObjectStore).name === "keys");
  read.mockRestore();
  expect(looks).toHaveLength(1);
  expect(await store.get(handle(499))).toEqual(record);
});

it("finds a handle that was not used for long on a full disk, too", async () => {
  const store = open();
  await store.put([{ handle: handle(1), record }]);
  await clock.run(3_600_001);
  const full = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  expect(await store.get(handle(1))).toEqual(record);
  full.mockRestore();
});

it("starts anew where the database was deleted or its key is gone", async () => {
  const store = open();
  await store.put([{ handle: handle(1), record }]);
  const before = await store.secret();
  await deleteDB("gridfetch-handles");
  expect(await store.get(handle(1))).toBeUndefined();
  const after = await store.secret();
  expect(after).not.toEqual(before);
  const database = await openDB("gridfetch-handles");
  await database.clear("keys");
  database.close();
  expect(await open().secret()).toHaveLength(32);
  await store.put([{ handle: handle(1), record }]);
  expect(await store.get(handle(1))).toEqual(record);
});
