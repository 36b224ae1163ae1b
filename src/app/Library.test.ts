import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { storeNoKeys } from "../database/testing/storeNoKeys.ts";
import { Library, type NewEntry } from "./Library.ts";
import { LibraryStore } from "./LibraryStore.ts";
import { readOnlyCap } from "./readOnlyCap.ts";
import { type Visit, Visits, visitOf } from "./Visits.ts";

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
  await (await Library.open(new LibraryStore(), notKept)).add(film);
  expect((await Library.open(new LibraryStore(), notKept)).entries).toEqual([expect.objectContaining(film)]);
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
  const library = await Library.open(new LibraryStore(), notKept);
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
  const library = await Library.open(new LibraryStore(), notKept);
  const entry = await library.add(film);
  vi.restoreAllMocks();
  await library.rename(entry, "renamed");
  expect((await Library.open(new LibraryStore(), notKept)).entries).toEqual([{ ...entry, name: "renamed" }]);
});

describe("write caps", () => {
  const writeCap = "URI:DIR2:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq";
  const readCap = readOnlyCap(writeCap);
  const papers: NewEntry = { kind: "directory", name: "papers", cap: writeCap, type: "", size: 0 };

  it("are read caps before they are kept", async () => {
    expect(readCap).toMatch(/^URI:DIR2-RO:/);
    const store = new LibraryStore();
    const library = await Library.open(store, notKept);
    expect((await library.add(papers)).cap).toBe(readCap);
    // It is found by either.
    expect(await library.add({ ...papers, cap: readCap })).toEqual(await library.add(papers));
    expect((await store.all()).map(({ cap }) => cap)).toEqual([readCap]);
    expect(library.hadWriteCaps).toBe(false);
  });

  it("of an earlier version's library are replaced on disk, which is told once", async () => {
    const store = new LibraryStore();
    await store.put({ ...papers, id: "old", addedAt: 1 });
    const library = await Library.open(store, notKept);
    expect(library.hadWriteCaps).toBe(true);
    expect(library.find("old")?.cap).toBe(readCap);
    expect((await store.all()).map(({ cap }) => cap)).toEqual([readCap]);
    expect((await Library.open(new LibraryStore(), notKept)).hadWriteCaps).toBe(false);
  });
});

describe("visits", () => {
  const visit: Visit = { cap: "URI:LIT:nbuq", name: "hi.txt", way: [{ name: "papers", cap: "URI:DIR2-LIT:" }] };

  it("are found again after a restart", async () => {
    const id = new Visits(new LibraryStore()).add(visit);
    await vi.waitFor(async () => expect(await new Visits(new LibraryStore()).find(id)).toEqual(visit));
  });

  it("are known as long as the page lives where nothing can be written down", async () => {
    vi.stubGlobal("indexedDB", undefined);
    const visits = new Visits(new LibraryStore());
    const id = visits.add(visit);
    expect(await visits.find(id)).toEqual(visit);
    expect(await new Visits(new LibraryStore()).find(id)).toBeUndefined();
  });

  it("are forgotten, the oldest first, once there are more than anybody goes back", async () => {
    const store = new LibraryStore();
    for (let at = 0; at < 503; at++) {
      vi.spyOn(Date, "now").mockReturnValue(at);
      await store.putVisit(`v${at}`, visit);
    }
    expect(await store.visit("v2")).toBeUndefined();
    expect(await store.visit("v3")).toEqual(visit);
  });

  it("hold the read cap of what came as a write cap, and the name that the text has", () => {
    const cap = "URI:DIR2:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq";
    const given = visitOf(`http://127.0.0.1:3456/uri/${encodeURIComponent(cap)}?filename=papers`, "");
    expect(given).toEqual({ cap: readOnlyCap(cap), name: "papers", wasWriteCap: true });
    expect(visitOf(readOnlyCap(cap), "mine")).toEqual({ cap: readOnlyCap(cap), name: "mine", wasWriteCap: false });
  });
});
