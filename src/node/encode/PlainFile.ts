import type { Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { uploadFailed } from "./uploadFailed.ts";

/** The file that is put onto the grid: read from the start to the end, as often as need be. */
export class PlainFile {
  readonly size: number;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #modified: number;

  private constructor(path: string, handle: FileHandle, { size, mtimeMs }: Stats) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
    this.#modified = mtimeMs;
  }

  /** @throws GridError UPLOAD_FAILED if there is no such file, or it is not a regular one */
  static async open(path: string): Promise<PlainFile> {
    const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
      throw uploadFailed(`${path} cannot be read (${error.code ?? error.message})`);
    });
    const stat = await handle.stat();
    if (stat.isFile()) return new PlainFile(path, handle, stat);
    await handle.close();
    throw uploadFailed(`${path} is not a regular file`);
  }

  /**
   * The whole file in pieces of `length` bytes, the last one shorter. A piece is only valid until the next one is asked
   * for: all share their memory.
   *
   * @throws GridError UPLOAD_FAILED if the file was changed since it was opened: the key comes from a first reading, the shares
   *   from a second, and they must be of the same content
   */
  async *pieces(length: number, signal: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    const memory = new Uint8Array(Math.min(length, this.size));
    for (let offset = 0; offset < this.size; offset += length) {
      signal.throwIfAborted();
      const piece = memory.subarray(0, Math.min(length, this.size - offset));
      await this.#fill(piece, offset);
      yield piece;
    }
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size || mtimeMs !== this.#modified) throw this.#changed();
  }

  async #fill(piece: Uint8Array, offset: number): Promise<void> {
    for (let filled = 0; filled < piece.length; ) {
      const { bytesRead } = await this.#handle.read(piece, filled, piece.length - filled, offset + filled);
      if (bytesRead === 0) throw this.#changed();
      filled += bytesRead;
    }
  }

  #changed(): Error {
    return uploadFailed(`${this.#path} changed while it was read`);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
