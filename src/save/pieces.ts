import { equalBytes } from "../base/bytes.ts";

/** What is on disk is verified piece by piece. A file's last one is shorter. */
export const PIECE = 2 ** 20;
/** Bytes of a SHA-256. */
export const DIGEST = 32;

export type Bytes = Uint8Array<ArrayBuffer>;

/** Cuts a stream into pieces. The rest comes last, and not where the stream fails. */
export async function* inPieces(stream: ReadableStream<Bytes>): AsyncGenerator<Bytes, void> {
  let piece = new Uint8Array(PIECE);
  let filled = 0;
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      for (let chunk = read.value; chunk.length > 0; ) {
        const part = chunk.subarray(0, PIECE - filled);
        piece.set(part, filled);
        filled += part.length;
        chunk = chunk.subarray(part.length);
        if (filled < PIECE) continue;
        yield piece;
        piece = new Uint8Array(PIECE);
        filled = 0;
      }
    }
    if (filled > 0) yield piece.subarray(0, filled);
  } finally {
    // Where the loop was left: nothing is to come any more.
    reader.cancel().catch(() => undefined);
  }
}

export async function digestOf(piece: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", piece));
}

/**
 * How many bytes from the start of what is on disk are what was written: the person, another program or a crash may have changed it.
 *
 * @param digests of all pieces that were written, one after the other
 * @param size of the whole file
 */
export async function verifiedLength(disk: Blob, digests: Bytes, size: number, signal: AbortSignal): Promise<number> {
  let at = 0;
  for (let digest = 0; digest < digests.length && at < size; digest += DIGEST) {
    signal.throwIfAborted();
    const end = Math.min(at + PIECE, size);
    if (end > disk.size) break;
    const found = await digestOf(new Uint8Array(await disk.slice(at, end).arrayBuffer()));
    if (!equalBytes(found, digests.subarray(digest, digest + DIGEST))) break;
    at = end;
  }
  return at;
}
