import { crc32, joinCrcs } from "./crc32.ts";

/** A file's CRC-32 is put together from those of its pieces of this many bytes, the last one shorter. */
export const PIECE = 16 * 1024 * 1024;

/**
 * The CRC-32s of an archive's files, as far as they are known. A piece that was read whole, in passing, is known from then on, in whichever order
 * pieces come: so a download that goes on where it broke off, or that comes in several parts, has to read again what it cut a piece
 * in, and no more. Twelve bytes for a file, and eight for each further 16 MiB of it.
 */
export class PieceCrcs {
  readonly #sizes: Float64Array;
  /** The number of each file's first piece, and of all pieces. */
  readonly #first: Uint32Array;
  /** NaN where it is not known. */
  readonly #crcs: Float64Array;

  /** @param sizes of the files, in bytes */
  constructor(sizes: Float64Array) {
    this.#sizes = sizes;
    this.#first = new Uint32Array(sizes.length + 1);
    for (const [file, size] of sizes.entries()) this.#first[file + 1] = this.#first[file]! + Math.ceil(size / PIECE);
    this.#crcs = new Float64Array(this.#first[sizes.length]!).fill(Number.NaN);
  }

  /** Offsets of the file's pieces that are not known. */
  missing(file: number): number[] {
    const crcs = this.#crcs.subarray(this.#first[file], this.#first[file + 1]);
    return [...crcs.keys()].filter((piece) => Number.isNaN(crcs[piece]!)).map((piece) => piece * PIECE);
  }

  /** The file's CRC-32, of which nothing is missing; 0 for an empty one. */
  of(file: number): number {
    const size = this.#sizes[file]!;
    let crc = 0;
    for (let piece = this.#first[file]!, offset = 0; offset < size; piece++, offset += PIECE)
      crc = joinCrcs(crc, this.#crcs[piece]!, Math.min(PIECE, size - offset));
    return crc;
  }

  /** Takes down what a read of the file brings from an offset on: to be called with each of its chunks, in order. */
  follow(file: number, offset: number): (chunk: Uint8Array) => void {
    const size = this.#sizes[file]!;
    let at = offset;
    // Of a piece whose start went by before, nothing can be said.
    let crc = offset % PIECE === 0 ? 0 : Number.NaN;
    return (chunk) => {
      for (let from = 0; from < chunk.length; ) {
        const pieceEnd = Math.min(size, (Math.floor(at / PIECE) + 1) * PIECE);
        const to = Math.min(chunk.length, from + pieceEnd - at);
        if (!Number.isNaN(crc)) crc = crc32(chunk.subarray(from, to), crc);
        at += to - from;
        from = to;
        if (at < pieceEnd) continue;
        if (!Number.isNaN(crc)) this.#crcs[this.#first[file]! + Math.ceil(at / PIECE) - 1] = crc;
        crc = 0;
      }
    };
  }
}
