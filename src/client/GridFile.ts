import { clip } from "../base/clip.ts";
import { fromErrorRecord, isErrorRecord } from "../base/errorRecord.ts";
import { fill } from "../base/fill.ts";
import { GridError } from "../base/GridError.ts";
import type { ByteRange } from "../base/range.ts";
import { toStream } from "../base/toStream.ts";
import { fetchFromWorker } from "./fetchFromWorker.ts";

/** What to read and for how long it matters. */
export interface FileReadOptions {
  /** First byte, 0 unless given. At or past the end of the file: nothing. */
  readonly offset?: number;
  /** Number of bytes; what lies past the end of the file is left out. To the end unless given. */
  readonly length?: number;
  /** Aborting stops the read, which then fails with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An answer that breaks off is asked for again from where it broke, so often in a row without a single byte. */
const MOST_FRUITLESS_TRIES = 3;
/** More is not asked for at once. Where servers are far and fast, smaller pieces would take longer. */
const PIECE = 16 * 2 ** 20;

type Chunk = Uint8Array<ArrayBuffer>;
type Body = ReadableStream<Chunk>;

/** A file on the grid, for reading any part of it in the page. */
export class GridFile {
  /** Where it is: as `grid.url` makes it. */
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  /** The entity tag of the version that was opened; null where that cannot be told from others. */
  readonly etag: string | null;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(url: string, size: number, etag: string | null) {
    this.url = url;
    this.size = size;
    this.etag = etag;
    // Two versions of a file that changes must not be put together.
    this.#headers = { ...WANTED, ...(etag && { "If-Match": etag }) };
  }

  /** Asks the worker how long the file is, which costs no network but where the file can change. */
  static async open(url: string, signal?: AbortSignal): Promise<GridFile> {
    const response = await fetchFromWorker(url, { method: "HEAD", headers: WANTED, signal: signal ?? null });
    if (response.ok && response.headers.has("Accept-Ranges")) {
      return new GridFile(url, Number(response.headers.get("Content-Length")), response.headers.get("ETag"));
    }
    // An answer to HEAD has no words. The error is the same for a GET.
    const headers = { ...WANTED, Range: "bytes=0-0" };
    throw await failure(await fetchFromWorker(url, { headers, signal: signal ?? null }));
  }

  /**
   * Reads a part, verified, in order and exactly. Nothing is fetched before the stream is read from, and never more than 24 MiB ahead
   * of its reader; its cancel stops the work. It errors where the bytes cannot be had and never ends early: where a browser ends the worker in mid-answer,
   * the rest is asked for again.
   *
   * @throws GridError BAD_RANGE at once for a negative, fractional or unsafe number. The stream errors with FILE_CHANGED where the
   *   file was overwritten since it was opened
   */
  read(options: FileReadOptions = {}): ReadableStream<Chunk> {
    const range = clip(options, this.size);
    return toStream((signal) => this.#chunks(range, signal), options.signal);
  }

  /**
   * Reads a part into memory.
   * @throws GridError BAD_ARGUMENT for more than the browser holds in one piece; what `read` throws, and its stream errors with
   */
  async bytes(options: FileReadOptions = {}): Promise<Chunk> {
    const whole = allocate(clip(options, this.size).length);
    return fill(whole, this.read(options));
  }

  /** Piece by piece, and none before it is wanted: Firefox and WebKit load all of an answer at full speed, whether anybody reads it or not. */
  async *#chunks({ offset, length }: ByteRange, signal: AbortSignal): AsyncGenerator<Chunk, void> {
    const end = offset + length;
    const endAfter = (at: number) => Math.min(at + PIECE, end);
    let early: Promise<Body | undefined> | undefined;
    for (let at = offset; at < end; ) {
      const pieceEnd = endAfter(at);
      const chunks = this.#piece(at, pieceEnd, early, signal);
      early = undefined;
      for await (const chunk of chunks) {
        at += chunk.length;
        // In time, so that whoever reads on waits for no round trip. Why it failed is told to whoever asks again.
        if (at > pieceEnd - PIECE / 2 && pieceEnd < end)
          early ??= this.#ask(pieceEnd, endAfter(pieceEnd), signal).catch(() => undefined);
        yield chunk;
      }
    }
  }

  /** @param early its answer, where it was asked for before */
  async *#piece(
    at: number,
    end: number,
    early: Promise<Body | undefined> | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Chunk, void> {
    let body = await early;
    for (let fruitless = 0; at < end; body = undefined) {
      const before = at;
      try {
        // In WebKit a long part that cannot be read may merely break off. Of one byte the worker says why.
        body ??= await this.#ask(at, fruitless ? at + 1 : end, signal);
        const reader = body.getReader();
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
          at += read.value.length;
          if (at > end) throw lost("its answer was longer than it said");
          yield read.value;
        }
      } catch (error) {
        signal.throwIfAborted();
        // Of a broken answer the browser says nothing but that. The reason is told to whoever asks again.
        if (!(error instanceof TypeError)) throw error;
      }
      // Firefox ends a stream that was cut as if it were whole: only the count tells.
      fruitless = at === before ? fruitless + 1 : 0;
      if (fruitless >= MOST_FRUITLESS_TRIES) throw lost("its answers broke off again and again");
    }
  }

  async #ask(at: number, end: number, signal: AbortSignal): Promise<Body> {
    const headers = { ...this.#headers, Range: `bytes=${at}-${end - 1}` };
    const response = await fetchFromWorker(this.url, { headers, signal });
    const { body } = response;
    const promised = `bytes ${at}-${end - 1}/${this.size}`;
    if (body !== null && response.headers.get("Content-Range") === promised) return body as Body;
    if (response.status === 412)
      throw new GridError("FILE_CHANGED", {}, "This file was overwritten since it was opened. Open it again.");
    throw await failure(response);
  }
}

function allocate(length: number): Chunk {
  try {
    return new Uint8Array(length);
  } catch (error) {
    // How much is too much differs from engine to engine, and with what is free.
    const message = `${length} bytes are more than this browser holds in one piece: read them in parts, or as a stream.`;
    throw new GridError("BAD_ARGUMENT", { argument: "length", reason: "too long" }, message, { cause: error });
  }
}

/** Errors are wanted with their codes. */
const WANTED = { Accept: "application/json" };

async function failure(response: Response): Promise<GridError> {
  const record: unknown = await response.json().catch(() => undefined);
  return isErrorRecord(record)
    ? fromErrorRecord(record)
    : lost(`the answer was HTTP ${response.status}, and not its own`);
}

function lost(reason: string): GridError<"NO_WORKER"> {
  return new GridError("NO_WORKER", { reason: "lost" }, `The Service Worker did not answer as it should: ${reason}.`);
}
