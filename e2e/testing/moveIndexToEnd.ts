/** A box of an MP4 file: where it starts, and how long it is with its 8-byte header. */
interface Box {
  readonly type: string;
  readonly start: number;
  readonly length: number;
}

/**
 * The same film as another MP4 file: its index (`moov`) after the media data, as encoders write it that do not know the end when
 * they begin. The chunk offsets in `stco` move with the data (ISO/IEC 14496-12, 8.7.5).
 *
 * @throws Error unless the index is before the data, with 32-bit sizes and offsets
 */
export function moveIndexToEnd(mp4: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const boxes = boxesIn(mp4, 0, mp4.length);
  const moov = boxes.find(({ type }) => type === "moov");
  const mdat = boxes.find(({ type }) => type === "mdat");
  if (!moov || !mdat || moov.start > mdat.start) throw new Error("the index is not in front");
  const before = mp4.subarray(0, moov.start);
  const index = mp4.slice(moov.start, moov.start + moov.length);
  const after = mp4.subarray(moov.start + moov.length);
  if (shiftChunks(index, 8, index.length, -moov.length) === 0) throw new Error("there are no chunk offsets");
  const moved = new Uint8Array(mp4.length);
  moved.set(before);
  moved.set(after, before.length);
  moved.set(index, before.length + after.length);
  return moved;
}

/** Returns how many chunk offsets there were. */
function shiftChunks(bytes: Uint8Array, from: number, to: number, by: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let shifted = 0;
  for (const { type, start, length } of boxesIn(bytes, from, to)) {
    if (["trak", "mdia", "minf", "stbl"].includes(type)) shifted += shiftChunks(bytes, start + 8, start + length, by);
    if (type !== "stco") continue;
    const count = view.getUint32(start + 12);
    for (let at = start + 16; at < start + 16 + 4 * count; at += 4) view.setUint32(at, view.getUint32(at) + by);
    shifted += count;
  }
  return shifted;
}

function boxesIn(bytes: Uint8Array, from: number, to: number): Box[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const boxes: Box[] = [];
  for (let start = from; start < to; ) {
    const length = view.getUint32(start);
    if (length < 8) throw new Error("a box of this file has a 64-bit size");
    boxes.push({ type: new TextDecoder().decode(bytes.subarray(start + 4, start + 8)), start, length });
    start += length;
  }
  return boxes;
}
