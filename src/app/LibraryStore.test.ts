import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, it } from "vitest";
import { type Entry, LibraryStore } from "./LibraryStore.ts";

const entry = (id: string, addedAt: number): Entry => ({
  id,
  kind: "file",
  name: `secret-name-${id}`,
  cap: `URI:CHK:secretcap${id}`,
  type: "text/plain",
  size: 3,
  addedAt,
});

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

it("gives the newest first, after a restart too", async () => {
  const store = new LibraryStore();
  for (const added of [entry("a", 1), entry("b", 3), entry("c", 2)]) await store.put(added);
  await store.put({ ...entry("a", 1), name: "renamed" });
  await store.delete("c");
  store.close();
  const found = await new LibraryStore().all();
  expect(found).toEqual([entry("b", 3), { ...entry("a", 1), name: "renamed" }]);
});

it("forgets what was sealed with a key that is gone", async () => {
  const store = new LibraryStore();
  await store.put(entry("a", 1));
  store.close();
  const database = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open("gridfetch-library");
    request.onsuccess = () => resolve(request.result);
  });
  await new Promise((resolve) => {
    const transaction = database.transaction("keys", "readwrite");
    transaction.objectStore("keys").clear();
    transaction.oncomplete = resolve;
  });
  database.close();
  const after = new LibraryStore();
  expect(await after.all()).toEqual([]);
  await after.put(entry("b", 2));
  expect(await after.all()).toEqual([entry("b", 2)]);
});
