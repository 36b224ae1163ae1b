import { sha256 } from "@noble/hashes/sha2.js";
import { tagPrefix } from "./taggedHash.ts";

// A call of crypto.subtle costs some tens of microseconds whatever its input; below about 1 KiB plain code is faster.
const SUBTLE_FROM = 1024;

/** Buffers that were given back, all of one length, and how many bytes of them are kept. */
let spare: Uint8Array<ArrayBuffer>[] = [];
const SPARE_BYTES = 4 * 1024 * 1024;

/**
 * A buffer to be filled with a block or a segment and then hashed under a tag. The tag's netstring stands in the same
 * memory, in front of the bytes, so that the platform's bulk hash (which takes one contiguous input) needs no copy.
 */
export class HashableBuffer {
  /** The payload, to be filled: what is in it at first is left over from an earlier use. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #memory: Uint8Array<ArrayBuffer>;

  /** @param length of the payload, in bytes */
  constructor(tag: string, length: number) {
    const prefix = tagPrefix(tag);
    const size = prefix.length + length;
    this.#memory = (spare[0]?.length === size ? spare.pop() : undefined) ?? new Uint8Array(size);
    this.#memory.set(prefix);
    this.bytes = this.#memory.subarray(prefix.length);
  }

  /**
   * Gives the memory back for the next buffer of this length, which then need not be cleared nor come into the processor's cache again.
   * Nobody may look at `bytes` any more.
   */
  release(): void {
    const size = this.#memory.length;
    if (spare[0]?.length !== size) spare = [];
    if ((spare.length + 1) * size <= SPARE_BYTES) spare.push(this.#memory);
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
