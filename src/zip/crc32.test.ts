import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { crc32, joinCrcs } from "./crc32.ts";

test("the CRC-32 of the digits 1 to 9 is the one that every description of it gives", () => {
  expect(crc32(utf8("123456789"))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});

test("bytes in two runs, one after the other or joined, are as good as in one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (first, second) => {
      const whole = crc32(Uint8Array.from([...first, ...second]));
      expect(crc32(second, crc32(first))).toBe(whole);
      expect(joinCrcs(crc32(first), crc32(second), second.length)).toBe(whole);
    }),
  );
});

test("a second run may be longer than 32 bits can count", () => {
  // Zeroes after a run: a number of them that is made by doubling, and the same in one go.
  const zeroes = (bytes: number): number => {
    if (bytes === 1) return crc32(Uint8Array.of(0));
    const half = zeroes(bytes / 2);
    return joinCrcs(half, half, bytes / 2);
  };
  const first = crc32(utf8("a film"));
  const once = joinCrcs(first, zeroes(2 ** 40), 2 ** 40);
  const twice = joinCrcs(joinCrcs(first, zeroes(2 ** 39), 2 ** 39), zeroes(2 ** 39), 2 ** 39);
  expect(once).toBe(twice);
  expect(once).not.toBe(first);
});
