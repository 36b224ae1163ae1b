import { badFormat } from "../base/badFormat.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { GridError } from "../base/GridError.ts";
import { netstring } from "../hashing/netstring.ts";
import { HASH_LENGTH } from "../hashing/taggedHash.ts";
import { type Geometry, makeGeometry } from "./Geometry.ts";
import { predictShareLayout } from "./ShareLayout.ts";

/** What a reader uses of a URI extension block, in which the uploader says how a file was made. */
export interface Ueb {
  /** In bytes. */
  readonly segmentSize: number;
  /** Root of the ciphertext hash tree. */
  readonly ciphertextRootHash: Uint8Array;
  /** Root of the share hash tree. */
  readonly shareRootHash: Uint8Array;
  // What the cap says too, or what follows from it. Not every uploader wrote these.
  readonly size?: number;
  readonly segmentCount?: number;
  readonly needed?: number;
  readonly total?: number;
}

/** Everything that an uploader puts into a UEB. */
export interface UebContents {
  readonly geometry: Geometry;
  /** Tagged hash of the whole ciphertext. */
  readonly ciphertextHash: Uint8Array;
  readonly ciphertextRootHash: Uint8Array;
  readonly shareRootHash: Uint8Array;
}

/** A longer segment is not held in memory: the recent default is 1 MiB, and a reader needs it several times over. */
export const MAX_SEGMENT_SIZE = 64 * 1024 * 1024;

/**
 * Reads a UEB whose hash was found to be the cap's: entries `key:` || netstring(value) to the last byte. Unknown keys,
 * and those that only repeat what is known, are left out of the result.
 *
 * @throws GridError BAD_FORMAT for anything else, a key that comes twice, or one of the three indispensable values
 *   missing
 */
export function parseUeb(bytes: Uint8Array): Ueb {
  const entries = parseEntries(bytes);
  const optional = {
    size: parseNumber(entries, "size"),
    segmentCount: parseNumber(entries, "num_segments"),
    needed: parseNumber(entries, "needed_shares"),
    total: parseNumber(entries, "total_shares"),
  };
  return {
    segmentSize: parseNumber(entries, "segment_size") ?? missing("segment_size"),
    ciphertextRootHash: parseHash(entries, "crypttext_root_hash"),
    shareRootHash: parseHash(entries, "share_root_hash"),
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<Ueb>),
  };
}

/**
 * The file's geometry, by the cap and the segment size in the UEB. The cap's numbers win: a UEB that contradicts them
 * is refused.
 *
 * @throws GridError BAD_CAP when the cap's size, k or N is not what the UEB says
 * @throws GridError BAD_FORMAT when a number cannot be right, or does not follow from the cap
 * @throws GridError TOO_LARGE for a segment above MAX_SEGMENT_SIZE
 */
export function checkUeb(ueb: Ueb, cap: { size: number; needed: number; total: number }): Geometry {
  checkCap(ueb, cap);
  const { size, needed, total } = cap;
  // Ahead of the geometry, so that a segment size no reader could use has the clearer error.
  if (ueb.segmentSize > MAX_SEGMENT_SIZE) {
    const details = { what: "segment size", value: ueb.segmentSize, limit: MAX_SEGMENT_SIZE };
    const message = `This file's segments have ${details.value} bytes; more than ${details.limit} are not read here.`;
    throw new GridError("TOO_LARGE", details, message);
  }
  const geometry = makeGeometry({ size, segmentSize: ueb.segmentSize, needed, total });
  predictShareLayout(geometry); // throws where the hash trees of tiny segments would take a share beyond 2^53-1 bytes
  const { segmentCount = geometry.segmentCount } = ueb;
  if (segmentCount !== geometry.segmentCount)
    throw badFormat(UEB, `its num_segments is ${segmentCount} where the cap makes it ${geometry.segmentCount}`);
  return geometry;
}

