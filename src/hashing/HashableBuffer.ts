import type { BufferPool } from "../base/BufferPool.ts";
import { doubleHash } from "./doubleHash.ts";
import { tagPrefix } from "./taggedHash.ts";

/** The bytes start at such a multiple in their memory, which is kind to vector instructions. */
const ALIGNMENT = 64;

/**
 * A buffer to be filled with a block or a segment and then hashed under a tag. The tag's netstring stands in the same
 * memory, in front of the bytes, so that the platform's bulk hash (which takes one contiguous input) needs no copy.
 */
export class HashableBuffer {
  /** The payload, to be filled: what is in it at first is left over from an earlier use. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #memory: BufferPool;
  readonly #prefixLength: number;
  #whole: Uint8Array<ArrayBuffer> | undefined;

  /**
   * @param length of the payload, in bytes
   * @param memory to take from, and to release to
   */
  constructor(tag: string, length: number, memory: BufferPool) {
    const prefix = tagPrefix(tag);
    const front = Math.ceil(prefix.length / ALIGNMENT) * ALIGNMENT;
    this.#memory = memory;
    this.#prefixLength = prefix.length;
    this.#whole = memory.take(front + length);
    this.#whole.set(prefix, front - prefix.length);
    this.bytes = this.#whole.subarray(front);
  }

  /** Gives the memory back. Nobody may look at `bytes` any more. A second time does nothing. */
  release(): void {
    if (this.#whole === undefined) return;
    this.#memory.give(this.#whole);
    this.#whole = undefined;
  }

  /**
   * The tagged hash of the first `length` payload bytes (all of them unless given) as they are at the time of the call:
   * the buffer may be written to, or released, at once.
   */
  hash(length: number = this.bytes.length): Promise<Uint8Array<ArrayBuffer>> {
    const { buffer, byteOffset } = this.bytes;
    return doubleHash(new Uint8Array(buffer, byteOffset - this.#prefixLength, this.#prefixLength + length));
  }
}
