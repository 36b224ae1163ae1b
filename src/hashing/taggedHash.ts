import { utf8 } from "../base/bytes.ts";
import { hashTwice } from "./doubleHash.ts";
import { netstring } from "./netstring.ts";

/** Bytes in every hash of an immutable file. */
export const HASH_LENGTH = 32;

/**
 * SHA-256(SHA-256(netstring(tag) || parts)), at once: for short inputs. A block or a segment is hashed many times
 * faster through a HashableBuffer.
 *
 * @param tag one of the constants of tags.ts, or bytes where a tag has a secret in it
 */
export function taggedHash(tag: string | Uint8Array, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return hashTwice(tagPrefix(tag), ...parts);
}

/** SHA-256(SHA-256(netstring(tag) || netstring(a) || netstring(b))). */
export function taggedPairHash(tag: string, a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedHash(tag, netstring(a), netstring(b));
}

/** netstring(tag): what every hash under this tag starts with. Not to be written to. */
export function tagPrefix(tag: string | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof tag !== "string") return netstring(tag);
  let prefix = prefixes.get(tag);
  if (prefix === undefined) {
    prefix = netstring(utf8(tag));
    prefixes.set(tag, prefix);
  }
  return prefix;
}

// Text tags are the few constants of tags.ts, never something from outside, so this stays small.
const prefixes = new Map<string, Uint8Array<ArrayBuffer>>();
