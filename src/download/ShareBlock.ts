import type { BufferPool } from "../base/BufferPool.ts";
import type { LogScope } from "../base/EventLog.ts";
import { HashableBuffer } from "../hashing/HashableBuffer.ts";
import { BLOCK_TAG } from "../hashing/tags.ts";

/** Blocks whose pieces are shorter than this on average, in bytes, are put together at once. */
const SMALL_PIECE = 1024;

/** Compares a block's hash, made when it is asked for, with what the block hash tree promises. */
type Judge = (hash: () => Promise<Uint8Array>, signal: AbortSignal, asker: LogScope) => Promise<boolean>;

/** An UNVERIFIED block as its share gave it, and what it takes to judge it and what is made of it. */
export class ShareBlock {
  /** What comes with it of its segment: of an immutable file's the verified hash of its ciphertext, of a mutable one's the salt of its key. */
  readonly ofSegment: Uint8Array;
  readonly #length: number;
  readonly #memory: BufferPool;
  readonly #judge: Judge;
  #pieces: readonly Uint8Array[];
  #buffer: HashableBuffer | undefined;

  /** @param pieces of the block, `length` bytes together */
  constructor(pieces: readonly Uint8Array[], length: number, memory: BufferPool, ofSegment: Uint8Array, judge: Judge) {
    this.#pieces = pieces;
    this.#length = length;
    this.#memory = memory;
    this.ofSegment = ofSegment;
    this.#judge = judge;
    // Very many very small pieces take far more memory than what is in them, for as long as the block waits for others.
    if (pieces.length * SMALL_PIECE > length) this.#load();
  }

  /** In one place, where the decoder wants it: put there when this is first asked for. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#load().bytes;
  }

  /**
   * Does it match the block hash tree?
   * @throws GridError where the share does not bring the hashes to tell; the signal's reason
   */
  isGood(signal: AbortSignal, asker: LogScope): Promise<boolean> {
    return this.#judge(() => this.#load().hash(), signal, asker);
  }

  /** Says that it is done with: the memory of `bytes` will be used again. A second time does nothing. */
  release(): void {
    this.#pieces = [];
    this.#buffer?.release();
  }

  #load(): HashableBuffer {
    if (this.#buffer !== undefined) return this.#buffer;
    const buffer = new HashableBuffer(BLOCK_TAG, this.#length, this.#memory);
    let at = 0;
    for (const piece of this.#pieces) {
      buffer.bytes.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#buffer = buffer;
    return buffer;
  }
}
