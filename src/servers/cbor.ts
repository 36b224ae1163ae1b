import { concatBytes, utf8 } from "../base/bytes.ts";

/**
 * CBOR (RFC 8949) as far as the storage protocol uses it: integers, byte and text strings, arrays, maps, sets (tag 258 of
 * IANA's registry, an array inside), true, false and null. No floats, no items of open length, no other tags. A tenth of what a
 * general library weighs in the worker.
 */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborValue, CborValue>
  | CborSet;

/** What stood under the tag for sets. */
export class CborSet {
  readonly members: readonly CborValue[];

  constructor(members: readonly CborValue[]) {
    this.members = members;
  }
}

/** What can be encoded: an object's own properties become a map. */
export type Encodable =
  | CborValue
  | readonly Encodable[]
  | ReadonlyMap<Encodable, Encodable>
  | { readonly [key: string]: Encodable };

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;

const SET_TAG = 258;
/** Messages nest three deep. */
const MOST_DEPTH = 16;

/**
 * Reads exactly one item. Integers beyond 2^53-1 are bigints, maps are Maps.
 * @throws Error for anything else than one item in its shortest form, repeated keys and text that is not UTF-8 included
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const value = readItem(0);
  if (at !== bytes.length) throw new Error("bytes follow the item");
  return value;

  function readItem(depth: number): CborValue {
    if (depth > MOST_DEPTH) throw new Error("nested too deep");
    const first = take(1)[0]!;
    const major = first >> 5;
    if (major === SIMPLE) return readSimple(first & 31);
    const argument = readArgument(first & 31);
    if (major === UNSIGNED) return argument;
    if (major === NEGATIVE) return typeof argument === "bigint" ? -1n - argument : -1 - argument;
    if (major === TAG) return readSet(argument, depth);
    // Each item takes a byte at least, so that a length never makes more than there is.
    if (typeof argument === "bigint" || argument > bytes.length - at) throw new Error("cut off");
    if (major === BYTES) return new Uint8Array(take(argument));
    if (major === TEXT) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(take(argument));
    return major === ARRAY ? readArray(argument, depth) : readMap(argument, depth);
  }

  function readSimple(info: number): boolean | null {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    throw new Error("a kind of item that the storage protocol does not use");
  }

  function readArray(length: number, depth: number): CborValue[] {
    const items: CborValue[] = [];
    while (items.length < length) items.push(readItem(depth + 1));
    return items;
  }

  function readMap(length: number, depth: number): Map<CborValue, CborValue> {
    const map = new Map<CborValue, CborValue>();
    for (let entry = 0; entry < length; entry++) {
      const key = readItem(depth + 1);
      if (map.has(key)) throw new Error("a key is there twice");
      map.set(key, readItem(depth + 1));
    }
    return map;
  }

  function readSet(tag: number | bigint, depth: number): CborSet {
    const inside = tag === SET_TAG ? readItem(depth + 1) : undefined;
    if (!Array.isArray(inside)) throw new Error("a tag that the storage protocol does not use");
    return new CborSet(inside);
  }

  /** The number in an item's head: in the first byte below 24, else in 1, 2, 4 or 8 bytes that follow it. */
  function readArgument(info: number): number | bigint {
    if (info < 24) return info;
    if (info > 27) throw new Error("an item of open length, or none");
    const start = at;
    take(2 ** (info - 24));
    if (info === 24) return shortest(view.getUint8(start), 24);
    if (info === 25) return shortest(view.getUint16(start), 0x100);
    if (info === 26) return shortest(view.getUint32(start), 0x10000);
    const wide = view.getBigUint64(start);
    if (wide <= 0xffffffffn) throw new Error("a number that is not in its shortest form");
    return wide > BigInt(Number.MAX_SAFE_INTEGER) ? wide : Number(wide);
  }

  function shortest(value: number, least: number): number {
    if (value < least) throw new Error("a number that is not in its shortest form");
    return value;
  }

  function take(length: number): Uint8Array {
    if (length > bytes.length - at) throw new Error("cut off");
    at += length;
    return bytes.subarray(at - length, at);
  }
}

/**
 * One item, in its shortest form.
 * @throws Error for a number that is not a safe integer
 */
export function encodeCbor(value: Encodable): Uint8Array<ArrayBuffer> {
  if (typeof value === "number") return value < 0 ? head(NEGATIVE, -1 - value) : head(UNSIGNED, value);
  if (typeof value === "bigint") throw new Error("a bigint cannot be encoded");
  if (typeof value === "string") return withLength(TEXT, utf8(value));
  if (typeof value === "boolean") return head(SIMPLE, value ? 21 : 20);
  if (value === null) return head(SIMPLE, 22);
  if (value instanceof Uint8Array) return withLength(BYTES, value);
  if (value instanceof CborSet) return concatBytes([head(TAG, SET_TAG), encodeCbor(value.members)]);
  if (Array.isArray(value)) return concatBytes([head(ARRAY, value.length), ...value.map(encodeCbor)]);
  const entries: [Encodable, Encodable][] = value instanceof Map ? [...value] : Object.entries(value);
  return concatBytes([head(MAP, entries.length), ...entries.flat().map(encodeCbor)]);
}

function withLength(major: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([head(major, bytes.length), bytes]);
}

function head(major: number, argument: number): Uint8Array<ArrayBuffer> {
  if (!Number.isSafeInteger(argument) || argument < 0) throw new Error(`${argument} cannot be encoded`);
  const top = major << 5;
  if (argument < 24) return Uint8Array.of(top | argument);
  const wide = new Uint8Array(9);
  new DataView(wide.buffer).setBigUint64(1, BigInt(argument));
  const [info, width] =
    argument < 0x100 ? [24, 1] : argument < 0x10000 ? [25, 2] : argument < 2 ** 32 ? [26, 4] : [27, 8];
  return concatBytes([Uint8Array.of(top | info!), wide.subarray(9 - width!)]);
}
