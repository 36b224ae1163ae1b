import { clip } from "../base/clip.ts";
import type { ByteRange } from "../base/range.ts";
import { toStream } from "../base/toStream.ts";
import type { Download } from "../download/Download.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { CTR_PIECE, decryptCtr } from "../hashing/ctr.ts";
import type { FileNode, ReadOptions } from "./FileNode.ts";
import { ReadAhead } from "./ReadAhead.ts";

/** A file whose ciphertext is on the grid. */
export class ImmutableFile implements FileNode {
  readonly size: number;
  readonly #key: Promise<CryptoKey>;
  readonly #download: Download;
  readonly #context: DownloadContext;

  /** @param key of the file's cipher; a rejection shows in every read */
  constructor(size: number, key: Promise<CryptoKey>, download: Download, context: DownloadContext) {
    this.size = size;
    this.#key = key;
    this.#download = download;
    this.#context = context;
  }

  read(options: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const range = clip(options, this.size);
    return toStream((signal) => this.#pieces(range, signal), options.signal);
  }

  /**
   * The plaintext, a segment's worth at a time or less.
   * @param signal is aborted when it ends before it is done, and the window is dropped then
   */
  async *#pieces({ offset, length }: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    if (length === 0) return;
    const leave = this.#download.enter();
    const log = this.#context.scope.child("read");
    log.log("info", "start", () => ({ offset, length }));
    let read = 0;
    try {
      const geometry = await this.#download.geometry(offset, signal, log);
      const end = offset + length;
      const key = await this.#key;
      const decipher = (segment: number, ciphertext: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[]> => {
        const start = segment * geometry.segmentSize;
        const to = Math.min(end, start + ciphertext.length);
        const pieces: Promise<Uint8Array<ArrayBuffer>>[] = [];
        for (let at = Math.max(offset, start); at < to; at += CTR_PIECE) {
          pieces.push(decryptCtr(key, at, ciphertext.subarray(at - start, Math.min(at + CTR_PIECE, to) - start)));
        }
        return Promise.all(pieces);
      };
      const ahead = new ReadAhead(
        (segment, own) => this.#download.segment(segment, (bytes) => decipher(segment, bytes), own, log),
        geometry,
        { offset, length },
        this.#context.limits,
        () => this.#context.health.underWay(geometry.needed),
        signal,
      );
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
