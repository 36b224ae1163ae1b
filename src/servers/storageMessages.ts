import { type DecodeOptions, decode, encode, Tagged } from "cborg";

/** CBOR's registered tag for a set (IANA); the storage protocol sends every set of share numbers under it. */
const SET_TAG = 258;

/** What the storage protocol allows in a message and no more: no floats beyond numbers, no open-ended items, no guesses. */
const STRICT: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
  useMaps: true,
  tags: Tagged.preserve(SET_TAG),
};

/**
 * One CBOR item, with maps as Map and sets as cborg's Tagged.
 * @throws Error (cborg's, or a RangeError for absurd nesting) for anything that is not exactly one such item
 */
export function decodeMessage(bytes: Uint8Array): unknown {
  return decode(bytes, STRICT);
}

/** A message as CBOR; `shareSet` makes the sets in it. */
export function encodeMessage(message: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encode(message));
}

/** Share numbers as the set that the protocol wants. */
export function shareSet(shareNumbers: Iterable<number>): Tagged {
  return new Tagged(SET_TAG, [...shareNumbers]);
}

/** The members of a decoded set of share numbers; undefined if it is not one. A plain array is not a set. */
export function readShareSet(value: unknown): number[] | undefined {
  if (!(value instanceof Tagged) || value.tag !== SET_TAG || !Array.isArray(value.value)) return undefined;
  const members: unknown[] = value.value;
  return members.every(isShareNumber) ? members : undefined;
}

function isShareNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
