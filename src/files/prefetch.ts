import type { ByteRange } from "../base/range.ts";
import type { Background } from "./Background.ts";
import type { FileNode } from "./FileNode.ts";

/**
 * Reads a part of a file that somebody will probably want: its segments are in memory then, and on disk where the cache keeps what is read.
 * @throws what reading throws; the signal's reason
 */
export async function prefetch(
  node: FileNode,
  range: ByteRange,
  background: Background,
  signal: AbortSignal,
): Promise<void> {
  await background.turn(0, signal);
  const reader = node.read({ ...range, signal }).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    await background.turn(piece.value.length, signal);
  }
}
