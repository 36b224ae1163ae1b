import { badArgument } from "../arguments.ts";
import type { Grid } from "../Grid.ts";
import type { UrlOptions } from "../UrlOptions.ts";
import { exifThumbnail } from "./exifThumbnail.ts";
import { firstFrame } from "./firstFrame.ts";

/** What a poster is made of, and for how long it matters. */
export interface PosterOptions extends Pick<UrlOptions, "grid" | "filename"> {
  /** In pixels, 320 unless given and 4,096 at most: the poster is neither wider nor higher. A camera's own small picture stays as it is. */
  readonly width?: number;
  readonly signal?: AbortSignal;
}

/** An EXIF segment is 64 KiB at most, and comes first. */
const HEAD = 66 * 1024;
/** A picture is loaded whole, unless it has a small one in it. */
const LARGEST_PICTURE = 8 * 2 ** 20;
const WIDEST = 4096;

/**
 * A small picture of a file: the one that a camera puts into a JPEG, else the picture itself made smaller, or the first frame of an MP4 or a WebM
 * that the browser plays. Reads 66 KiB of a JPEG of a camera, another picture whole, and of a film what the browser's player takes, 16 MiB at most.
 *
 * @param cap as for `grid.url`
 * @returns a JPEG, WebP or PNG; undefined for what has no picture that this browser shows, for a picture of more than 8 MiB that has no small one
 *   in it, and for a film that showed none within a minute or those 16 MiB
 * @throws GridError BAD_ARGUMENT for a width that is none; what `grid.open` and reading throw; the signal's reason
 */
export async function poster(
  grid: Grid,
  cap: string,
  { width = 320, signal, ...options }: PosterOptions = {},
): Promise<Blob | undefined> {
  if (!Number.isInteger(width) || width < 1 || width > WIDEST)
    throw badArgument("width", `it must be a whole number of pixels, from 1 to ${WIDEST}`);
  const reading = signal ? { signal } : {};
  const file = await grid.open(cap, { ...options, ...reading });
  const head = await file.bytes({ length: HEAD, ...reading });
  if (isFilm(head)) {
    return firstFrame(grid, file.url, signal, (video) => draw(video, video.videoWidth, video.videoHeight, width));
  }
  const thumbnail = exifThumbnail(head);
  if (thumbnail) return new Blob([thumbnail], { type: "image/jpeg" });
  if (file.size > LARGEST_PICTURE) return undefined;
  const rest = await file.bytes({ offset: head.length, ...reading });
  const bitmap = await createImageBitmap(new Blob([head, rest])).catch(() => undefined);
  signal?.throwIfAborted();
  if (!bitmap) return undefined;
  try {
    return await draw(bitmap, bitmap.width, bitmap.height, width);
  } finally {
    bitmap.close();
  }
}

/** Matroska and WebM begin with EBML's id, MP4 with a box `ftyp`, as AVIF and HEIC do, which are pictures. */
function isFilm(head: Uint8Array): boolean {
  const text = String.fromCharCode(...head.subarray(0, 12));
  return text.startsWith("\x1aE\xdf\xa3") || /^.{4}ftyp(?!avi[fs]|hei[cs]|mif1|msf1)/s.test(text);
}

/** As WebP, which can be transparent, or as PNG where the browser writes none. */
function draw(source: CanvasImageSource, width: number, height: number, most: number): Promise<Blob | undefined> {
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, most / width, most / height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d")?.drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? undefined), "image/webp"));
}
