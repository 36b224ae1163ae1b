import { badFormat } from "../base/badFormat.ts";
import { GridError } from "../base/GridError.ts";
import { levelOf, treeWidth } from "../hashing/merkle.ts";
import { HASH_LENGTH } from "../hashing/taggedHash.ts";
import type { Geometry } from "./Geometry.ts";
import { CHAIN_ENTRY_LENGTH, MAX_CHAIN_ENTRIES } from "./ShareHashChain.ts";

/*
 * The head of an immutable share, as served over HTTP; all integers big-endian.
 *
 *   field                             v1: u32 at   v2: u64 at
 *   version (u32 in both)             0x00         0x00
 *   block size, ignored by readers    0x04         0x04
 *   data size, ignored by readers     0x08         0x0c
 *   offset of the data                0x0c         0x14
 *   offset of the plaintext tree      0x10         0x1c   unused, a hole of the size of a tree
 *   offset of the ciphertext tree     0x14         0x24
 *   offset of the block tree          0x18         0x2c
 *   offset of the share hash chain    0x1c         0x34
 *   offset of the UEB's length        0x20         0x3c   the UEB itself follows its length, in u32 or u64
 *   (header ends)                     0x24         0x44
 */

/** Where the parts of one share are: offsets in bytes from the share's start. */
export interface ShareLayout {
  readonly version: 1 | 2;
  /** Blocks, one after the other. */
  readonly dataOffset: number;
  readonly ciphertextTreeOffset: number;
  readonly blockTreeOffset: number;
  /** The share hash chain goes from here to `uebOffset`. */
  readonly chainOffset: number;
  /** Of the UEB's length; the UEB follows. */
  readonly uebOffset: number;
  readonly headerLength: number;
  /** How many bytes the UEB's length takes. */
  readonly uebLengthBytes: 4 | 8;
}

/** Bytes in a header of version 1. */
export const HEADER_LENGTH_V1 = 0x24;
/** Bytes in a header of version 2: what to ask for before the version is known. */
export const HEADER_LENGTH_V2 = 0x44;
/** Real UEBs have 300 to 400 bytes; a length beyond this is not believed. */
export const MAX_UEB_LENGTH = 64 * 1024;

/**
 * Reads a share's header. Offsets are only checked against each other: nothing here says that the share is long enough.
 *
 * @param header the share's first bytes; what follows the header is not looked at
 * @throws GridError BAD_FORMAT for a version other than 1 and 2, a header that is cut short, offsets beyond 2^53-1, or
 *   sections behind the data that overlap or have an impossible length
 */
export function parseShareLayout(header: Uint8Array): ShareLayout {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const version = header.length < 4 ? undefined : view.getUint32(0);
  if (version === undefined) throw badFormat("share header", `it ends after ${header.length} bytes`);
  if (version !== 1 && version !== 2) throw badFormat("share header", `its version is ${version}, not 1 or 2`);
  const { headerLength, width } = shapeOf(version);
  if (header.length < headerLength) throw badFormat("share header", `it ends after ${header.length} bytes`);

  const field = (index: number) => readInteger(view, 4 + index * width, width);
  const layout: ShareLayout = {
    version,
    dataOffset: field(2),
    ciphertextTreeOffset: field(4),
    blockTreeOffset: field(5),
    chainOffset: field(6),
    uebOffset: field(7),
    headerLength,
    uebLengthBytes: width,
  };
  checkSection("block hash tree", layout.blockTreeOffset, layout.chainOffset, HASH_LENGTH);
  checkSection("share hash chain", layout.chainOffset, layout.uebOffset, CHAIN_ENTRY_LENGTH);
  const entries = (layout.uebOffset - layout.chainOffset) / CHAIN_ENTRY_LENGTH;
  // An empty chain must not pass for one with nothing to check; a tree over 256 shares has 9 levels.
  if (entries < 1 || entries > MAX_CHAIN_ENTRIES) {
    throw badFormat("share header", `it makes the share hash chain ${entries} entries long`);
  }
  return layout;
}

/**
 * The length of the UEB, from the bytes at `uebOffset`.
 * @throws GridError BAD_FORMAT for too few bytes, and for a length of 0 or above MAX_UEB_LENGTH
 */
