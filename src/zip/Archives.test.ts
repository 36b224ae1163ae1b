import { beforeEach, describe, expect, test } from "vitest";
import type { HandleRecord } from "../base/HandleRecord.ts";
import { createFileNodes } from "../files/createFileNodes.ts";
import { FakeFile } from "../files/testing/FakeFile.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import { formatCap, readCapOf } from "../formats/formatCap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { Archives, type GridFiles } from "./Archives.ts";
import { bytesOf } from "./testing/archives.ts";
import { literalFile, literalFolder } from "./testing/literalFolder.ts";

const { signal } = new AbortController();
const album = literalFolder(
  { name: "a.txt", cap: literalFile("words") },
  { name: "inside", cap: literalFolder({ name: "b.txt", cap: literalFile("more words") }) },
);
const mutable = `URI:SSK-RO:${"a".repeat(26)}:${"a".repeat(52)}`;
const mutableFolder = `URI:DIR2-RO:${"a".repeat(26)}:${"a".repeat(52)}`;

let listed: number;
/** What is in the folder that can change. */
let inMutable: string;
let grids: (string | undefined)[];
/** The kinds of caps that files and folders were asked for by. */
let kinds: Set<string | undefined>;
let archives: Archives;
beforeEach(() => {
  listed = 0;
  grids = [];
  kinds = new Set();
  inMutable = literalFile("first");
  const nodes = createFileNodes({ servers: { known: () => [], all: async () => [] } as never });
  const files: GridFiles = {
    open(cap, grid, own) {
      grids.push(grid);
      kinds.add(formatCap(cap).split(":")[1]);
      if (cap.kind !== "SSK") return nodes.openLatest(cap, own);
      return Object.assign(new FakeFile(new Uint8Array(7)), { version: inMutable });
    },
    async directory(cap) {
      listed++;
      kinds.add(formatCap(cap).split(":")[1]);
      if (cap.content.kind !== "SSK") return nodes.directory(cap);
      return nodes.directory(parseCap(literalFolder({ name: "n", cap: inMutable })) as DirectoryCap);
    },
  };
  archives = new Archives(files);
});

const record = (wanted: Partial<HandleRecord>): HandleRecord => ({
  cap: "",
  filename: "all.zip",
  download: true,
  type: "application/zip",
  grid: "",
  zip: [],
  ...wanted,
});
const open = (wanted: Partial<HandleRecord>) => archives.open(record(wanted), signal);
const holds = async (wanted: Partial<HandleRecord>, text: string) =>
  Buffer.from(await bytesOf((await open(wanted)).archive)).includes(text);

describe("an archive", () => {
  test("is of a folder, with all that is in it, or of a choice of files and folders, by the names that were given", async () => {
    expect(await holds({ cap: album }, "inside/b.txt")).toBe(true);
    const zip = [
      { cap: literalFile("words"), filename: "../first.txt" },
      { cap: album, filename: "album" },
    ];
    expect(await holds({ zip }, ".._first.txt")).toBe(true);
    expect(await holds({ zip }, "album/inside/b.txt")).toBe(true);
    expect(await holds({ zip }, "more words")).toBe(true);
  });

  test("is read from the grid that was named", async () => {
    await holds({ cap: album, grid: "work" }, "");
    expect(new Set(grids)).toEqual(new Set(["work"]));
  });

  test("Z-11: is read by read caps alone, and is the same one, where the caps allow writing", async () => {
    const folder = parseCap(`URI:DIR2:${"a".repeat(26)}:${"a".repeat(52)}`) as DirectoryCap;
    await open({ cap: formatCap(folder) });
    const file = `URI:SSK:${"a".repeat(26)}:${"a".repeat(52)}`;
    const written = await open({ zip: [{ cap: file, filename: "notes" }] });
    const read = await open({ zip: [{ cap: formatCap(readCapOf(parseCap(file))), filename: "notes" }] });
    expect(written.tag).toBe(read.tag);
    await bytesOf(written.archive);
    expect(kinds).toEqual(new Set(["DIR2-RO", "SSK-RO"]));
  });

  test("of what cannot change reads its folders once, whatever is asked of it", async () => {
    const first = await open({ cap: album });
    expect(listed).toBe(2);
    expect(await open({ cap: album })).toBe(first);
    expect(listed).toBe(2);
  });

  test("is still known where two others were asked for, one before it was asked for last", async () => {
    const first = await open({ cap: album });
    await open({ cap: album, grid: "work" });
    expect(await open({ cap: album })).toBe(first);
    await open({ cap: album, grid: "home" });
    expect(await open({ cap: album })).toBe(first);
  });

  test("of what cannot change reads its folders once for all who ask at the same time, of whom any may leave, and for whoever comes then", async () => {
    const leaving = new AbortController();
    const left = archives.open(record({ cap: album }), leaving.signal);
    const others = [open({ cap: album }), open({ cap: album })];
    leaving.abort("gone");
    await expect(left).rejects.toBe("gone");
    const [first, second] = await Promise.all(others);
    expect(second).toBe(first);
    expect(listed).toBe(2);
    const alone = new AbortController();
    const dropped = archives.open(record({ cap: album, grid: "work" }), alone.signal);
    alone.abort("gone too");
    const then = open({ cap: album, grid: "work" });
    await expect(dropped).rejects.toBe("gone too");
    expect((await then).tag).toBe(first!.tag);
  });

  test("Z-09: of what can change is looked at anew, and is the same one while nothing has changed", async () => {
    for (const wanted of [{ cap: mutableFolder }, { zip: [{ cap: mutable, filename: "notes" }] }]) {
      inMutable = literalFile("first");
      const first = await open(wanted);
      expect(await open(wanted)).toBe(first);
      inMutable = literalFile("then");
      const then = await open(wanted);
      expect(then.tag).not.toBe(first.tag);
      expect(await open(wanted)).toBe(then);
    }
  });

  test("is of a folder where a folder is named, and of caps", async () => {
    await expect(open({})).rejects.toMatchObject({ code: "BAD_CAP" });
    await expect(open({ cap: literalFile("words") })).rejects.toMatchObject({ code: "UNSUPPORTED_CAP" });
    await expect(open({ zip: [{ cap: "nothing", filename: "a" }] })).rejects.toMatchObject({ code: "BAD_CAP" });
  });
});
