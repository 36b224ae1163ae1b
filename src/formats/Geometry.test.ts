import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  blockLengthOf,
  blockOffset,
  type Geometry,
  makeGeometry,
  paddedSegmentSize,
  segmentAt,
  segmentLength,
} from "./Geometry.ts";

const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });
const defect = expect.objectContaining({ code: "INTERNAL" });

test("310 bytes, 3 of 10, segments of 120", () => {
  expect(makeGeometry({ size: 310, segmentSize: 120, needed: 3, total: 10 })).toEqual({
    size: 310,
    segmentSize: 120,
    segmentCount: 3,
    tailLength: 70,
    needed: 3,
    total: 10,
    blockLength: 40,
    tailBlockLength: 24,
    shareDataLength: 104,
    treeWidth: 4,
  });
});

test("a size that segments divide evenly has a whole one last", () => {
  expect(makeGeometry({ size: 240, segmentSize: 120, needed: 3, total: 10 })).toMatchObject({
    segmentCount: 2,
    tailLength: 120,
    tailBlockLength: 40,
    treeWidth: 2,
  });
});

test("the segment sizes of uploaders", () => {
  expect(paddedSegmentSize(131_072, 1e9, 3)).toBe(131_073);
  expect(paddedSegmentSize(1_048_576, 1e9, 3)).toBe(1_048_578);
  expect(paddedSegmentSize(1_048_576, 1000, 3)).toBe(1002);
  expect(paddedSegmentSize(1_048_576, 900, 3)).toBe(900);
  expect(paddedSegmentSize(1_048_576, 1, 256)).toBe(256);
});

test.each([
  { size: 0, segmentSize: 3, needed: 3, total: 10 },
  { size: 1, segmentSize: 0, needed: 3, total: 10 },
  { size: 1, segmentSize: 4, needed: 3, total: 10 },
  { size: 1, segmentSize: -3, needed: 3, total: 10 },
  { size: 1, segmentSize: 1.5, needed: 1, total: 10 },
  { size: 2 ** 53, segmentSize: 3, needed: 3, total: 10 },
  { size: Number.NaN, segmentSize: 3, needed: 3, total: 10 },
  { size: 1, segmentSize: 3, needed: 0, total: 10 },
  { size: 1, segmentSize: 11, needed: 11, total: 10 },
  { size: 1, segmentSize: 3, needed: 3, total: 257 },
])("refuses %j", (file) => {
  expect(() => makeGeometry(file)).toThrow(badFormat);
});

// Sizes up to 2^53-1, with more weight around 2^32 and the ends.
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 2 ** 32 - 5000, max: 2 ** 32 + 5000 }),
  fc.integer({ min: 2 ** 53 - 5000, max: 2 ** 53 - 1 }),
  fc.maxSafeInteger().map((n) => Math.abs(n) || 1),
);
const geometries = fc
  .record({ size: sizes, needed: fc.integer({ min: 1, max: 256 }), blocks: fc.integer({ min: 1, max: 20_000 }) })
  .map(({ size, needed, blocks }) => makeGeometry({ size, segmentSize: needed * blocks, needed, total: 256 }));

test("any geometry agrees with exact arithmetic", () => {
  fc.assert(
    fc.property(geometries, (geometry) => {
      const [size, segment, k] = [geometry.size, geometry.segmentSize, geometry.needed].map(BigInt) as [
        bigint,
        bigint,
        bigint,
      ];
      const count = (size + segment - 1n) / segment;
      const tail = size - (count - 1n) * segment;
      expect(BigInt(geometry.segmentCount)).toBe(count);
      expect(BigInt(geometry.tailLength)).toBe(tail);
      expect(BigInt(geometry.tailBlockLength)).toBe((tail + k - 1n) / k);
      expect(BigInt(geometry.shareDataLength)).toBe((count - 1n) * (segment / k) + (tail + k - 1n) / k);
      expect(geometry.treeWidth).toBeGreaterThanOrEqual(geometry.segmentCount);
      expect(geometry.treeWidth / 2).toBeLessThan(geometry.segmentCount);
    }),
  );
});

test("any offset lies in the segment that it is said to lie in", () => {
  const places = fc.tuple(
    geometries,
    fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1)),
    fc.nat({ max: 3 }),
  );
  fc.assert(
    fc.property(places, ([geometry, share, before]) => {
      const boundary = Math.floor((share * (geometry.size - 1)) / geometry.segmentSize) * geometry.segmentSize;
      for (const offset of [boundary, boundary - 1 - before, boundary + before, geometry.size - 1]) {
        if (offset < 0 || offset >= geometry.size) continue;
        const segment = segmentAt(geometry, offset);
        expect(BigInt(segment)).toBe(BigInt(offset) / BigInt(geometry.segmentSize));
        expect(offset - segment * geometry.segmentSize).toBeLessThan(segmentLength(geometry, segment));
        expect(BigInt(blockOffset(geometry, segment))).toBe(BigInt(segment) * BigInt(geometry.blockLength));
        const end = blockOffset(geometry, segment) + blockLengthOf(geometry, segment);
        expect(end).toBeLessThanOrEqual(geometry.shareDataLength);
      }
    }),
  );
});

describe("a file of three segments", () => {
  const geometry: Geometry = makeGeometry({ size: 310, segmentSize: 120, needed: 3, total: 10 });

  test("its blocks", () => {
    expect([0, 1, 2].map((segment) => blockOffset(geometry, segment))).toEqual([0, 40, 80]);
    expect([0, 1, 2].map((segment) => blockLengthOf(geometry, segment))).toEqual([40, 40, 24]);
    expect([0, 1, 2].map((segment) => segmentLength(geometry, segment))).toEqual([120, 120, 70]);
    expect([0, 119, 120, 239, 240, 309].map((offset) => segmentAt(geometry, offset))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test.each([-1, 3, 0.5, Number.NaN])("has no segment %d", (segment) => {
    expect(() => segmentLength(geometry, segment)).toThrow(defect);
    expect(() => blockLengthOf(geometry, segment)).toThrow(defect);
    expect(() => blockOffset(geometry, segment)).toThrow(defect);
  });

  test.each([-1, 310, 0.5])("has no byte %d", (offset) => {
    expect(() => segmentAt(geometry, offset)).toThrow(defect);
  });
});
