import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import { makeGeometry, paddedSegmentSize } from "./Geometry.ts";
import { CHAIN_ENTRY_LENGTH } from "./ShareHashChain.ts";
import {
  formatInteger,
  formatShareHeader,
  HEADER_LENGTH_V1,
  HEADER_LENGTH_V2,
  MAX_UEB_LENGTH,
  parseShareLayout,
  parseUebLength,
  predictShareLayout,
} from "./ShareLayout.ts";

const badFormat = expect.objectContaining({ code: "BAD_FORMAT" });

// 310 bytes, 3 of 10, segments of 120: where the parts are was read off shares that Tahoe-LAFS 1.20 wrote.
const geometry = makeGeometry({ size: 310, segmentSize: 120, needed: 3, total: 10 });
const v1 = {
  version: 1,
  dataOffset: 36,
  ciphertextTreeOffset: 364,
  blockTreeOffset: 588,
  chainOffset: 812,
  uebOffset: 982,
  headerLength: 36,
  uebLengthBytes: 4,
} as const;
const v2 = {
  version: 2,
  dataOffset: 68,
  ciphertextTreeOffset: 396,
  blockTreeOffset: 620,
  chainOffset: 844,
  uebOffset: 1014,
  headerLength: 68,
  uebLengthBytes: 8,
} as const;
const versions = [v1, v2];

/** The header with one field replaced; `field` counts from the block size, 0, to the UEB offset, 7. */
function withField(layout: (typeof versions)[number], field: number, value: bigint): Uint8Array<ArrayBuffer> {
  const header = formatShareHeader(geometry, layout);
  const view = new DataView(header.buffer);
  if (layout.version === 1) view.setUint32(4 + 4 * field, Number(value));
  else view.setBigUint64(4 + 8 * field, value);
  return header;
}

test("the bytes of the headers", () => {
  expect(
    Buffer.from(formatShareHeader(geometry, v1))
      .toString("hex")
      .match(/.{8}/g)
      ?.map((n) => Number.parseInt(n, 16)),
  ).toEqual([1, 40, 104, 36, 140, 364, 588, 812, 982]);
  const header = Buffer.from(formatShareHeader(geometry, v2));
  expect(header).toHaveLength(68);
  expect(header.readUInt32BE(0)).toBe(2);
  expect([...Array(8).keys()].map((i) => Number(header.readBigUInt64BE(4 + 8 * i)))).toEqual([
    40, 104, 68, 172, 396, 620, 844, 1014,
  ]);
});

describe.each(versions)("version $version", (layout) => {
  const { version } = layout;

  test("is predicted, written and read", () => {
    expect(predictShareLayout(geometry, version)).toEqual(layout);
    const header = formatShareHeader(geometry, layout);
    expect(header).toHaveLength(version === 1 ? HEADER_LENGTH_V1 : HEADER_LENGTH_V2);
    expect(parseShareLayout(header)).toEqual(layout);
    const inside = concatBytes([new Uint8Array(5), header, new Uint8Array(40).fill(0xff)]).subarray(5);
    expect(parseShareLayout(inside)).toEqual(layout);
  });

  test("E-05 is refused when cut off anywhere", () => {
    const header = formatShareHeader(geometry, layout);
    for (let length = 0; length < header.length; length++) {
      expect(() => parseShareLayout(header.subarray(0, length))).toThrow(badFormat);
    }
  });

  test.each([0, 1, 3])("F-03 and F-06 field %i may be anything", (field) => {
    for (const value of version === 1 ? [0n, 2n ** 32n - 1n] : [0n, 2n ** 53n, 2n ** 64n - 1n]) {
      expect(parseShareLayout(withField(layout, field, value))).toEqual(layout);
    }
  });

  test.each([
    [2, "dataOffset"],
    [4, "ciphertextTreeOffset"],
  ] as const)("F-04 and F-07 field %i, %s, is taken as it stands", (field, name) => {
    for (const value of version === 1 ? [0, 37, 2 ** 32 - 1] : [0, 69, 2 ** 53 - 1]) {
      expect(parseShareLayout(withField(layout, field, BigInt(value)))).toEqual({ ...layout, [name]: value });
    }
  });

  test.each([
    ["F-08 block tree behind the chain", 5, layout.chainOffset + 32],
    ["F-08 block tree of no whole number of hashes", 5, layout.blockTreeOffset + 1],
    ["F-09 chain in front of the block tree", 6, layout.blockTreeOffset - 34],
    ["F-09 chain of no whole number of entries", 6, layout.chainOffset + 2],
    ["F-10 UEB in front of the chain", 7, layout.chainOffset - 34],
    ["F-10 UEB offset one off", 7, layout.uebOffset + 1],
    ["F-14 UEB at the end of 32 bits", 7, 2 ** 32 - 1],
    ["F-15 chain of no entries", 7, layout.chainOffset],
    ["F-15 chain of ten entries", 7, layout.chainOffset + 10 * CHAIN_ENTRY_LENGTH],
  ])("refuses %s", (_name, field, value) => {
    expect(() => parseShareLayout(withField(layout, field, BigInt(value)))).toThrow(badFormat);
  });

  test("H-02 takes chains of one to nine entries", () => {
    for (const entries of [1, 9]) {
      const uebOffset = layout.chainOffset + entries * CHAIN_ENTRY_LENGTH;
      expect(parseShareLayout(withField(layout, 7, BigInt(uebOffset)))).toEqual({ ...layout, uebOffset });
    }
  });

  test("the length of the UEB", () => {
    const length = (value: number) => parseUebLength(layout, formatInteger(value, layout.uebLengthBytes));
    expect(length(311)).toBe(311);
    expect(length(1)).toBe(1);
    expect(length(MAX_UEB_LENGTH)).toBe(MAX_UEB_LENGTH);
    expect(() => length(0)).toThrow(badFormat);
    expect(() => length(MAX_UEB_LENGTH + 1)).toThrow(badFormat);
    expect(() => parseUebLength(layout, new Uint8Array(layout.uebLengthBytes).fill(255))).toThrow(badFormat);
    expect(() => parseUebLength(layout, new Uint8Array(layout.uebLengthBytes - 1).fill(1))).toThrow(badFormat);
  });
});

