import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { storeNoKeys } from "../cache/testing/storeNoKeys.ts";
import { Library, type NewEntry } from "./Library.ts";

const film: NewEntry = { kind: "file", name: "film", cap: "URI:CHK:film", type: "video/webm", size: 3 };
const notKept = vi.fn();

beforeEach(() => {
  notKept.mockReset();
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("has what was added after a restart", async () => {
  await (await Library.open(notKept)).add(film);
  expect((await Library.open(notKept)).entries).toEqual([expect.objectContaining(film)]);
  expect(notKept).not.toHaveBeenCalled();
});

it.each<[string, string, () => void]>([
  ["the browser stores no keys", "STORE_UNAVAILABLE", storeNoKeys],
  ["there is no database", "STORE_UNAVAILABLE", () => vi.stubGlobal("indexedDB", undefined)],
  [
    "the disk is full",
    "STORE_FULL",
    () =>
      vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
        throw new DOMException("full", "QuotaExceededError");
      }),
  ],
])("works in its page where %s, and says that it lasts no longer", async (_, code, restrict) => {
  restrict();
  const library = await Library.open(notKept);
  const entry = await library.add(film);
  expect(notKept).toHaveBeenLastCalledWith(expect.objectContaining({ code }));
  expect(library.findCap(film.cap)).toEqual(entry);
  await library.rename(entry, "renamed");
  expect(library.entries).toEqual([{ ...entry, name: "renamed" }]);
  await library.remove(entry);
  expect(library.entries).toEqual([]);
});

it("writes down what it could not, when it is changed and that is over", async () => {
  storeNoKeys();
  const library = await Library.open(notKept);
  const entry = await library.add(film);
  vi.restoreAllMocks();
  await library.rename(entry, "renamed");
  expect((await Library.open(notKept)).entries).toEqual([{ ...entry, name: "renamed" }]);
});
