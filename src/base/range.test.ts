import { expect, test } from "vitest";
import { overlaps } from "./range.ts";

test("O-11 two ranges overlap when they have a byte in common: every pair of small ones", () => {
  for (let a = 0; a < 5; a++) {
    for (let b = 0; b < 5; b++) {
      for (let lengthA = 0; lengthA < 4; lengthA++) {
        for (let lengthB = 0; lengthB < 4; lengthB++) {
          const bytes = new Set(Array.from({ length: lengthA }, (_, i) => a + i));
          const isCommon = Array.from({ length: lengthB }, (_, i) => b + i).some((byte) => bytes.has(byte));
          expect(overlaps({ offset: a, length: lengthA }, b, lengthB)).toBe(isCommon);
        }
      }
    }
  }
});

test("and so do ranges beyond 2^32", () => {
  expect(overlaps({ offset: 2 ** 40, length: 2 }, 2 ** 40 + 1, 1)).toBe(true);
  expect(overlaps({ offset: 2 ** 40, length: 2 }, 2 ** 40 + 2, 1)).toBe(false);
});
