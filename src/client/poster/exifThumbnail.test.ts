import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exifThumbnail } from "./exifThumbnail.ts";
import { type CameraSays, cameraJpeg } from "./testing/cameraJpeg.ts";

const THUMBNAIL = [0xff, 0xd8, 0xff, 0xdb, 1, 2, 3, 0xff, 0xd9];

const jpeg = (says?: CameraSays) => cameraJpeg(THUMBNAIL, says);
const found = (bytes: Uint8Array<ArrayBuffer>) => [...(exifThumbnail(bytes) ?? [])];

describe("X-01 a camera's small picture", () => {
  it("is found behind other segments, in both byte orders", () => {
    expect(found(jpeg())).toEqual(THUMBNAIL);
    expect(found(jpeg({ little: true }))).toEqual(THUMBNAIL);
  });

  it("is turned as the large one is", () => {
    const turned = jpeg({ little: true, orientation: 6 });
    const small = found(turned);
    // A JPEG with one Exif segment more, of which the orientation is 6.
    expect(small.slice(0, 12)).toEqual([0xff, 0xd8, 0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0]);
    expect(small.slice(22, 34)).toEqual([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
    expect(small.slice(2 + 36)).toEqual(THUMBNAIL.slice(2));
  });

  it.each<[string, CameraSays]>([
    ["begins past the segment", { offset: 0xfffffff0 }],
    ["ends past the segment", { length: 0xffffffff }],
    ["is empty", { length: 0 }],
    ["is no JPEG", { offset: 57 }],
    ["is in a list that is not there", { next: 0xfffffffe }],
    ["is in no list", { next: 0 }],
    ["is behind 60,000 tags", { count: 60_000 }],
  ])("that %s is none", (_, wrong) => {
    expect(exifThumbnail(jpeg(wrong))).toBeUndefined();
  });

  it("of other files, and of a JPEG cut anywhere before its end, is none", () => {
    expect(exifThumbnail(new Uint8Array())).toBeUndefined();
    expect(exifThumbnail(new Uint8Array(100))).toBeUndefined();
    const whole = jpeg();
    for (let length = 0; length < whole.length - 6; length += 1)
      expect(exifThumbnail(whole.slice(0, length))).toBeUndefined();
  });

  it("is never anything but a part of the file, whatever stands there", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = jpeg();
        for (const [at, value] of changes) bytes[at] = value;
        const small = exifThumbnail(bytes);
        expect(small?.length ?? 0).toBeLessThanOrEqual(bytes.length + 36);
      }),
    );
  });
});
