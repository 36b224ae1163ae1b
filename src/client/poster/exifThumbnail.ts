type Bytes = Uint8Array<ArrayBuffer>;

/** Markers and tags by their numbers in JPEG (ITU T.81, B.1.1.3) and Exif 2.32 (4.6.4 and 4.6.5). */
const SOI = 0xffd8;
const APP1 = 0xffe1;
const SOS = 0xffda;
const ORIENTATION = 0x0112;
const THUMBNAIL_OFFSET = 0x0201;
const THUMBNAIL_LENGTH = 0x0202;

/** A longer list of tags is no camera's. */
const MOST_TAGS = 200;

/**
 * The small picture that a camera put into a JPEG, turned as the large one is.
 *
 * @param head the file's first 64 KiB or so: hostile, like all that is read
 * @returns undefined where there is none, or something is wrong with it
 */
export function exifThumbnail(head: Bytes): Bytes | undefined {
  try {
    const tiff = exifOf(head);
    return tiff && thumbnailIn(tiff);
  } catch (error) {
    // A view throws this of what lies outside it.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What an Exif segment holds, a TIFF file; the segments lie one after the other until the picture begins. */
function exifOf(head: Bytes): Bytes | undefined {
  const view = viewOf(head);
  if (view.getUint16(0) !== SOI) return undefined;
  for (let at = 2; ; ) {
    const [marker, length] = [view.getUint16(at), view.getUint16(at + 2)];
    if (marker < 0xff00 || marker === SOS || length < 2) return undefined;
    const [start, end] = [at + 4, at + 2 + length];
    if (marker === APP1 && view.getUint32(start) === 0x45786966 && view.getUint16(start + 4) === 0)
      return head.subarray(start + 6, end);
    at = end;
  }
}

/** The first list of tags is of the picture, the second of the thumbnail. */
function thumbnailIn(tiff: Bytes): Bytes | undefined {
  const view = viewOf(tiff);
  const little = view.getUint16(0) === 0x4949;
  const picture = tagsAt(view, view.getUint32(4, little), little);
  const thumbnail = picture.next ? tagsAt(view, picture.next, little) : undefined;
  const offset = thumbnail?.long(THUMBNAIL_OFFSET);
  const length = thumbnail?.long(THUMBNAIL_LENGTH);
  if (offset === undefined || length === undefined || length < 4 || offset + length > tiff.length) return undefined;
  if (view.getUint16(offset) !== SOI) return undefined;
  return withOrientation(tiff.subarray(offset, offset + length), picture.short(ORIENTATION) ?? 1);
}

function tagsAt(view: DataView, at: number, little: boolean) {
  const count = view.getUint16(at, little);
  if (count > MOST_TAGS) throw new RangeError("too many tags");
  const places = new Map<number, number>();
  for (let each = at + 2; each < at + 2 + 12 * count; each += 12) places.set(view.getUint16(each, little), each + 8);
  return {
    next: view.getUint32(at + 2 + 12 * count, little),
    short: (tag: number) => {
      const place = places.get(tag);
      return place === undefined ? undefined : view.getUint16(place, little);
    },
    long: (tag: number) => {
      const place = places.get(tag);
      return place === undefined ? undefined : view.getUint32(place, little);
    },
  };
}

/** A thumbnail says nothing of how it is turned. With an Exif segment of its own that says so, browsers turn it. */
function withOrientation(jpeg: Bytes, orientation: number): Bytes {
  if (orientation < 2 || orientation > 8) return jpeg;
  const segment = [0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0];
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  return new Uint8Array([...jpeg.subarray(0, 2), ...segment, ...tiff, ...jpeg.subarray(2)]);
}

function viewOf({ buffer, byteOffset, byteLength }: Bytes): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
