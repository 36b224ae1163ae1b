import { badFormat } from "../base/badFormat.ts";
import type { ByteRange } from "../base/range.ts";
import { treeWidth } from "../hashing/merkle.ts";
import { HASH_LENGTH } from "../hashing/taggedHash.ts";
import { CHAIN_ENTRY_LENGTH } from "./ShareHashChain.ts";

/*
 * A share of a mutable file, big-endian. Signed is only the part up to the offset table.
 *
 *   SDMF                                   MDMF
 *     0   1  version 0                       0   1  version 1
 *     1   8  sequence number                 1   8  sequence number
 *     9  32  R: root of share hash tree      9  32  R
 *    41  16  salt                           41   1  k
 *    57   1  k                              42   1  N
 *    58   1  N                              43   8  segment size
 *    59   8  segment size                   51   8  data length
 *    67   8  data length                    59      end of the signed part
 *    75      end of the signed part         59   8  offset of the encrypted private key
 *    75   4  offset of the signature        67   8  … the share hash chain
 *    79   4  … the share hash chain         75   8  … the signature
 *    83   4  … the block hash tree          83   8  … the public key
 *    87   4  … the share data               91   8  … the public key's end
 *    91   8  … the encrypted private key    99   8  … the share data
 *    99   8  … the end of the share        107   8  … the block hash tree
 *   107      the public key, up to the     115   8  … the end of the share
 *            signature                     123      the header's end
 */
const SDMF_SIGNED = 75;
const SDMF_HEADER = 107;
const MDMF_SIGNED = 59;
const MDMF_HEADER = 123;

/** Bytes of an RSA-2048 signature. */
const SIGNATURE_LENGTH = 256;
export const SALT_LENGTH = 16;
/** A public key of 2048 bits takes 292 or 294 bytes. */
const MAX_PUBLIC_KEY = 2048;
/** As for immutable files: a segment is held in memory several times over. */
const MAX_SEGMENT_SIZE = 64 * 1024 * 1024;

/** What is signed: a version of a mutable file. */
export interface MutableVersion {
  readonly format: "SDMF" | "MDMF";
  /** Later versions have larger ones. A u64, and signed, so it is believed whatever its size. */
  readonly sequence: bigint;
  /** R: root of the share hash tree, 32 bytes. */
  readonly root: Uint8Array<ArrayBuffer>;
  /** 16 bytes: SDMF's; in MDMF every segment has one of its own, before its block. */
  readonly salt: Uint8Array<ArrayBuffer> | undefined;
  readonly needed: number;
  readonly total: number;
  /** In bytes, a multiple of `needed`. */
  readonly segmentSize: number;
  /** Of the plaintext, in bytes. */
  readonly size: number;
}

/** A share's header: nothing of it is proven before the signature over `signed` is checked, and the ranges never are. */
export interface MutableHeader {
  readonly version: MutableVersion;
  /** The bytes that the signature is over. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly publicKey: ByteRange;
  readonly signature: ByteRange;
  readonly chain: ByteRange;
  readonly blockTree: ByteRange;
  /** Offset of the blocks; in MDMF each has its salt before it. */
  readonly dataOffset: number;
}

/**
 * Reads the header of a share from the share's first bytes.
 * @throws GridError BAD_FORMAT for anything that a writer would not write, as far as the header shows
 */
export function parseMutableHeader(start: Uint8Array): MutableHeader {
  if (start[0] === 0) return checkHeader(parseSdmf(atLeast(start, SDMF_HEADER)));
  if (start[0] === 1) return checkHeader(parseMdmf(atLeast(start, MDMF_HEADER)));
  throw bad(start.length === 0 ? "the share is empty" : `version ${start[0]} is not known`);
}

/** Segments of a version; none in an empty file. */
export function mutableSegmentCount({ size, segmentSize }: MutableVersion): number {
  return Math.ceil(size / segmentSize);
}

/** Where a segment's block lies in a share, with its salt before it in MDMF. */
export function mutableBlockRange({ version, dataOffset }: MutableHeader, segment: number): ByteRange {
  const saltLength = saltLengthOf(version);
  const blockLength = version.segmentSize / version.needed;
  const isTail = segment === mutableSegmentCount(version) - 1;
  const tail = Math.ceil((version.size - segment * version.segmentSize) / version.needed);
  const length = saltLength + (isTail ? tail : blockLength);
  return { offset: dataOffset + segment * (saltLength + blockLength), length };
}

