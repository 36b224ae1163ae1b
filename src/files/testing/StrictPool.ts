import type { BufferPool } from "../../base/BufferPool.ts";

const RUBBISH = 0xa5;

/** Memory that spoils what is given back, so that whoever still looks at it is found out, and counts what is not. */
export class StrictPool implements BufferPool {
  readonly #taken = new Set<Uint8Array>();

  /** Buffers that nobody has given back yet. */
  get takenCount(): number {
    return this.#taken.size;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(length).fill(RUBBISH);
    this.#taken.add(buffer);
    return buffer;
  }

  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (!this.#taken.delete(buffer)) throw new Error("something was given back that was not taken, or twice");
    buffer.fill(RUBBISH);
  }
}
