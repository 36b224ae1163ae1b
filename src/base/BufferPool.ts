/**
 * Memory for large buffers that is used again. New memory costs more than a copy into it: the system clears each page at its first use,
 * and the garbage collector has it returned late.
 */
export interface BufferPool {
  /** A buffer; what is in it is left over from an earlier use. */
  take(length: number): Uint8Array<ArrayBuffer>;
  /** Gives back, once, just what `take` gave. Nobody may look at it, or write to it, any more. */
  give(buffer: Uint8Array<ArrayBuffer>): void;
}

/** Bytes in a pool's memory. Whoever has them releases them; nobody may look at them any more then. */
export interface LentBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  release(): void;
}

/** Keeps up to `keepBytes` of buffers that were given back, for the next ones of the same length. */
export function bufferPool(keepBytes: number): BufferPool {
  // By length: the blocks of a read are all alike, and so are its segments.
  const spare = new Map<number, Uint8Array<ArrayBuffer>[]>();
  let kept = 0;
  return {
    take(length) {
      const buffer = spare.get(length)?.pop();
      if (buffer === undefined) return new Uint8Array(length);
      kept -= length;
      return buffer;
    },
    give(buffer) {
      const { length } = buffer;
      if (kept + length > keepBytes) {
        // These lengths may have gone out of use: begin anew.
        spare.clear();
        kept = 0;
      }
      if (length > keepBytes) return;
      const alike = spare.get(length);
      if (alike === undefined) spare.set(length, [buffer]);
      else alike.push(buffer);
      kept += length;
    },
  };
}
