import { type FileHandle, open } from "node:fs/promises";
import { uploadFailed } from "./uploadFailed.ts";

/** The file that is put onto the grid: read from the start to the end, as often as need be. */
export class PlainFile {
  readonly size: number;
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
  }

  /** @throws GridError UPLOAD_FAILED if there is no such file, or it is not a regular one */
  static async open(path: string): Promise<PlainFile> {
    const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
      throw uploadFailed(`${path} cannot be read (${error.code ?? error.message})`);
    });
    const stat = await handle.stat();
    if (stat.isFile()) return new PlainFile(path, handle, stat.size);
    await handle.close();
    throw uploadFailed(`${path} is not a regular file`);
  }

  /**
   * The whole file in pieces of `length` bytes, the last one shorter. A piece is only valid until the next one is asked
   * for: all share their memory.
   *
   * @throws GridError UPLOAD_FAILED if the file has become shorter or longer
   */
  async *pieces(length: number, signal: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    const memory = new Uint8Array(Math.min(length, this.size));
    for (let offset = 0; offset < this.size; offset += length) {
      signal.throwIfAborted();
      const piece = memory.subarray(0, Math.min(length, this.size - offset));
      await this.#fill(piece, offset);
      yield piece;
    }
    if ((await this.#handle.stat()).size !== this.size) throw this.#changed();
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
