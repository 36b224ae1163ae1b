import { CborSet, decodeCbor, type Encodable, encodeCbor } from "./cbor.ts";

/**
 * One CBOR item, with maps as Map and sets as CborSet.
 * @throws Error for anything that is not exactly one such item
 */
export function decodeMessage(bytes: Uint8Array): unknown {
  return decodeCbor(bytes);
}

/** A message as CBOR; `shareSet` makes the sets in it. */
export function encodeMessage(message: Encodable): Uint8Array<ArrayBuffer> {
  return encodeCbor(message);
}

/** Share numbers as the set that the protocol wants. */
export function shareSet(shareNumbers: Iterable<number>): CborSet {
  return new CborSet([...shareNumbers]);
}

/** The members of a decoded set of share numbers; undefined if it is not one. A plain array is not a set. */
export function readShareSet(value: unknown): number[] | undefined {
  return value instanceof CborSet && value.members.every(isShareNumber) ? [...value.members] : undefined;
}

function isShareNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
