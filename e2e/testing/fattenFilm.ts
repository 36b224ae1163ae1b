import { createCipheriv } from "node:crypto";
import { boxesIn, chunkOffsets, moveChunks } from "./mp4Boxes.ts";

/**
 * The same film as a larger MP4 file, about as large as wanted: noise that nothing points to stands before each chunk of media
 * data. So players have to read on while they play, as with a film of such a bitrate, and decode no more than before.
 *
 * @throws Error unless the index is before the data, with 32-bit sizes and offsets, and the data at the end
 */
export function fattenFilm(mp4: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const boxes = boxesIn(mp4);
  const moov = boxes.find(({ type }) => type === "moov");
  const mdat = boxes.at(-1);
  if (!moov || mdat?.type !== "mdat") throw new Error("the index is not in front of the data");
  const index = mp4.slice(moov.start, moov.start + moov.length);
  const chunks = [...new Set(chunkOffsets(index))];
  const gap = Math.ceil((size - mp4.length) / chunks.length);
  const fat = new Uint8Array(mp4.length + gap * chunks.length);
  const noise = createCipheriv("aes-128-ctr", new Uint8Array(16), new Uint8Array(16)).update(
    new Uint8Array(fat.length),
  );
  fat.set(noise);
  const places = new Map(chunks.map((offset, i) => [offset, offset + gap * (i + 1)]));
  moveChunks(index, (offset) => places.get(offset) ?? offset);
  fat.set(mp4.subarray(0, chunks[0]));
  fat.set(index, moov.start);
  new DataView(fat.buffer).setUint32(mdat.start, mdat.length + gap * chunks.length);
  for (const [i, offset] of chunks.entries()) fat.set(mp4.subarray(offset, chunks[i + 1]), places.get(offset));
  return fat;
}
