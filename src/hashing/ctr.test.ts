import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decryptCtr, importCtrKey } from "./ctr.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const key = await importCtrKey(KEY);
const MEBI = 2 ** 20;

function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 8));
}

/** The same by node:crypto, which is told the counter, with as many bytes in front as the offset is off a block. */
function expected(offset: number, bytes: Uint8Array): Uint8Array {
  const counter = Buffer.from((BigInt(offset) / 16n).toString(16).padStart(32, "0"), "hex");
  const cipher = createCipheriv("aes-128-ctr", KEY, counter);
  const skip = offset % 16;
  return new Uint8Array(cipher.update(Buffer.concat([Buffer.alloc(skip), bytes])).subarray(skip));
}

test.each([
  0,
  1,
  15,
  16,
  17,
  MEBI + 5,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  // The counter needs 33 bits from 64 GiB on.
  16 * 2 ** 32 - 5,
  16 * 2 ** 32,
  16 * 2 ** 32 + 3,
  2 ** 50 + 9,
  2 ** 53 - 1 - 100,
])("decrypts from byte %i on", async (offset) => {
  const bytes = pattern(100);
  expect(await decryptCtr(key, offset, bytes)).toEqual(expected(offset, bytes));
});

test.each([
  [0, 512 * 1024],
  [0, 512 * 1024 + 1],
  [5, 512 * 1024],
  [5, 3 * MEBI + 7],
  [16 * 2 ** 32 - MEBI - 3, 2 * MEBI],
])("decrypts from byte %i on %i bytes", async (offset, length) => {
  const bytes = pattern(length);
  const right = expected(offset, bytes);
  expect(Buffer.compare(await decryptCtr(key, offset, bytes), right)).toBe(0);
});

test("what stands in front in the same memory changes nothing", async () => {
  const memory = pattern(200);
  for (const offset of [0, 1, 15, 31]) {
    for (const before of [0, 1, 14, 15, 16]) {
      const bytes = memory.subarray(before, before + 100);
      expect(await decryptCtr(key, offset, bytes)).toEqual(expected(offset, bytes));
    }
  }
  expect(memory).toEqual(pattern(200));
});

test("the bytes may be written to as soon as decryptCtr was called", async () => {
  for (const length of [10, 100_000]) {
    const bytes = pattern(length);
    const plain = decryptCtr(key, 5, bytes);
    bytes.fill(0);
    expect(Buffer.compare(await plain, expected(5, pattern(length)))).toBe(0);
  }
});

test("any part of a file is the same as that part of the whole", async () => {
  const file = pattern(200);
  const whole = expected(0, file);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 200 }), fc.nat({ max: 200 }), async (a, b) => {
      const [start, end] = a < b ? [a, b] : [b, a];
      expect(await decryptCtr(key, start, file.slice(start, end))).toEqual(whole.slice(start, end));
    }),
  );
});

test("no bytes are none, wherever", async () => {
  for (const offset of [0, 3, 16]) expect(await decryptCtr(key, offset, new Uint8Array())).toEqual(new Uint8Array());
});

test.each([-1, 0.5, 2 ** 53 - 99, Number.NaN])("refuses to decrypt 100 bytes from %d on", async (offset) => {
  await expect(decryptCtr(key, offset, pattern(100))).rejects.toMatchObject({ code: "BAD_RANGE" });
});

test("a key cannot be taken out again", async () => {
  await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
});
