import { concatBytes } from "./bytes.ts";
import type { ByteRange } from "./range.ts";
import { Spans } from "./Spans.ts";

interface Chunk {
  offset: number;
  bytes: Uint8Array;
}

/**
 * Bytes at positions, with gaps. Chunks are kept as they came, sorted and disjoint, and are copied only when they are read:
 * adding m chunks copies no bytes at all (joining them on arrival made the reference quadratic).
 */
export class DataSpans {
  #chunks: Chunk[] = [];

  /** Puts bytes at `offset`; where something was there already the new bytes win. The array is kept, not copied. */
  add(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.remove(offset, bytes.length);
    this.#chunks.splice(this.#firstEndingAfter(offset), 0, { offset, bytes });
  }

  /** Drops whatever is held of the range. */
  remove(offset: number, length: number): void {
    if (length <= 0) return;
    const end = offset + length;
    const from = this.#firstEndingAfter(offset);
    const kept: Chunk[] = [];
    let to = from;
    for (; to < this.#chunks.length; to++) {
      const chunk = this.#chunks[to] as Chunk;
      if (chunk.offset >= end) break;
      const chunkEnd = chunk.offset + chunk.bytes.length;
      if (chunk.offset < offset) {
        kept.push({ offset: chunk.offset, bytes: chunk.bytes.subarray(0, offset - chunk.offset) });
      }
      if (chunkEnd > end) kept.push({ offset: end, bytes: chunk.bytes.subarray(end - chunk.offset) });
    }
    this.#chunks.splice(from, to - from, ...kept);
  }

  /** Is every byte of the range held? An empty range always is. */
  holds(offset: number, length: number): boolean {
    const end = offset + length;
    // The last byte first: mostly it is the one that is missing, and this is asked after each of very many small pieces.
    const last = this.#chunks[this.#firstEndingAfter(end - 1)];
    if (length > 0 && (last === undefined || last.offset >= end)) return false;
    let at = offset;
    for (let i = this.#firstEndingAfter(offset); at < end; i++) {
      const chunk = this.#chunks[i];
      if (chunk === undefined || chunk.offset > at) return false;
      at = chunk.offset + chunk.bytes.length;
    }
    return true;
  }

  /**
   * The range in pieces, in order: views of the arrays that were added, which stay good whatever is removed later. Undefined where
   * a byte is missing; an empty range has no pieces.
   */
  pieces(offset: number, length: number): Uint8Array[] | undefined {
    if (!this.holds(offset, length)) return undefined;
    const end = offset + length;
    const pieces: Uint8Array[] = [];
    for (let i = this.#firstEndingAfter(offset), at = offset; at < end; i++) {
      const chunk = this.#chunks[i] as Chunk;
      const piece = chunk.bytes.subarray(at - chunk.offset, end - chunk.offset);
      pieces.push(piece);
      at += piece.length;
    }
    return pieces;
  }

  /** A copy of the range, or undefined where a byte is missing. An empty range gives an empty array, never undefined. */
  get(offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const pieces = this.pieces(offset, length);
    return pieces && concatBytes(pieces);
  }

  /** `get`, and what was got is dropped. A failing pop changes nothing. */
  pop(offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.get(offset, length);
    if (bytes !== undefined) this.remove(offset, length);
    return bytes;
  }

  /** The positions held. */
  spans(): Spans {
    return new Spans(this.chunks());
  }

  /** The chunks' ranges, ascending; neighbours are not joined. */
  *chunks(): Generator<ByteRange> {
    for (const { offset, bytes } of this.#chunks) yield { offset, length: bytes.length };
  }

  /** Index of the first chunk with a byte after `position - 1`. */
  #firstEndingAfter(position: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const chunk = this.#chunks[middle] as Chunk;
      if (chunk.offset + chunk.bytes.length <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
