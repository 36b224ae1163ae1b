import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { GridError } from "../base/GridError.ts";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { patternBytes } from "../files/testing/SimulatedGrid.ts";
import { PIECE } from "./PieceCrcs.ts";
import { archiveOf, bytesOf, entryOf, folder, textFile, Zeroes } from "./testing/archives.ts";
import { ZipArchive } from "./ZipArchive.ts";

const scratch = mkdtempSync(join(tmpdir(), "gridfetch-zip-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ordinary = () =>
  archiveOf({
    "film.mp4": new FakeFile(patternBytes(700_000)),
    "season 1/": folder,
    "season 1/e01.srt": textFile("Guten Tag"),
    "season 1/пусто.txt": textFile(""),
    "写真.jpg": new FakeFile(patternBytes(300)),
  });

describe("other readers", () => {
  test("Z-01: Python finds every file, its bytes, its time and its mode, and no fault", async () => {
    const file = saved("ordinary.zip", await bytesOf(ordinary()));
    expect(python(LIST, file)).toEqual({
      bad: null,
      entries: [
        ["film.mp4", 700_000, [2026, 11, 30, 12, 34, 56], "100644", 0],
        ["season 1/", 0, [2026, 11, 30, 12, 34, 56], "40755", 16],
        ["season 1/e01.srt", 9, [2026, 11, 30, 12, 34, 56], "100644", 0],
        ["season 1/пусто.txt", 0, [2026, 11, 30, 12, 34, 56], "100644", 0],
        ["写真.jpg", 300, [2026, 11, 30, 12, 34, 56], "100644", 0],
      ],
    });
    const unpacked = join(scratch, "ordinary");
    execFileSync("python3", ["-m", "zipfile", "-e", file, unpacked]);
    expect(readFileSync(join(unpacked, "film.mp4")).equals(patternBytes(700_000))).toBe(true);
    expect(readFileSync(join(unpacked, "season 1/e01.srt"), "utf8")).toBe("Guten Tag");
    expect(readFileSync(join(unpacked, "season 1/пусто.txt"), "utf8")).toBe("");
  });

  test("Info-ZIP, where it is installed, finds no fault, and an empty archive is one for Python", async () => {
    const file = saved("infozip.zip", await bytesOf(ordinary()));
    const { error, stdout, status } = spawnSync("unzip", ["-t", file], { encoding: "utf8" });
    if (error === undefined) expect([status, stdout]).toEqual([0, expect.stringContaining("No errors detected")]);
    expect(python(LIST, saved("empty.zip", await bytesOf(archiveOf({}))))).toEqual({ bad: null, entries: [] });
  });

  test("Z-02: Python reads what begins beyond 4 GiB, and a file of more, by ZIP64", async () => {
    const film = new Zeroes(2 ** 32 + 5);
    const archive = archiveOf({ "film.mp4": film, "after.txt": textFile("after the film") });
    const file = join(scratch, "large.zip");
    const sparse = openSync(file, "w");
    // All but the film's own bytes, which are a hole in the file.
    const head = await bytesOf(archive, 0, 1000);
    writeSync(sparse, head, 0, head.length, 0);
    const tail = await bytesOf(archive, film.size, archive.size - film.size);
    writeSync(sparse, tail, 0, tail.length, film.size);
    closeSync(sparse);
    const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
  film, after = z.infolist()
  print(json.dumps([film.file_size, film.compress_size, film.CRC, after.header_offset, z.read(after).decode()]))`;
    const crcOfZeroes = 0xb1c2a1a3; // of as many zeroes, by Python's zlib.crc32
    expect(python(script, file)).toEqual([film.size, film.size, crcOfZeroes, expect.any(Number), "after the film"]);
  });

  test("Z-02: ZIP64 is there where it is needed, and only there", async () => {
    const has = async (archive: ZipArchive, offset: number, length: number) => {
      return Buffer.from(await bytesOf(archive, offset, length)).includes(Buffer.of(0x50, 0x4b, 0x06, 0x06));
    };
    const emptyFiles = (count: number) =>
      new ZipArchive(
        Array.from({ length: count }, (_, index) => entryOf(`${index}`, 0)),
        async () => folder,
      );
    const [most, more] = [emptyFiles(0xfffe), emptyFiles(0xffff)];
    expect(await has(most, most.size - 200, 200)).toBe(false);
    expect(await has(more, more.size - 200, 200)).toBe(true);
    const small = Buffer.from(await bytesOf(ordinary()));
    expect(small.readUInt16LE(4)).toBe(20);
    const large = archiveOf({ "film.mp4": new Zeroes(0xffff_ffff) });
    expect(Buffer.from(await bytesOf(large, 0, 100)).readUInt16LE(4)).toBe(45);
    const largest = archiveOf({ "film.mp4": new Zeroes(0xffff_fffe) });
    expect(Buffer.from(await bytesOf(largest, 0, 100)).readUInt16LE(4)).toBe(20);
  });
});

describe("a range", () => {
  test("Z-03: however an archive is cut into ranges, in whichever order they are read, they are the whole", async () => {
    const whole = await bytesOf(ordinary());
    const cuts = fc.uniqueArray(fc.nat({ max: whole.length }), { maxLength: 12 });
    // Most bytes are the film's: the interesting places are around it.
    const atEdges = fc.uniqueArray(fc.oneof(fc.nat({ max: 120 }), fc.integer({ min: 700_000, max: whole.length })), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(cuts, atEdges), fc.infiniteStream(fc.nat()), async (places, order) => {
        const archive = ordinary();
        const ends = [0, ...places.sort((a, b) => a - b), whole.length];
        const parts = ends.slice(1).map((end, index) => ({ offset: ends[index]!, length: end - ends[index]! }));
        const shuffled = parts.map((part) => [order.next().value!, part] as const).sort(([a], [b]) => a - b);
        const got = new Uint8Array(whole.length);
        for (const [, { offset, length }] of shuffled) got.set(await bytesOf(archive, offset, length), offset);
        expect(Buffer.from(got).equals(whole)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("Z-04: of a file's own bytes alone reads no more than it hands on", async () => {
    const film = new Zeroes(40 * 2 ** 30);
    const archive = archiveOf({ "first.mp4": new Zeroes(30 * 2 ** 30), "film.mp4": film });
    await bytesOf(archive, 50 * 2 ** 30, 1_000_000);
    expect(film.bytesRead).toBeLessThanOrEqual(1_048_576);
  });

  test("Z-04: to the end of an archive, after one up to its middle, reads nothing again but the piece that was cut", async () => {
    const files = { "a.mp4": new Zeroes(2.5 * PIECE), "b.mp4": new Zeroes(4 * PIECE) };
    const archive = archiveOf(files);
    const middle = 4 * PIECE + 9_999_999;
    await bytesOf(archive, 0, middle);
    await bytesOf(archive, middle);
    expect([files["a.mp4"].bytesRead, files["b.mp4"].bytesRead]).toEqual([2.5 * PIECE, 5 * PIECE]);
    await bytesOf(archive, archive.size - 142);
    expect([files["a.mp4"].bytesRead, files["b.mp4"].bytesRead]).toEqual([2.5 * PIECE, 5 * PIECE]);
  });

  test("of the end alone reads each file once, and its CRC-32s are right", async () => {
    const whole = await bytesOf(ordinary());
    const archive = ordinary();
    const end = await bytesOf(archive, whole.length - 400);
    expect(Buffer.from(end).equals(whole.subarray(-400))).toBe(true);
  });
});

describe("what goes wrong", () => {
  test("Z-05: a file that fails errors the stream, after all that stands before it", async () => {
    const broken = new FakeFile(patternBytes(500_000));
    broken.failsAt = 300_000;
    broken.failure = new GridError("BAD_HASH", { what: "segment" }, "no good");
    const archive = archiveOf({ "a.txt": textFile("good"), "b.bin": broken, "c.txt": textFile("good") });
    await expect(bytesOf(archive)).rejects.toBe(broken.failure);
    const small = new FakeFile(patternBytes(500));
    small.failsAt = 300;
    small.failure = broken.failure;
    await expect(bytesOf(archiveOf({ "a.txt": textFile("good"), "b.bin": small }))).rejects.toBe(broken.failure);
  });

  test("a file that ends early, small or large, errors the stream", async () => {
    for (const size of [500, 500_000]) {
      const short = new FakeFile(patternBytes(size));
      short.missing = 1;
      await expect(bytesOf(archiveOf({ "a.bin": short }))).rejects.toMatchObject({ code: "INTERNAL" });
    }
  });

  test("a file of which another version is there by now errors the stream", async () => {
    const now = Object.assign(new FakeFile(patternBytes(9)), { version: "3-b" });
    const archive = new ZipArchive([{ ...entryOf("a.txt", 9), version: "2-a" }], async () => now);
    await expect(bytesOf(archive)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(now.reads).toEqual([]);
  });

  test("to cancel one reader stops its reads, and no other's", async () => {
    const [slow, other] = [new FakeFile(patternBytes(500_000)), new FakeFile(patternBytes(500))];
    slow.hangs = true;
    const archive = archiveOf({ "slow.bin": slow, "other.bin": other });
    const cancelled = archive.read().getReader();
    const waiting = cancelled.read();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await cancelled.cancel("enough");
    await expect(waiting).resolves.toMatchObject({ done: true });
    expect(slow.reads[0]?.signal?.aborted).toBe(true);
    const leaving = new AbortController();
    const signalled = archive.read({ signal: leaving.signal }).getReader();
    const alsoWaiting = signalled.read();
    leaving.abort("gone");
    await expect(alsoWaiting).rejects.toBe("gone");
    slow.hangs = false;
    expect((await bytesOf(archive)).length).toBe(archive.size);
  });
});

test("Z-06: 300 GB in 50,000 files: its size, and any range, without anything read or held besides", async () => {
  const file = new Zeroes(6_000_000);
  const entries = Array.from({ length: 50_000 }, (_, index) =>
    entryOf(`folder/${String(index).padStart(5, "0")}`, file.size),
  );
  let opened = 0;
  const before = memory();
  const archive = new ZipArchive(entries, async () => {
    opened++;
    return file;
  });
  const [name, time] = ["folder/00000".length, 9];
  const local = 30 + name + time + file.size + 16;
  // Entries from the first that begins at 4 GiB on have their offset in a ZIP64 field of 12 bytes.
  const far = 50_000 - Math.ceil(0xffff_ffff / local);
  expect(archive.size).toBe(50_000 * (local + 46 + name + time) + far * 12 + 56 + 20 + 22);
  const header = Buffer.from(await bytesOf(archive, 49_999 * local, 30 + name));
  expect(header.readUInt32LE(0)).toBe(0x04034b50);
  expect(header.subarray(30).toString()).toBe("folder/49999");
  expect(opened).toBe(0);
  await bytesOf(archive, 30_000 * local - 8, 50);
  expect([opened, file.bytesRead]).toEqual([1, file.size]);
  expect(memory() - before).toBeLessThan(8 * 2 ** 20);
});

/** Bytes in use, of objects and of buffers, once what is not is gone. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const LIST = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
  rows = [[e.filename, e.file_size, e.date_time, "%o" % (e.external_attr >> 16), e.external_attr & 255] for e in z.infolist()]
  print(json.dumps({"bad": z.testzip(), "entries": rows}))`;

function python(script: string, file: string): unknown {
  return JSON.parse(execFileSync("python3", ["-c", script, file], { encoding: "utf8" }));
}

function saved(name: string, bytes: Uint8Array): string {
  const file = join(scratch, name);
  writeFileSync(file, bytes);
  return file;
}
