import { taggedHash } from "../hashing/taggedHash.ts";
import { STORAGE_INDEX_TAG } from "../hashing/tags.ts";
import { encodeBase32 } from "./base32.ts";

/** Bytes in a storage index, and in a key. */
const STORAGE_INDEX_LENGTH = 16;

/** The 16 bytes under which servers file the shares of an immutable file, from the file's 16-byte key. */
export function storageIndexOf(key: Uint8Array): Uint8Array<ArrayBuffer> {
  return taggedHash(STORAGE_INDEX_TAG, key).slice(0, STORAGE_INDEX_LENGTH);
}

/** A storage index as it stands in a storage server's URLs: 26 characters of base32. */
export function storageIndexText(storageIndex: Uint8Array): string {
  return encodeBase32(storageIndex);
}
