/** What a camera's Exif segment says; what is left out is right. */
export interface CameraSays {
  readonly little?: boolean;
  readonly orientation?: number;
  readonly offset?: number;
  readonly length?: number;
  readonly next?: number;
  readonly count?: number;
}

/** A camera's JPEG up to where the picture begins, with a small one in it, as Exif 2.32 lays it out (4.5.2 and 4.5.8). */
export function cameraJpeg(
  thumbnail: readonly number[],
  { little = false, orientation = 1, offset = 56, length = thumbnail.length, next = 26, count = 1 }: CameraSays = {},
): Uint8Array<ArrayBuffer> {
  const tiff = new DataView(new ArrayBuffer(56 + thumbnail.length));
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  const short = (at: number, value: number) => tiff.setUint16(at, value, little);
  const long = (at: number, value: number) => tiff.setUint32(at, value, little);
  const tag = (at: number, id: number, type: number) => {
    short(at, id);
    short(at + 2, type);
    long(at + 4, 1);
  };
  short(2, 42);
  long(4, 8);
  short(8, count);
  tag(10, 0x0112, 3);
  short(18, orientation);
  long(22, next);
  short(26, 2);
  tag(28, 0x0201, 4);
  long(36, offset);
  tag(40, 0x0202, 4);
  long(48, length);
  const bytes = new Uint8Array(tiff.buffer);
  bytes.set(thumbnail, 56);
  const app0 = [0xff, 0xe0, 0, 4, 7, 7];
  const exif = [0xff, 0xe1, (8 + bytes.length) >> 8, (8 + bytes.length) & 255, 0x45, 0x78, 0x69, 0x66, 0, 0, ...bytes];
  return new Uint8Array([0xff, 0xd8, ...app0, ...exif, 0xff, 0xda, 0, 4, 0, 0]);
}
