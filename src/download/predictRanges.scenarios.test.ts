import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import { makeGeometry, paddedSegmentSize } from "../formats/Geometry.ts";
import { predictShareLayout } from "../formats/ShareLayout.ts";
import { predictRanges, rangesFor } from "./predictRanges.ts";

/** A header of version 2 is this much longer than one of version 1, and its UEB's length by 4 more. */
const SLACK = 36;

test("D-15 whatever the guess, what is asked for lies in a share as guessed, and the block in its data", () => {
  const files = fc.record({
    size: fc.integer({ min: 1, max: 2 ** 45 }),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    needed: fc.integer({ min: 1, max: 20 }),
    spare: fc.integer({ min: 0, max: 200 }),
    guess: fc.integer({ min: 1, max: 2 ** 21 }),
  });
  fc.assert(
    fc.property(files, ({ size, at, needed, spare, guess }) => {
      const total = needed + spare;
      const limits = { ...defaultLimits, smallShareBytes: 0 };
      const offset = Math.floor(at * size);
      const cap = { storageIndex: new Uint8Array(16), uebHash: new Uint8Array(32), needed, total, size };
      const geometry = makeGeometry({ size, segmentSize: paddedSegmentSize(guess, size, needed), needed, total });
      const layout = predictShareLayout(geometry);
      const ranges = predictRanges(cap, offset, [guess], limits);
      const most = layout.uebOffset + layout.uebLengthBytes + limits.uebGuessBytes + SLACK;
      for (const range of ranges) {
        expect(Number.isSafeInteger(range.offset + range.length)).toBe(true);
        expect(range.offset).toBeGreaterThanOrEqual(0);
        expect(range.length).toBeGreaterThan(0);
        expect(range.offset + range.length).toBeLessThanOrEqual(most);
      }
      const [, block] = ranges;
      expect(block?.offset).toBeGreaterThanOrEqual(layout.dataOffset);
      const dataEnd = layout.dataOffset + geometry.shareDataLength;
      expect((block?.offset ?? 0) + (block?.length ?? 0)).toBeLessThanOrEqual(dataEnd + SLACK);
      const segment = Math.floor(offset / geometry.segmentSize);
      expect(rangesFor(geometry, segment, limits)).toEqual(ranges);
    }),
    { numRuns: 1000 },
  );
});
