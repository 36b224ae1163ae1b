import { beforeEach, expect, it } from "vitest";
import { utf8 } from "../base/bytes.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { Directory } from "./Directory.ts";
import { DirectoryContents } from "./DirectoryContents.ts";
import { FakeFile } from "./testing/FakeFile.ts";

const CAP = parseCap(`URI:DIR2-RO:${"a".repeat(26)}:${"a".repeat(52)}`) as DirectoryCap;
const { signal } = new AbortController();

let file: FakeFile & { version?: string };
let opened: number;
let directory: Directory;
beforeEach(() => {
  opened = 0;
  const open = async () => {
    opened++;
    return file;
  };
  directory = new Directory(CAP, open, new DirectoryContents());
});

it("W-08: gives its children in parts of a thousand, of one version that is looked for and read once", async () => {
  file = changing(2_500, "1-a");
  const sizes: number[] = [];
  let version: string | undefined;
  const names = new Set<string>();
  for (let from: number | undefined = 0; from !== undefined; ) {
    const part = await directory.part(from, version, signal);
    sizes.push(part.children.length);
    for (const { name } of part.children) names.add(name);
    ({ version, next: from } = part);
  }
  expect(sizes).toEqual([1_000, 1_000, 500]);
  expect(names.size).toBe(2_500);
  expect([opened, file.reads.length]).toEqual([1, 1]);
});

it("W-09: puts no two versions into one list, also where all was forgotten in between", async () => {
  file = changing(2_500, "1-a");
  const { version, next } = await directory.part(0, undefined, signal);
  const anew = new Directory(CAP, async () => file, new DirectoryContents());
  expect((await anew.part(next!, version, signal)).children[0]?.name).toBe("child 1000");
  file = changing(2_500, "2-b");
  // It goes on with what it has. Who begins is given what is there now.
  expect((await directory.part(next!, version, signal)).version).toBe("1-a");
  expect((await directory.part(0, undefined, signal)).version).toBe("2-b");
  await expect(directory.part(next!, version, signal)).rejects.toMatchObject({ code: "FILE_CHANGED" });
});

it("ends with a part that is full, and begins with one that is empty", async () => {
  file = changing(1_000, "1-a");
  expect(await directory.part(0, undefined, signal)).toMatchObject({ next: undefined });
  file = changing(0, "2-b");
  expect(await directory.part(0, undefined, signal)).toEqual({ children: [], version: "2-b", next: undefined });
});

/** A file that changes, with so many children in it. */
function changing(children: number, version: string): FakeFile & { version: string } {
  const netstring = (text: string) => `${text.length}:${text},`;
  const entries = Array.from({ length: children }, (_, at) =>
    netstring([`child ${at}`, "URI:LIT:nbuq", "", "{}"].map(netstring).join("")),
  );
  return Object.assign(new FakeFile(utf8(entries.join(""))), { version, chunkLength: 100_000 });
}
