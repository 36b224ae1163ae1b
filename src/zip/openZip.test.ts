import { expect, test } from "vitest";
import { createFileNodes } from "../files/createFileNodes.ts";
import { FakeFile } from "../files/testing/FakeFile.ts";
import type { Cap, DirectoryCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { openZip } from "./openZip.ts";
import { bytesOf } from "./testing/archives.ts";
import { literalFile, literalFolder } from "./testing/literalFolder.ts";
import { itemsIn, type ZipItem, type ZipSource, zipEntries } from "./zipEntries.ts";

const { signal } = new AbortController();
const nodes = createFileNodes({ servers: { known: () => [], all: async () => [] } as never });
const source: ZipSource = {
  open: (cap, own) => nodes.openLatest(cap, own),
  directory: async (cap) => nodes.directory(cap),
};

const chk = `URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:3:10:${300_000_000_000}`;
const mutable = `URI:SSK-RO:${"a".repeat(26)}:${"a".repeat(52)}`;
const album = literalFolder(
  { name: "b.txt", cap: literalFile("first"), metadata: { tahoe: { linkmotime: 1_700_000_000.25 } } },
  { name: "later", cap: literalFile("third"), metadata: { tahoe: { linkmotime: 1e306 } } },
  { name: "B.TXT", cap: literalFile("second"), metadata: { tahoe: { linkmotime: "yesterday" } } },
  { name: "deep", cap: literalFolder({ name: "../film.mp4", cap: chk }, { name: "empty", cap: literalFolder() }) },
);

const contents = (cap: string) => itemsIn(parseCap(cap) as DirectoryCap, source, signal);
const zipOf = async (cap: string) => openZip(await contents(cap), source, signal);

test("a folder's archive has all that is below it, by safe paths, with sizes and times, each folder before what it holds", async () => {
  const entries = await zipEntries(await contents(album), source, signal);
  expect(entries.map(({ path, size, modified }) => [path, size, modified])).toEqual([
    ["b.txt", 5, 1_700_000_000_250],
    ["later", 5, undefined],
    ["B (2).TXT", 6, undefined],
    ["deep/", 0, undefined],
    ["deep/.._film.mp4", 300_000_000_000, undefined],
    ["deep/empty/", 0, undefined],
  ]);
});

test("an archive has one tag for the same content, and another for another", async () => {
  const [first, again] = [await zipOf(album), await zipOf(album)];
  expect(first.tag).toMatch(/^[a-z2-7]{52}$/);
  expect([again.tag, again.archive.size]).toEqual([first.tag, first.archive.size]);
  const others = await Promise.all([
    zipOf(literalFolder({ name: "a.txt", cap: literalFile("first") })),
    zipOf(literalFolder({ name: "b.txt", cap: literalFile("first") })),
    zipOf(literalFolder({ name: "b.txt", cap: literalFile("third") })),
    zipOf(literalFolder({ name: "b.txt", cap: literalFile("third"), metadata: { tahoe: { linkmotime: 1 } } })),
  ]);
  expect(new Set(others.map(({ tag }) => tag)).size).toBe(4);
});

test("its files are those of the folder", async () => {
  const { archive } = await zipOf(literalFolder({ name: "a.txt", cap: literalFile("some words") }));
  expect(Buffer.from(await bytesOf(archive)).includes("some words")).toBe(true);
});

test("of a file that changes the version is asked for, and another version is another archive", async () => {
  const versions = ["4-abc", "4-abc", "5-def"];
  const changing: ZipSource = {
    ...source,
    open: () => Object.assign(new FakeFile(new Uint8Array(7)), { version: versions.shift()! }),
  };
  const items: ZipItem[] = [{ name: "notes", cap: parseCap(mutable), modified: undefined }];
  const tags = [];
  for (const _ of [1, 2, 3]) tags.push((await openZip(items, changing, signal)).tag);
  expect(tags[1]).toBe(tags[0]);
  expect(tags[2]).not.toBe(tags[0]);
});

test.each<[string, Cap | undefined]>([
  ["of an unknown kind", undefined],
  ["that only checks", parseCap(`URI:CHK-Verifier:${"a".repeat(26)}:${"a".repeat(52)}:3:10:99`)],
])("no archive is made without a child %s", async (_, cap) => {
  const items: ZipItem[] = [{ name: "a", cap, modified: undefined }];
  await expect(zipEntries(items, source, signal)).rejects.toMatchObject({ code: "UNSUPPORTED_CAP" });
});

test("Z-08: a folder that holds itself ends, and so does one of very many files", async () => {
  const cap = parseCap(album) as DirectoryCap;
  const item = (name: string): ZipItem => ({ name, cap, modified: undefined });
  const listing = (count: number): ZipSource => ({
    ...source,
    directory: async () => ({
      list: async () =>
        Array.from({ length: count }, (_, index) => ({ name: `${index}`, cap, unknown: undefined, metadata: {} })),
    }),
  });
  const itself = zipEntries([item("a")], listing(1), signal);
  await expect(itself).rejects.toMatchObject({ code: "TOO_LARGE", details: { value: 65 } });
  const many = zipEntries([item("a")], listing(1000), signal);
  await expect(many).rejects.toMatchObject({ code: "TOO_LARGE", details: { limit: 100_000 } });
});

test("Z-10: no archive is made of sizes and paths that nobody can have, which a stranger's folder may claim", async () => {
  const claimed = parseCap(`URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:3:10:${2 ** 52}`);
  const huge = zipEntries([{ name: "a", cap: claimed, modified: undefined }], source, signal);
  await expect(huge).rejects.toMatchObject({ code: "TOO_LARGE", details: { value: 2 ** 52, limit: 2 ** 44 } });
  const cap = parseCap(album) as DirectoryCap;
  let level = 0;
  const list = async () =>
    Array.from({ length: ++level < 50 ? 1 : 3_000 }, (_, at) => ({
      name: `${at}`.padStart(255, "_"),
      cap: level < 50 ? cap : parseCap(literalFile("")),
      unknown: undefined,
      metadata: {},
    }));
  const long = zipEntries(
    [{ name: "a", cap, modified: undefined }],
    { ...source, directory: async () => ({ list }) },
    signal,
  );
  await expect(long).rejects.toMatchObject({ code: "TOO_LARGE", details: { limit: 2 ** 25 } });
});

test("it is called off by its signal", async () => {
  const leaving = new AbortController();
  const list = async (own: AbortSignal) => {
    leaving.abort("gone");
    own.throwIfAborted();
    return [];
  };
  const items: ZipItem[] = [{ name: "a", cap: parseCap(album), modified: undefined }];
  const leavingSource = { ...source, directory: async () => ({ list }) };
  await expect(zipEntries(items, leavingSource, leaving.signal)).rejects.toBe("gone");
});
