import { sha256 } from "@noble/hashes/sha2.js";
import { tagPrefix } from "./taggedHash.ts";

// A call of crypto.subtle costs some tens of microseconds whatever its input; below about 1 KiB plain code is faster.
const SUBTLE_FROM = 1024;

/**
 * A buffer to be filled with a block or a segment and then hashed under a tag. The tag's netstring stands in the same
 * memory, in front of the bytes, so that the platform's bulk hash (which takes one contiguous input) needs no copy.
 */
export class HashableBuffer {
  /** The payload, zeroes at first. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #memory: Uint8Array<ArrayBuffer>;

  /** @param length of the payload, in bytes */
  constructor(tag: string, length: number) {
    const prefix = tagPrefix(tag);
    this.#memory = new Uint8Array(prefix.length + length);
    this.#memory.set(prefix);
    this.bytes = this.#memory.subarray(prefix.length);
  }

  /**
   * The tagged hash of the first `length` payload bytes (all of them unless given) as they are at the time of the call.
   * crypto.subtle copies its input before it returns, so the buffer may be written to again at once.
   */
  async hash(length: number = this.bytes.length): Promise<Uint8Array<ArrayBuffer>> {
    const input = this.#memory.subarray(0, this.bytes.byteOffset + length);
    const inner =
      input.length < SUBTLE_FROM ? sha256(input) : new Uint8Array(await crypto.subtle.digest("SHA-256", input));
    return sha256(inner);
  }
}
