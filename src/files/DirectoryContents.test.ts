import { expect, it, vi } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import type { DirectoryCap } from "../formats/Cap.ts";
import { parseCap } from "../formats/parseCap.ts";
import { netstring } from "../hashing/netstring.ts";
import { Directory } from "./Directory.ts";
import { DirectoryContents } from "./DirectoryContents.ts";
import { FakeFile } from "./testing/FakeFile.ts";

const CAP = parseCap("URI:DIR2-LIT:") as DirectoryCap;
const { signal } = new AbortController();

function content(...names: string[]): Uint8Array<ArrayBuffer> {
  const entries = names.map((name) =>
    netstring(concatBytes([utf8(name), utf8("URI:LIT:nbuq"), utf8(""), utf8("{}")].map(netstring))),
  );
  return concatBytes(entries);
}

it("reads a directory once for all who look for a child in this version of it", async () => {
  const contents = new DirectoryContents();
  let file = new FakeFile(content("a", "b"));
  const names = async (name: string) =>
    (await new Directory(CAP, async () => file, contents).child(name, signal))?.name;
  expect(await Promise.all(["a", "b", "c"].map(names))).toEqual(["a", "b", undefined]);
  expect(await names("a")).toBe("a");
  expect(file.reads).toHaveLength(1);
  file = new FakeFile(content("c"));
  expect(await Promise.all(["a", "c"].map(names))).toEqual([undefined, "c"]);
  expect(file.reads).toHaveLength(1);
});

it("reads it anew after a failure, and after everybody has left", async () => {
  const contents = new DirectoryContents();
  const file = new FakeFile(content("a"));
  file.failsAt = 0;
  file.failure = new Error("away");
  await expect(contents.read(file, signal)).rejects.toThrow("away");
  file.failsAt = Number.POSITIVE_INFINITY;
  file.hangs = true;
  const controller = new AbortController();
  const left = contents.read(file, controller.signal);
  controller.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  await vi.waitFor(() => expect(file.reads[1]?.signal?.aborted).toBe(true));
  file.hangs = false;
  expect(await contents.read(file, signal)).toHaveLength(1);
  expect(file.reads).toHaveLength(3);
});

it("keeps 16 MiB of what was read last, and no more than 256 of the smallest", async () => {
  const contents = new DirectoryContents();
  const files = Array.from({ length: 257 }, () => new FakeFile(content("a")));
  for (const file of files) await contents.read(file, signal);
  for (const file of [files[256]!, files[1]!]) await contents.read(file, signal);
  expect([files[0]!, files[1]!, files[256]!].map(({ reads }) => reads.length)).toEqual([1, 1, 1]);
  await contents.read(files[0]!, signal);
  expect(files[0]!.reads).toHaveLength(2);
});