test.each([0, 3, 0x0101, 0xff000001])("F-01 refuses version %i", (version) => {
  const header = formatShareHeader(geometry, v2);
  new DataView(header.buffer).setUint32(0, version);
  expect(() => parseShareLayout(header)).toThrow(badFormat);
});

test("F-02 refuses a header of one version with the number of the other", () => {
  const first = concatBytes([formatShareHeader(geometry, v1), new Uint8Array(40)]);
  new DataView(first.buffer).setUint32(0, 2);
  expect(() => parseShareLayout(first)).toThrow(badFormat);
  const second = formatShareHeader(geometry, v2);
  new DataView(second.buffer).setUint32(0, 1);
  expect(() => parseShareLayout(second)).toThrow(badFormat);
});

test.each([2, 4, 5, 6, 7])("F-14 and Q-04 refuses field %i above 2^53-1 instead of rounding it", (field) => {
  for (const value of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    expect(() => parseShareLayout(withField(v2, field, value))).toThrow(badFormat);
  }
});

test("version 2 is predicted from where version 1 cannot say the offsets any more", () => {
  const of = (size: number) => {
    const segmentSize = paddedSegmentSize(131_072, size, 1);
    return predictShareLayout(makeGeometry({ size, segmentSize, needed: 1, total: 1 }));
  };
  // 1 of 1: with 2^15 segments, three trees of 65535 nodes and a chain of one entry stand in front of the UEB.
  const rest = 36 + 3 * 65_535 * 32 + 34;
  expect(of(2 ** 32 - 1 - rest)).toMatchObject({ version: 1, uebOffset: 2 ** 32 - 1 });
  expect(of(2 ** 32 - rest)).toMatchObject({ version: 2, uebOffset: 2 ** 32 + 32 });
});

test("a share that would be longer than any can be is refused", () => {
  const file = makeGeometry({ size: 2 ** 53 - 1, segmentSize: 1, needed: 1, total: 1 });
  expect(() => predictShareLayout(file)).toThrow(badFormat);
});

test("an offset that does not fit is not written", () => {
  for (const [value, width] of [
    [2 ** 32, 4],
    [2 ** 53, 8],
    [-1, 4],
    [0.5, 8],
  ] as const) {
    expect(() => formatInteger(value, width)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
  }
  expect(formatInteger(2 ** 53 - 1, 8)).toEqual(Uint8Array.of(0, 31, 255, 255, 255, 255, 255, 255));
});

test("any prediction is read back from its header", () => {
  const files = fc
    .record({
      size: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 2 ** 50 })),
      needed: fc.integer({ min: 1, max: 256 }),
      more: fc.nat({ max: 255 }),
      max: fc.constantFrom(1000, 131_072, 1_048_576),
    })
    .map(({ size, needed, more, max }) => {
      const total = Math.min(256, needed + more);
      return makeGeometry({ size, segmentSize: paddedSegmentSize(max, size, needed), needed, total });
    });
  fc.assert(
    fc.property(files, (file) => {
      const layout = predictShareLayout(file);
      expect(parseShareLayout(formatShareHeader(file, layout))).toEqual(layout);
      const treeLength = (2 * file.treeWidth - 1) * 32;
      expect(layout.chainOffset - layout.blockTreeOffset).toBe(treeLength);
      expect(layout.blockTreeOffset - layout.ciphertextTreeOffset).toBe(treeLength);
      expect(layout.ciphertextTreeOffset - layout.dataOffset).toBe(file.shareDataLength + treeLength);
    }),
  );
});

test("any bytes are a header or BAD_FORMAT, with offsets that are in order and safe", () => {
  const versionFirst = fc
    .tuple(fc.constantFrom(0, 1, 2, 3), fc.uint8Array({ maxLength: 80 }))
    .map(([version, rest]) => Uint8Array.of(0, 0, 0, version, ...rest));
  // Small numbers, so that some of these tables are possible.
  const tables = fc
    .array(
      fc.oneof(
        fc.nat({ max: 400 }),
        fc.nat({ max: 10 }).map((i) => 34 * i + 64),
      ),
      { minLength: 8, maxLength: 8 },
    )
    .map((fields) => concatBytes([Uint8Array.of(0, 0, 0, 1), ...fields.map((value) => formatInteger(value, 4))]));
  fc.assert(
    fc.property(fc.oneof(versionFirst, tables), (bytes) => {
      try {
        const layout = parseShareLayout(bytes);
        expect(layout.blockTreeOffset).toBeLessThanOrEqual(layout.chainOffset);
        expect(layout.chainOffset).toBeLessThan(layout.uebOffset);
        expect(Object.values(layout).every(Number.isSafeInteger)).toBe(true);
      } catch (error) {
        expect(error).toEqual(badFormat);
      }
    }),
    { numRuns: 1000 },
  );
});