/** The uploader wrote both, and the UEB has the hash that is in the cap: numbers that differ were changed in the cap. */
function checkCap(ueb: Ueb, { size, needed, total }: { size: number; needed: number; total: number }): void {
  const pairs: [what: string, said: number | undefined, known: number][] = [
    ["the size", ueb.size, size],
    ["k", ueb.needed, needed],
    ["N", ueb.total, total],
  ];
  for (const [what, said, known] of pairs) {
    if (said === undefined || said === known) continue;
    const reason = `${what} in it is ${known}, and the file's own is ${said}`;
    throw new GridError(
      "BAD_CAP",
      { reason },
      `This cap does not fit its file: ${reason}. Is a digit wrong or missing?`,
    );
  }
}

/** A UEB with the eleven keys that uploaders of today write, sorted. */
export function formatUeb(contents: UebContents): Uint8Array<ArrayBuffer> {
  const { geometry, ciphertextHash, ciphertextRootHash, shareRootHash } = contents;
  const { segmentSize, tailBlockLength, needed, total } = geometry;
  const entries: [key: string, value: string | number | Uint8Array][] = [
    ["codec_name", "crs"],
    ["codec_params", `${segmentSize}-${needed}-${total}`],
    ["crypttext_hash", ciphertextHash],
    ["crypttext_root_hash", ciphertextRootHash],
    ["needed_shares", needed],
    ["num_segments", geometry.segmentCount],
    ["segment_size", segmentSize],
    ["share_root_hash", shareRootHash],
    ["size", geometry.size],
    ["tail_codec_params", `${tailBlockLength * needed}-${needed}-${total}`],
    ["total_shares", total],
  ];
  return concatBytes(
    entries.flatMap(([key, value]) => [
      utf8(`${key}:`),
      netstring(value instanceof Uint8Array ? value : utf8(String(value))),
    ]),
  );
}

const UEB = "URI extension block";
// The longest key that was ever in use is much shorter.
const MAX_KEY_LENGTH = 100;
const COLON = 0x3a;
const COMMA = 0x2c;

function parseEntries(bytes: Uint8Array): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  let at = 0;
  while (at < bytes.length) {
    const key = ascii(bytes, at, COLON);
    at += key.length + 1;
    const digits = ascii(bytes, at, COLON);
    at += digits.length + 1;
    const length = parseDecimal(digits);
    if (length === undefined) throw badFormat(UEB, "the length of a value is not a number");
    if (length >= bytes.length - at || bytes[at + length] !== COMMA) throw badFormat(UEB, "a value is cut off");
    if (entries.has(key)) throw badFormat(UEB, "a key comes twice");
    entries.set(key, bytes.subarray(at, at + length));
    at += length + 1;
  }
  return entries;
}

/** The characters from `at` up to the next `end`, one a byte. */
function ascii(bytes: Uint8Array, at: number, end: number): string {
  const stop = bytes.indexOf(end, at);
  if (stop <= at || stop > at + MAX_KEY_LENGTH) throw badFormat(UEB, "an entry has no key or no length");
  return String.fromCharCode(...bytes.subarray(at, stop));
}

function parseDecimal(text: string): number | undefined {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function parseNumber(entries: ReadonlyMap<string, Uint8Array>, key: string): number | undefined {
  const bytes = entries.get(key);
  if (bytes === undefined) return undefined;
  const value = bytes.length > 16 ? undefined : parseDecimal(String.fromCharCode(...bytes));
  return value ?? fail(`its ${key} is not a number`);
}

function parseHash(entries: ReadonlyMap<string, Uint8Array>, key: string): Uint8Array {
  const hash = entries.get(key) ?? missing(key);
  return hash.length === HASH_LENGTH ? hash.slice() : fail(`its ${key} is ${hash.length} bytes long`);
}

function missing(key: string): never {
  return fail(`it has no ${key}`);
}

function fail(reason: string): never {
  throw badFormat(UEB, reason);
}
