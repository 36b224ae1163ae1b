import { clip } from "../base/clip.ts";
import type { LogScope } from "../base/EventLog.ts";
import type { ByteRange } from "../base/range.ts";
import { toStream } from "../base/toStream.ts";
import type { SegmentSource } from "../download/Download.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { segmentLength } from "../formats/Geometry.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import { ReadAhead } from "./ReadAhead.ts";

/**
 * Plaintext of a segment's bytes `from` to `to`, in pieces. The segment begins at `start` in the file. It must have taken all that it needs of
 * the ciphertext when it returns.
 */
export type Decipher = (
  ciphertext: Uint8Array<ArrayBuffer>,
  start: number,
  from: number,
  to: number,
) => Promise<Uint8Array<ArrayBuffer>[]>;

/** A file whose ciphertext is on the grid, of whatever kind. */
export class StoredFile implements FileNode {
  readonly size: number;
  readonly #decipher: Promise<Decipher>;
  readonly #source: SegmentSource;
  readonly #context: DownloadContext;

  /** @param decipher a rejection shows in every read */
  constructor(size: number, decipher: Promise<Decipher>, source: SegmentSource, context: DownloadContext) {
    this.size = size;
    this.#decipher = decipher;
    this.#source = source;
    this.#context = context;
  }

  read(options: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const range = clip(options, this.size);
    return toStream((signal) => this.#pieces(range, options.asker, signal), options.signal);
  }

  /**
   * The plaintext, a segment's worth at a time or less.
   * @param signal is aborted when it ends before it is done, and the window is dropped then
   */
  async *#pieces(
    { offset, length }: ByteRange,
    asker: LogScope | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    if (length === 0) return;
    const leave = this.#source.enter();
    const log = this.#context.scope.child("read");
    log.log("info", "start", () => ({ offset, length, ...(asker && { asker: asker.id }) }));
    let read = 0;
    try {
      const geometry = await this.#source.geometry(offset, signal, log);
      const decipher = await this.#decipher;
      const plaintextOf = (segment: number, own: AbortSignal): Promise<Uint8Array<ArrayBuffer>[]> => {
        const start = segment * geometry.segmentSize;
        const from = Math.max(0, offset - start);
        const to = Math.min(offset + length - start, segmentLength(geometry, segment));
        return this.#source.segment(segment, (ciphertext) => decipher(ciphertext, start, from, to), own, log);
      };
      const ahead = new ReadAhead(plaintextOf, geometry, { offset, length }, this.#context, signal);
      for (let pieces = await ahead.next(); pieces !== undefined; pieces = await ahead.next()) {
        for (const plaintext of pieces) {
          signal.throwIfAborted();
          read += plaintext.length;
          yield plaintext;
          ahead.took(plaintext.length);
        }
      }
    } finally {
      log.log("info", "end", () => ({ offset, length, read }));
      leave();
    }
  }
}
