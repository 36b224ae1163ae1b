import { boxesIn, moveChunks } from "./mp4Boxes.ts";

/**
 * The same film as another MP4 file: its index (`moov`) after the media data, as encoders write it that do not know the end when
 * they begin.
 *
 * @throws Error unless the index is before the data, with 32-bit sizes and offsets
 */
export function moveIndexToEnd(mp4: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const boxes = boxesIn(mp4);
  const moov = boxes.find(({ type }) => type === "moov");
  const mdat = boxes.find(({ type }) => type === "mdat");
  if (!moov || !mdat || moov.start > mdat.start) throw new Error("the index is not in front");
  const before = mp4.subarray(0, moov.start);
  const index = mp4.slice(moov.start, moov.start + moov.length);
  const after = mp4.subarray(moov.start + moov.length);
  moveChunks(index, (offset) => offset - moov.length);
  const moved = new Uint8Array(mp4.length);
  moved.set(before);
  moved.set(after, before.length);
  moved.set(index, before.length + after.length);
  return moved;
}
