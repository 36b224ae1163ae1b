import { expect, it } from "vitest";
import { makeGeometry, paddedSegmentSize } from "../formats/Geometry.ts";
import { SegmentSizes } from "./SegmentSizes.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

function file(size: number, most: number) {
  return makeGeometry({ size, segmentSize: paddedSegmentSize(most, size, 3), needed: 3, total: 10 });
}

function after(...files: ReturnType<typeof file>[]): readonly number[] {
  const sizes = new SegmentSizes([MiB, 128 * KiB]);
  for (const each of files) sizes.saw(each);
  return sizes.likely;
}

it("are all that are in use, as long as no file was opened that tells", () => {
  expect(after()).toEqual([MiB, 128 * KiB]);
  expect(after(file(100 * KiB, MiB))).toEqual([MiB, 128 * KiB]);
});

it("are those of the files that were opened last", () => {
  expect(after(file(5 * MiB, 128 * KiB))).toEqual([128 * KiB]);
  expect(after(file(5 * MiB, MiB))).toEqual([MiB]);
  expect(after(file(5 * MiB, MiB), file(5 * MiB, 128 * KiB))).toEqual([MiB, 128 * KiB]);
  expect(after(file(5 * MiB, MiB), ...Array.from({ length: 4 }, () => file(5 * MiB, 128 * KiB)))).toEqual([128 * KiB]);
});

it("are learned from a file of one segment where only one of them fits", () => {
  expect(after(file(300 * KiB, MiB))).toEqual([MiB]);
});

it("may be of an uploader's own choice", () => {
  expect(after(file(5 * MiB, 2 * MiB))).toEqual([Math.ceil((2 * MiB) / 3) * 3]);
});
