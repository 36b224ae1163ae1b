import { concatBytes } from "../base/bytes.ts";
import { clip } from "../base/clip.ts";
import { fill } from "../base/fill.ts";
import { GridError } from "../base/GridError.ts";
import { type ByteRange, overlaps } from "../base/range.ts";
import { toStream } from "../base/toStream.ts";
import type { FileNode, ReadOptions } from "../files/FileNode.ts";
import { ahead } from "./ahead.ts";
import { PIECE, PieceCrcs } from "./PieceCrcs.ts";
import type { ZipEntry } from "./ZipEntry.ts";
import { centralHeader, dataDescriptor, endRecords, localHeader } from "./zipRecords.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** A file up to this size is read whole, before its turn: each costs round trips, and of small ones there are many. */
const SMALL = 256 * 1024;
/** So many entries are worked on at once: 2 MiB of small files. */
const AHEAD = 8;
/** Less than this waits for what comes next, so that a stream does not hand on headers one by one. */
const LEAST_CHUNK = 4096;

/**
 * A ZIP archive of files on the grid, made while it is read: any range of it, and its size is known at once. It holds where each entry is, and what
 * is known of CRC-32s; all bytes are made, or read, when they are asked for. Two readers disturb each other in nothing.
 *
 * A range with no CRC-32 in it, which is all of a file's own bytes, reads just what it hands on. Where a data descriptor or the central
 * directory is in it, what is not known of the files' CRC-32s is read first, and remembered.
 */
export class ZipArchive implements FileNode {
  readonly size: number;
  readonly #entries: readonly ZipEntry[];
  readonly #open: (entry: ZipEntry, signal: AbortSignal) => Promise<FileNode>;
  readonly #crcs: PieceCrcs;
  /** Where each entry's local header begins, and where the last entry's descriptor ends. */
  readonly #offsets: Float64Array;
  /** Where each entry's central header begins, and where the last one ends. */
  readonly #centralOffsets: Float64Array;
  readonly #end: Chunk;

  /** @param open gives an entry's file as it is now */
  constructor(entries: readonly ZipEntry[], open: (entry: ZipEntry, signal: AbortSignal) => Promise<FileNode>) {
    this.#entries = entries;
    this.#open = open;
    this.#crcs = new PieceCrcs(Float64Array.from(entries, ({ size }) => size));
    this.#offsets = runningSums(0, entries, (entry) => {
      return localHeader(entry).length + entry.size + dataDescriptor(entry, 0).length;
    });
    const directory = this.#offsets.at(-1)!;
    this.#centralOffsets = runningSums(directory, entries, (entry, index) => {
      return centralHeader(entry, 0, this.#offsets[index]!).length;
    });
    const directoryEnd = this.#centralOffsets.at(-1)!;
    this.#end = endRecords(entries.length, directory, directoryEnd - directory);
    this.size = directoryEnd + this.#end.length;
  }

  read(options: ReadOptions = {}): ReadableStream<Chunk> {
    const range = clip(options, this.size);
    return toStream((own) => inChunks(this.#pieces(range, own)), options.signal);
  }

  async *#pieces(range: ByteRange, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    const files = this.#reached(this.#offsets, range);
    for await (const pieces of ahead(files, AHEAD, (index) => this.#file(index, range, signal))) yield* pieces;
    const headers = this.#reached(this.#centralOffsets, range);
    const header = async (index: number): Promise<Chunk> => {
      const bytes = centralHeader(this.#entries[index]!, await this.#crc(index, signal), this.#offsets[index]!);
      return cut(bytes, this.#centralOffsets[index]!, range);
    };
    yield* ahead(headers, AHEAD, header);
    yield cut(this.#end, this.size - this.#end.length, range);
  }

  /** What of the range is an entry's header, bytes and descriptor. Those of a small file are here when this resolves. */
  async #file(index: number, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Chunk> | Iterable<Chunk>> {
    const entry = this.#entries[index]!;
    const start = this.#offsets[index]!;
    const header = localHeader(entry);
    const dataStart = start + header.length;
    const from = Math.max(0, range.offset - dataStart);
    const to = Math.min(entry.size, range.offset + range.length - dataStart);
    const descriptor = async (): Promise<Chunk> => {
      const { length } = dataDescriptor(entry, 0);
      if (!overlaps(range, dataStart + entry.size, length)) return new Uint8Array();
      return cut(dataDescriptor(entry, await this.#crc(index, signal)), dataStart + entry.size, range);
    };
    const data = () => this.#read(index, { offset: from, length: to - from }, signal);
    const first = cut(header, start, range);
    if (entry.size <= SMALL) {
      const bytes = await fill(new Uint8Array(Math.max(0, to - from)), toStream(data, signal));
      return [first, bytes, await descriptor()];
    }
    return (async function* () {
      yield first;
      yield* data();
      yield await descriptor();
    })();
  }

  /** A part of a file; nothing for a part without bytes. */
  async *#read(index: number, part: ByteRange, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    if (part.length <= 0) return;
    const entry = this.#entries[index]!;
    const node = await this.#open(entry, signal);
    if (node.size !== entry.size || node.version !== entry.version) throw changed();
    const follow = this.#crcs.follow(index, part.offset);
    const reader = node.read({ ...part, signal }).getReader();
    let missing = part.length;
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      follow(read.value);
      missing -= read.value.length;
      yield read.value;
    }
    if (missing !== 0) throw cutShort();
  }

  async #crc(index: number, signal: AbortSignal): Promise<number> {
    for (const offset of this.#crcs.missing(index)) {
      const length = Math.min(PIECE, this.#entries[index]!.size - offset);
      for await (const _ of this.#read(index, { offset, length }, signal));
    }
    return this.#crcs.of(index);
  }

  /** The entries that the range reaches into, by where each begins and the last one ends. */
  *#reached(offsets: Float64Array, { offset, length }: ByteRange): Iterable<number> {
    let low = 0;
    for (let high = offsets.length - 1; low < high; ) {
      const middle = (low + high) >>> 1;
      if (offsets[middle + 1]! <= offset) low = middle + 1;
      else high = middle;
    }
    for (let index = low; index < offsets.length - 1 && offsets[index]! < offset + length; index++) yield index;
  }
}

function runningSums(
  start: number,
  entries: readonly ZipEntry[],
  lengthOf: (entry: ZipEntry, index: number) => number,
): Float64Array {
  const sums = new Float64Array(entries.length + 1);
  sums[0] = start;
  for (const [index, entry] of entries.entries()) sums[index + 1] = sums[index]! + lengthOf(entry, index);
  return sums;
}

/** What of `bytes`, which begin at `start`, is in the range. */
function cut(bytes: Chunk, start: number, { offset, length }: ByteRange): Chunk {
  const from = Math.max(0, offset - start);
  return bytes.subarray(from, Math.max(from, offset + length - start));
}

async function* inChunks(pieces: AsyncIterable<Chunk>): AsyncGenerator<Chunk, void> {
  let held: Chunk[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < LEAST_CHUNK) continue;
    yield held.length === 1 ? piece : concatBytes(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield concatBytes(held);
}

function changed(): GridError<"FILE_CHANGED"> {
  const message = "A file of this archive was overwritten since the archive was begun. Ask for the archive again.";
  return new GridError("FILE_CHANGED", {}, message);
}

/** What follows would stand in the wrong place, and the archive look whole. */
function cutShort(): GridError<"INTERNAL"> {
  const reason = "a file of an archive brought fewer or more bytes than its size";
  return new GridError("INTERNAL", { reason }, `This archive cannot be made: ${reason}.`);
}
