import { badFormat } from "../base/badFormat.ts";
import { GridError } from "../base/GridError.ts";
import { treeWidth } from "../hashing/merkle.ts";

/** How an immutable file is cut up. All lengths in bytes. */
export interface Geometry {
  /** Of the file: plaintext and ciphertext alike. */
  readonly size: number;
  /** A multiple of `needed`; may be more than `size` by the rounding up to one. */
  readonly segmentSize: number;
  readonly segmentCount: number;
  /** Of the last segment, without padding: 1..segmentSize. */
  readonly tailLength: number;
  /** k: how many shares hold a file's worth of data. */
  readonly needed: number;
  /** N: how many shares were made. */
  readonly total: number;
  /** Of every block but a share's last. */
  readonly blockLength: number;
  /** Of a share's last block. */
  readonly tailBlockLength: number;
  /** Of a share's data section: its blocks one after the other. */
  readonly shareDataLength: number;
  /** Leaves of the block and ciphertext hash trees, with the padding: a power of two. */
  readonly treeWidth: number;
}

/**
 * Works out the geometry of a file.
 * @throws GridError BAD_FORMAT for numbers that no file can have
 */
export function makeGeometry(file: { size: number; segmentSize: number; needed: number; total: number }): Geometry {
  const { size, segmentSize, needed, total } = file;
  for (const [name, value] of Object.entries({ size, segmentSize, needed, total })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw badFormat("file geometry", `${name} is not a positive integer`);
  }
  if (needed > total || total > 256) throw badFormat("file geometry", `${needed} of ${total} shares is not possible`);
  if (segmentSize % needed !== 0) {
    throw badFormat("file geometry", `the segment size ${segmentSize} is not a multiple of k=${needed}`);
  }
  const segmentCount = Math.ceil(size / segmentSize);
  const tailLength = size - (segmentCount - 1) * segmentSize;
  const blockLength = segmentSize / needed;
  const tailBlockLength = Math.ceil(tailLength / needed);
  return {
    size,
    segmentSize,
    segmentCount,
    tailLength,
    needed,
    total,
    blockLength,
    tailBlockLength,
    shareDataLength: blockLength * (segmentCount - 1) + tailBlockLength,
    treeWidth: treeWidth(segmentCount),
  };
}

/**
 * The segment size that an uploader arrives at whose limit is `maxSegmentSize` (131072 in classic clients, 1048576 in
 * recent ones): the limit or the whole file, rounded up to a multiple of k.
 */
export function paddedSegmentSize(maxSegmentSize: number, size: number, needed: number): number {
  return Math.ceil(Math.min(maxSegmentSize, size) / needed) * needed;
}

/** The number of the segment that holds the byte at `offset`, which must lie in the file. */
export function segmentAt(geometry: Geometry, offset: number): number {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset >= geometry.size) {
    throw defect(`offset ${offset} in a file of ${geometry.size} bytes`);
  }
  return Math.floor(offset / geometry.segmentSize);
}

/** A segment's length, without the last one's padding. */
export function segmentLength(geometry: Geometry, segment: number): number {
  return isTail(geometry, segment) ? geometry.tailLength : geometry.segmentSize;
}

/** The length of a segment's blocks. */
export function blockLengthOf(geometry: Geometry, segment: number): number {
  return isTail(geometry, segment) ? geometry.tailBlockLength : geometry.blockLength;
}

/** Where a segment's block lies in a share, from the start of the data section. */
export function blockOffset(geometry: Geometry, segment: number): number {
  isTail(geometry, segment);
  return segment * geometry.blockLength;
}

function isTail(geometry: Geometry, segment: number): boolean {
  if (!Number.isSafeInteger(segment) || segment < 0 || segment >= geometry.segmentCount) {
    throw defect(`segment ${segment} in a file of ${geometry.segmentCount} segments`);
  }
  return segment === geometry.segmentCount - 1;
}

function defect(what: string): GridError<"INTERNAL"> {
  return new GridError("INTERNAL", { reason: what }, `A defect in gridfetch: it asked for ${what}.`);
}
