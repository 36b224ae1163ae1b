import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bufferPool } from "../base/BufferPool.ts";
import { utf8 } from "../base/bytes.ts";
import { HashableBuffer } from "./HashableBuffer.ts";
import { fillerLeaf, parentHash } from "./merkle.ts";
import { netstring } from "./netstring.ts";
import { taggedHash, taggedPairHash } from "./taggedHash.ts";
import { BLOCK_TAG, SEGMENT_TAG, STORAGE_INDEX_TAG, TREE_NODE_TAG, UEB_TAG } from "./tags.ts";

const memory = bufferPool(1 << 20);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const filled = (value: number) => new Uint8Array(32).fill(value);

// All made with Tahoe-LAFS 1.20.
test.each([
  ["tag", "val", "3d144894c774733d31aa0545f2ce69c6cd347c22e621f1ebc6099d4275730c88"],
  [BLOCK_TAG, "", "64931e84fc25687f941bcdbf475517286ab6ca71e87dd64491b15b54dd06d26b"],
  [BLOCK_TAG, "abc", "fd3c231eb0555dc77b9f2670d945e4f1e782fe9f43669fe8425c9fde7b01c55f"],
  [UEB_TAG, "", "b4cf2a73b0fe49600b4c6a2ae0039459fb7a872364834c6670d03a5cdc716a94"],
  [UEB_TAG, "abc", "025d4a26e91dc0d336f3bac4d28adff6dfbd4ed42e6e3aa1fa6ac6da7204ff09"],
  [SEGMENT_TAG, "", "03ab8e801f4913ec33a851ad87238fb82cd72776981741a73f269a1edd090fc0"],
  [SEGMENT_TAG, "abc", "8ca3a93e7852bec59c152d3e4138c2c19f5d80bc70aa74afc21e90db01197b2c"],
])("hash of %s, %j", async (tag, text, expected) => {
  expect(hex(taggedHash(tag, utf8(text)))).toBe(expected);
  const buffer = new HashableBuffer(tag, text.length, memory);
  buffer.bytes.set(utf8(text));
  expect(hex(await buffer.hash())).toBe(expected);
});

test("hashes of trees", () => {
  expect(hex(parentHash(filled(0), filled(1)))).toBe(
    "6f306e3df9d2676a858a1b3dd8f00f5cea15e33c273598f0f370c169d4d2d81c",
  );
  expect(hex(parentHash(filled(0), filled(255)))).toBe(
    "bf9aa8c46257d42f7a5326e513dfb7e6c44bd4a023235690bf14a93457a62fef",
  );
  expect(hex(fillerLeaf(0))).toBe("e0024730188e2de564a697cc2987407b24ae7eb6b880190c1a0337a5740e527a");
  expect(hex(fillerLeaf(3))).toBe("9ed59076b6bee6b75864630c3c20cff6934efe03a60a7fd28b69542fb13a68a3");
  expect(hex(fillerLeaf(10))).toBe("ad6bdacbc961fbc124653306f5b8e757c4eddb06491b1edb48c68d124466fa15");
  expect(taggedPairHash(TREE_NODE_TAG, filled(7), filled(8))).toEqual(parentHash(filled(7), filled(8)));
});

test("storage index of the key that is all zeroes", () => {
  expect(hex(taggedHash(STORAGE_INDEX_TAG, new Uint8Array(16))).slice(0, 32)).toBe("d2bc0abd2606c6776f324bbcd6aa7f6f");
});

test("netstrings", () => {
  expect(new TextDecoder().decode(netstring(utf8("")))).toBe("0:,");
  expect(new TextDecoder().decode(netstring(utf8("a hundred".repeat(20))))).toBe(`180:${"a hundred".repeat(20)},`);
});

test("a tag given as bytes, not all of them text, is the same tag", () => {
  expect(taggedHash(utf8("tag"), utf8("val"))).toEqual(taggedHash("tag", utf8("val")));
  const tag = Uint8Array.of(0xff, 0x00);
  const inner = createHash("sha256")
    .update(Buffer.concat([Buffer.from("2:"), tag, Buffer.from(",x")]))
    .digest();
  expect(hex(taggedHash(tag, utf8("x")))).toBe(createHash("sha256").update(inner).digest("hex"));
});

test("the parts of a tagged hash are simply joined", () => {
  expect(taggedHash("tag", utf8("v"), utf8(""), utf8("al"))).toEqual(taggedHash("tag", utf8("val")));
});

test("a HashableBuffer agrees with taggedHash for every length, with either way of hashing", async () => {
  const whole = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 5000 }), async (length) => {
      const buffer = new HashableBuffer(BLOCK_TAG, 5000, memory);
      buffer.bytes.set(whole);
      expect(await buffer.hash(length)).toEqual(taggedHash(BLOCK_TAG, whole.subarray(0, length)));
    }),
    { examples: [[0], [1], [990], [991], [992], [993], [1024], [5000]] },
  );
});

test("a HashableBuffer may be written to as soon as hash() was called", async () => {
  for (const length of [10, 100_000]) {
    const buffer = new HashableBuffer(BLOCK_TAG, length, memory);
    const hash = buffer.hash();
    buffer.bytes.fill(1);
    expect(await hash).toEqual(taggedHash(BLOCK_TAG, new Uint8Array(length)));
  }
});

test("a HashableBuffer hashes right in memory that had another use, and gives it back once", async () => {
  const first = new HashableBuffer(SEGMENT_TAG, 5000, memory);
  first.bytes.fill(7);
  first.release();
  first.release();
  const second = new HashableBuffer(BLOCK_TAG, 5000, memory);
  expect(second.bytes.buffer).toBe(first.bytes.buffer);
  second.bytes.fill(9);
  expect(await second.hash()).toEqual(taggedHash(BLOCK_TAG, new Uint8Array(5000).fill(9)));
  expect(new HashableBuffer(BLOCK_TAG, 5000, memory).bytes.buffer).not.toBe(second.bytes.buffer);
});
