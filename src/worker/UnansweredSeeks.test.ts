import { expect, it } from "vitest";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { type OpenBody, openBody } from "../http/openBody.ts";
import { UnansweredSeeks } from "./UnansweredSeeks.ts";

const MiB = 2 ** 20;
const SIZE = 20 * MiB;

async function open(): Promise<OpenBody & { readonly file: FakeFile }> {
  const file = new FakeFile(new Uint8Array(SIZE));
  file.chunkLength = MiB / 4;
  const body = await openBody(file, { offset: 0, length: SIZE }, new AbortController().signal, {
    clock: new VirtualClock(),
  });
  return Object.assign(body, { file });
}

/** Bytes that come, as WebKit takes them for a request that was dropped. */
async function taken({ stream }: OpenBody): Promise<number> {
  const reader = stream.getReader();
  let sum = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) sum += read.value.length;
  } catch (error) {
    expect(error).toMatchObject({ name: "AbortError" });
  }
  return sum;
}

it("what a player has left before it was answered ends after some megabytes, and what it asks for then does not", async () => {
  const seeks = new UnansweredSeeks();
  const [first, second] = [seeks.begin("page film", "bytes=0-"), seeks.begin("page film", "bytes=500-")];
  const [left, wanted] = [await open(), await open()];
  first.answered(left);
  first.over();
  second.answered(wanted);
  second.over();
  expect(await taken(left)).toBeLessThan(9 * MiB);
  expect(left.file.pulls).toBeLessThan(40);
  expect(await left.ended).toEqual({ how: "cancelled" });
  expect(await taken(wanted)).toBe(SIZE);
});

it("players of one film that begin together, on one page or on two, get it whole; and so does who asks after an answer", async () => {
  const seeks = new UnansweredSeeks();
  const together = [
    seeks.begin("page film", null),
    seeks.begin("page film", null),
    seeks.begin("page other", "bytes=7-"),
    seeks.begin("next film", "bytes=9-"),
  ];
  for (const seek of together) {
    const body = await open();
    seek.answered(body);
    seek.over();
    expect(await taken(body)).toBe(SIZE);
  }
  const body = await open();
  const [before, after] = [seeks.begin("page film", "bytes=0-"), await open()];
  before.answered(body);
  before.over();
  const later = seeks.begin("page film", "bytes=500-");
  later.answered(after);
  later.over();
  expect([await taken(body), await taken(after)]).toEqual([SIZE, SIZE]);
});
