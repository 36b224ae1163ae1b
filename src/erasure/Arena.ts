import type { BufferPool } from "../base/BufferPool.ts";
import { Spans } from "../base/Spans.ts";

/** Buffers start at multiples of a cache line. */
const LINE = 64;

/** Hands out parts of one ArrayBuffer; where they do not suffice, other memory. */
export class Arena implements BufferPool {
  readonly #buffer: ArrayBuffer;
  readonly #otherwise: BufferPool;
  readonly #free: Spans;

  /**
   * @param buffer must never be detached
   * @param start of the part of it that is to be handed out
   */
  constructor(buffer: ArrayBuffer, start: number, otherwise: BufferPool) {
    this.#buffer = buffer;
    this.#otherwise = otherwise;
    const from = Math.ceil(start / LINE) * LINE;
    this.#free = new Spans([{ offset: from, length: buffer.byteLength - from }]);
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    const size = roomFor(length);
    // The first that fits: the memory that is used stays small, and near.
    for (const { offset, length: room } of this.#free) {
      if (room < size) continue;
      this.#free.remove(offset, size);
      return new Uint8Array(this.#buffer, offset, length);
    }
    return this.#otherwise.take(length);
  }

  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.buffer === this.#buffer) this.#free.add(buffer.byteOffset, roomFor(buffer.length));
    else this.#otherwise.give(buffer);
  }
}

function roomFor(length: number): number {
  return Math.max(1, Math.ceil(length / LINE)) * LINE;
}