/** How many bytes of salt stand before each block. */
export function saltLengthOf({ format }: MutableVersion): number {
  return format === "MDMF" ? SALT_LENGTH : 0;
}

function parseSdmf(bytes: Uint8Array): MutableHeader {
  const view = viewOf(bytes);
  const offsets = [75, 79, 83, 87].map((at) => view.getUint32(at));
  const [signature = 0, chain = 0, blockTree = 0, data = 0] = offsets;
  const privateKey = readOffset(view, 91);
  return {
    version: {
      format: "SDMF",
      sequence: view.getBigUint64(1),
      root: bytes.slice(9, 41),
      salt: bytes.slice(41, 57),
      needed: bytes[57] as number,
      total: bytes[58] as number,
      segmentSize: readOffset(view, 59),
      size: readOffset(view, 67),
    },
    signed: bytes.slice(0, SDMF_SIGNED),
    publicKey: between(SDMF_HEADER, signature),
    signature: between(signature, chain),
    chain: between(chain, blockTree),
    blockTree: between(blockTree, data),
    dataOffset: between(data, privateKey).offset,
  };
}

function parseMdmf(bytes: Uint8Array): MutableHeader {
  const view = viewOf(bytes);
  const offsets = Array.from({ length: 8 }, (_, i) => readOffset(view, MDMF_SIGNED + 8 * i));
  const [privateKey = 0, chain = 0, signature = 0, publicKey = 0, keyEnd = 0, data = 0, blockTree = 0, end = 0] =
    offsets;
  if (privateKey !== MDMF_HEADER) throw bad("the private key does not follow the header");
  return {
    version: {
      format: "MDMF",
      sequence: view.getBigUint64(1),
      root: bytes.slice(9, 41),
      salt: undefined,
      needed: bytes[41] as number,
      total: bytes[42] as number,
      segmentSize: readOffset(view, 43),
      size: readOffset(view, 51),
    },
    signed: bytes.slice(0, MDMF_SIGNED),
    publicKey: between(publicKey, keyEnd),
    signature: between(signature, publicKey),
    chain: between(chain, signature),
    blockTree: between(blockTree, end),
    dataOffset: between(data, blockTree).offset,
  };
}

/** Everything here is a server's word, and is checked before a byte is asked for on its strength. */
function checkHeader(header: MutableHeader): MutableHeader {
  const { needed, total, segmentSize, size, format } = header.version;
  if (needed < 1 || needed > total) throw bad(`${needed} of ${total} shares is not possible`);
  // An SDMF file has one segment; an empty one's size is 0.
  if (segmentSize % needed !== 0) throw bad("the segment size is not a multiple of k");
  if (segmentSize > MAX_SEGMENT_SIZE) throw bad(`its segments have more than ${MAX_SEGMENT_SIZE} bytes`);
  if (size > 0 && segmentSize === 0) throw bad("the segment size is 0");
  if (format === "SDMF" && segmentSize !== Math.ceil(size / needed) * needed) throw bad("it has several segments");
  if (header.publicKey.length > MAX_PUBLIC_KEY) throw bad("the public key is too long");
  if (header.signature.length < SIGNATURE_LENGTH || header.signature.length > 2 * SIGNATURE_LENGTH) {
    throw bad("the signature has another length than an RSA-2048 one");
  }
  if (header.chain.length % CHAIN_ENTRY_LENGTH !== 0 || header.chain.length > 8 * CHAIN_ENTRY_LENGTH) {
    throw bad("the share hash chain is too long or broken off");
  }
  const nodes = 2 * treeWidth(Math.max(1, segmentSize === 0 ? 1 : Math.ceil(size / segmentSize))) - 1;
  if (header.blockTree.length !== nodes * HASH_LENGTH) throw bad(`the block hash tree does not have ${nodes} nodes`);
  return header;
}

/** From an offset up to, not including, another. */
function between(start: number, end: number): ByteRange {
  if (end < start) throw bad("the offsets are out of order");
  return { offset: start, length: end - start };
}

function readOffset(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at));
  if (!Number.isSafeInteger(value)) throw bad(`the number at offset ${at} is above 2^53-1`);
  return value;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function atLeast(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length < length) throw bad(`the share ends after ${bytes.length} bytes`);
  return bytes;
}

function bad(reason: string): Error {
  return badFormat("mutable share header", reason);
}
