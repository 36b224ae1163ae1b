import type { UploadServer } from "./UploadServer.ts";
import { uploadFailed } from "./uploadFailed.ts";

/** Writes one share to one server, from its first byte to its last, in requests of a fixed size. */
export class ShareWriter {
  readonly shareNumber: number;
  readonly server: UploadServer;
  readonly #storageIndex: string;
  readonly #uploadSecret: string;
  readonly #signal: AbortSignal;
  #chunk: Uint8Array<ArrayBuffer>;
  #filled = 0;
  #offset = 0;
  #sending: Promise<boolean> = Promise.resolve(false);

  /** @param chunkLength bytes in a request; twice as many are held in memory */
  constructor(
    server: UploadServer,
    storageIndex: string,
    shareNumber: number,
    uploadSecret: string,
    chunkLength: number,
    signal: AbortSignal,
  ) {
    this.server = server;
    this.shareNumber = shareNumber;
    this.#storageIndex = storageIndex;
    this.#uploadSecret = uploadSecret;
    this.#chunk = new Uint8Array(chunkLength);
    this.#signal = signal;
  }

  /** Adds bytes, which may be used otherwise once this has resolved. Rejects if the server does not take what was added. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let taken = 0; taken < bytes.length; ) {
      const part = bytes.subarray(taken, taken + this.#chunk.length - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === this.#chunk.length) await this.#send();
    }
  }

  /** Writes what is left. Rejects unless the server then says that the share is complete. */
  async finish(): Promise<void> {
    if (this.#filled > 0) await this.#send();
    const isComplete = await this.#sending;
    if (!isComplete)
      throw uploadFailed(`server ${this.server.server.name} does not take share ${this.shareNumber} for complete`);
  }

  /** Tells the server to forget the share. */
  async abort(): Promise<void> {
    await this.server.abort(this.#storageIndex, this.shareNumber, this.#uploadSecret);
  }

  /** Waits for the chunk before, so that a share has one request under way, and starts on this one. */
  async #send(): Promise<void> {
    await this.#sending;
    const body = this.#chunk.subarray(0, this.#filled);
    const offset = this.#offset;
    this.#offset += body.length;
    this.#chunk = new Uint8Array(this.#chunk.length);
    this.#filled = 0;
    this.#sending = this.server.write(
      this.#storageIndex,
      this.shareNumber,
      offset,
      body,
      this.#uploadSecret,
      this.#signal,
    );
    // Its failure is met at the next chunk, or at the end.
    this.#sending.catch(() => undefined);
  }
}