export function parseUebLength(layout: ShareLayout, bytes: Uint8Array): number {
  const width = layout.uebLengthBytes;
  if (bytes.length < width) throw badFormat("length of the UEB", `it ends after ${bytes.length} bytes`);
  const length = readInteger(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, width);
  if (length < 1 || length > MAX_UEB_LENGTH) throw badFormat("length of the UEB", `it says ${length}`);
  return length;
}

/**
 * The layout that uploaders give every share of a file: version 1 unless a number needs more than 32 bits. It tells a
 * reader what to ask for before the header is there.
 *
 * @param version makes the layout be of this version
 * @throws GridError BAD_FORMAT for a file whose shares would be longer than 2^53-1 bytes
 */
export function predictShareLayout(geometry: Geometry, version?: 1 | 2): ShareLayout {
  const short = layoutOf(geometry, version ?? 1);
  // The offset of the UEB is the largest number in the header.
  const layout = version === undefined && short.uebOffset >= 2 ** 32 ? layoutOf(geometry, 2) : short;
  if (!Number.isSafeInteger(layout.uebOffset)) throw badFormat("file geometry", "its shares would be too long");
  return layout;
}

/** A share's header, for the uploader: what `parseShareLayout` reads. */
export function formatShareHeader(geometry: Geometry, layout: ShareLayout): Uint8Array<ArrayBuffer> {
  const width = layout.uebLengthBytes;
  const header = new Uint8Array(layout.headerLength);
  const view = new DataView(header.buffer);
  view.setUint32(0, layout.version);
  const fields = [
    geometry.blockLength,
    geometry.shareDataLength,
    layout.dataOffset,
    layout.dataOffset + geometry.shareDataLength,
    layout.ciphertextTreeOffset,
    layout.blockTreeOffset,
    layout.chainOffset,
    layout.uebOffset,
  ];
  for (const [index, value] of fields.entries()) header.set(formatInteger(value, width), 4 + index * width);
  return header;
}

/** A length or an offset as a share of this width has it. The UEB's length is written so, too. */
export function formatInteger(value: number, width: 4 | 8): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(value) || value < 0 || (width === 4 && value >= 2 ** 32)) {
    const reason = `${value} does not fit into ${width} bytes`;
    throw new GridError("INTERNAL", { reason }, `A defect in gridfetch: ${reason}.`);
  }
  const view = new DataView(new ArrayBuffer(width));
  if (width === 8) view.setUint32(0, Math.floor(value / 2 ** 32));
  view.setUint32(width - 4, value % 2 ** 32);
  return new Uint8Array(view.buffer);
}

function shapeOf(version: 1 | 2): { headerLength: number; width: 4 | 8 } {
  return version === 1 ? { headerLength: HEADER_LENGTH_V1, width: 4 } : { headerLength: HEADER_LENGTH_V2, width: 8 };
}

function layoutOf(geometry: Geometry, version: 1 | 2): ShareLayout {
  const { headerLength, width } = shapeOf(version);
  const treeLength = (2 * geometry.treeWidth - 1) * HASH_LENGTH;
  const chainEntries = 1 + levelOf(treeWidth(geometry.total) - 1);
  const plaintextTreeOffset = headerLength + geometry.shareDataLength;
  const chainOffset = plaintextTreeOffset + 3 * treeLength;
  return {
    version,
    dataOffset: headerLength,
    ciphertextTreeOffset: plaintextTreeOffset + treeLength,
    blockTreeOffset: plaintextTreeOffset + 2 * treeLength,
    chainOffset,
    uebOffset: chainOffset + chainEntries * CHAIN_ENTRY_LENGTH,
    headerLength,
    uebLengthBytes: width,
  };
}

function readInteger(view: DataView, at: number, width: 4 | 8): number {
  if (width === 4) return view.getUint32(at);
  const value = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(value)) throw badFormat("share header", "it has a number above 2^53-1");
  return value;
}

function checkSection(name: string, start: number, end: number, unit: number): void {
  if (start > end || (end - start) % unit !== 0) {
    throw badFormat("share header", `it makes the ${name} ${end - start} bytes long`);
  }
}
