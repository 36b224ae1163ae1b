import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PlainFile } from "./PlainFile.ts";

const never = new AbortController().signal;

let path = "";
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-plain-"));
  path = join(folder, "file");
  await writeFile(path, "one two three");
});

afterEach(() => rm(folder, { recursive: true }));

async function readAll(file: PlainFile): Promise<string> {
  let text = "";
  for await (const piece of file.pieces(5, never)) text += Buffer.from(piece);
  return text;
}

it("gives the same content as often as it is read", async () => {
  const file = await PlainFile.open(path);
  expect([await readAll(file), await readAll(file)]).toEqual(["one two three", "one two three"]);
  await file.close();
});

it.each([
  ["longer", "one two three four"],
  ["shorter", "one"],
  ["other content of the same length", "six two three"],
])("notices that the file has become %s between two readings", async (_, content) => {
  const file = await PlainFile.open(path);
  await readAll(file);
  await writeFile(path, content);
  await utimes(path, new Date(), new Date(Date.now() + 5_000));
  await expect(readAll(file)).rejects.toMatchObject({ code: "UPLOAD_FAILED" });
  await file.close();
});
