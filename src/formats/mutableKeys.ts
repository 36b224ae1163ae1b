import { taggedHash, taggedPairHash } from "../hashing/taggedHash.ts";
import {
  CHILD_CAP_KEY_TAG,
  DATA_KEY_TAG,
  FINGERPRINT_TAG,
  MUTABLE_STORAGE_INDEX_TAG,
  READ_KEY_TAG,
} from "../hashing/tags.ts";

/** Bytes of every key and storage index. */
const KEY_LENGTH = 16;

/** The read key that follows from a write key. */
export function readKeyOf(writeKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedHash(READ_KEY_TAG, writeKey).slice(0, KEY_LENGTH);
}

/** The storage index of a mutable file, from its read key. */
export function mutableStorageIndexOf(readKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedHash(MUTABLE_STORAGE_INDEX_TAG, readKey).slice(0, KEY_LENGTH);
}

/** The fingerprint of a public key (X.509 SubjectPublicKeyInfo, DER), which the cap promises. */
export function fingerprintOf(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedHash(FINGERPRINT_TAG, publicKey);
}

/** The key of a mutable file's cipher: one for each salt. */
export function dataKeyOf(salt: Uint8Array, readKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedPairHash(DATA_KEY_TAG, salt, readKey).slice(0, KEY_LENGTH);
}

/** The key under which a child's write cap stands in a directory. */
export function childCapKeyOf(salt: Uint8Array, writeKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedPairHash(CHILD_CAP_KEY_TAG, salt, writeKey).slice(0, KEY_LENGTH);
}
