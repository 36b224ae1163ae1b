import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRange } from "./parseRange.ts";

/** As a Content-Range would say it. */
function inWords(header: string | null, size: number): string {
  const range = parseRange(header, size);
  return range.kind === "part" ? `${range.offset}-${range.offset + range.length - 1}` : range.kind;
}

// What a Tahoe-LAFS 1.20 gateway answered for a file of 1024 bytes, and below it where this differs.
const ON_1024_BYTES: [string | null, string][] = [
  [null, "whole"],
  ["bytes=0-9", "0-9"],
  ["bytes=1-", "1-1023"],
  ["bytes=-5", "1019-1023"],
  ["bytes=-0", "whole"],
  ["bytes=-5000", "0-1023"],
  ["bytes=1000-5000", "1000-1023"],
  ["bytes=1023-1023", "1023-1023"],
  ["bytes=1024-1030", "unsatisfiable"],
  ["bytes=5-2", "whole"],
  ["bytes=0-0,5-6", "0-0"],
  ["bytes=", "whole"],
  ["bytes", "whole"],
  ["bogus=1-2", "whole"],
  ["bytes=a-b", "whole"],
  ["bytes=--5", "whole"],
  ["bytes=-", "whole"],
  ["bytes=0-1,", "whole"],
  ["bytes=0x1-2", "whole"],
  ["bytes=+1-2", "whole"],
  ["bytes=1.0-2", "whole"],
  ["bytes= 0-1", "0-1"],
  ["bytes=0 - 1", "0-1"],
  ["bytes=0-1023", "0-1023"],
  ["bytes=0-", "0-1023"],
  ["bytes=-1024", "0-1023"],
  ["bytes=007-0009", "7-9"],
  // A gateway ignores these, for their unit, or for one of several ranges that is past the end; or refuses them for the first.
  ["Bytes=0-1", "0-1"],
  ["BYTES=-5", "1019-1023"],
  ["bytes=0-9, 2000-", "0-9"],
  ["bytes=2000-,0-1", "0-1"],
  ["bytes=2000-3000,0-4", "0-4"],
  ["bytes=2000-3000,-5,0-4", "1019-1023"],
  ["bytes=-0,0-4", "0-4"],
  ["bytes=2000-3000,1024-", "unsatisfiable"],
  ["bytes=0-4,5-2", "whole"],
  ["bytes=0-4,x", "whole"],
  // A gateway sends the whole file for these two.
  ["bytes=1024-", "unsatisfiable"],
  ["bytes=99999999999999999999-", "unsatisfiable"],
  ["bytes=99999999999999999999-99999999999999999999", "unsatisfiable"],
  ["bytes=10-99999999999999999999", "10-1023"],
  ["bytes=-99999999999999999999", "0-1023"],
  // One apart, and equal where they lose precision.
  ["bytes=9007199254740993-9007199254740992", "whole"],
  ["bytes=9007199254740992-9007199254740993", "unsatisfiable"],
];

const ON_AN_EMPTY_FILE: [string, string][] = [
  ["bytes=0-0", "unsatisfiable"],
  ["bytes=5-9", "unsatisfiable"],
  ["bytes=0-", "whole"],
  ["bytes=-1", "whole"],
];

const LARGEST = Number.MAX_SAFE_INTEGER;
const ON_THE_LARGEST_FILE: [string, string][] = [
  [`bytes=${LARGEST - 1}-`, `${LARGEST - 1}-${LARGEST - 1}`],
  [`bytes=${LARGEST}-`, "unsatisfiable"],
  ["bytes=-1", `${LARGEST - 1}-${LARGEST - 1}`],
  [`bytes=9007199254740989-9007199254740990`, `9007199254740989-9007199254740990`],
];

describe("parseRange", () => {
  it.each(ON_1024_BYTES)("of 1024 bytes, %s is %s", (header, expected) => {
    expect(inWords(header, 1024)).toBe(expected);
  });
  it.each(ON_AN_EMPTY_FILE)("of no bytes, %s is %s", (header, expected) => {
    expect(inWords(header, 0)).toBe(expected);
  });
  it.each(ON_THE_LARGEST_FILE)("of 2^53-1 bytes, %s is %s", (header, expected) => {
    expect(inWords(header, LARGEST)).toBe(expected);
  });

  it("never leaves the file, whatever the numbers", () => {
    const number = fc.oneof(fc.nat(300), fc.bigInt({ min: 0n, max: 2n ** 70n })).map(String);
    const part = fc.option(number, { nil: "" });
    fc.assert(
      fc.property(part, part, fc.nat(200), (first, last, size) => {
        const range = parseRange(`bytes=${first}-${last}`, size);
        if (range.kind !== "part") return;
        expect(range.offset).toBeGreaterThanOrEqual(0);
        expect(range.length).toBeGreaterThan(0);
        expect(range.offset + range.length).toBeLessThanOrEqual(size);
      }),
    );
  });
});
