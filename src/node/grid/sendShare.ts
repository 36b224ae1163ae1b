import type { FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import type { ByteRange } from "../../base/range.ts";
import { HEADER_LENGTH_V2, parseShareLayout } from "../../formats/ShareLayout.ts";
import type { Dials } from "./Dials.ts";
import { MOST_PIECE, type Pacer } from "./Pacer.ts";

/**
 * Sends a range of a share as the body of a response whose head is set, streaming from disk, as fast and as truthfully as
 * the dials let it.
 *
 * @param sent is told of each piece that goes out
 * @param signal is aborted when the client leaves
 */
export async function sendShare(
  response: ServerResponse,
  share: FileHandle,
  range: ByteRange,
  pacer: Pacer,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const spoilt = await spoiltRange(share, pacer.dials.corrupt);
  const length = pacer.dials.short ? Math.floor(range.length / 2) : range.length;
  const end = range.offset + length;
  // One for all pieces, each gone before the next is read: with new ones the collector took a third of the server's time.
  const room = new Uint8Array(Math.min(MOST_PIECE, length));
  for (let at = range.offset; at < end; ) {
    const { bytesRead } = await share.read(room, 0, Math.min(pacer.pieceLength, end - at), at);
    if (bytesRead === 0) break;
    const bytes = room.subarray(0, bytesRead);
    spoil(bytes, at, spoilt);
    await pacer.beforeSending(bytesRead, signal);
    sent(bytesRead);
    await written(response, bytes, signal);
    at += bytesRead;
  }
}

function written(response: ServerResponse, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // A response whose client has left may never tell what became of a write.
    const left = () => reject(signal.reason);
    if (signal.aborted) return left();
    signal.addEventListener("abort", left, { once: true });
    response.write(bytes, (error) => {
      signal.removeEventListener("abort", left);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Which bytes of the share are to be wrong: half-open. */
async function spoiltRange(share: FileHandle, corrupt: Dials["corrupt"]): Promise<{ start: number; end: number }> {
  if (corrupt === "none") return { start: 0, end: 0 };
  if (corrupt === "all") return { start: 0, end: Number.POSITIVE_INFINITY };
  const { buffer, bytesRead } = await share.read(new Uint8Array(HEADER_LENGTH_V2), 0, HEADER_LENGTH_V2, 0);
  const { dataOffset, ciphertextTreeOffset, blockTreeOffset } = parseShareLayout(buffer.subarray(0, bytesRead));
  // The three trees have one size, and the unused one follows the blocks.
  return { start: dataOffset, end: 2 * ciphertextTreeOffset - blockTreeOffset };
}

function spoil(bytes: Uint8Array, offset: number, { start, end }: { start: number; end: number }): void {
  for (let i = Math.max(0, start - offset); i < Math.min(bytes.length, end - offset); i++) bytes[i]! ^= 1;
}
