const KIB = 1024;
const LEAST = 512;
/** Up to here the room doubles. */
const MOST_SPARE = 64 * KIB;

/** Bytes that come in small pieces and go as one. They are copied into one piece of memory: an object for each would cost more than they do. */
export class GrowingBytes {
  #bytes = Buffer.allocUnsafeSlow(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }

  /** All of them, and begins anew. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(0);
    this.#length = 0;
    return taken;
  }

  #grow(needed: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(LEAST, needed + Math.min(needed, MOST_SPARE)));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
