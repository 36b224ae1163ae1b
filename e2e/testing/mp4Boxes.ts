/** A box of an MP4 file: where it starts, and how long it is with its 8-byte header (ISO/IEC 14496-12, 4.2). */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly length: number;
}

/** @throws Error for a box with a 64-bit size */
export function boxesIn(bytes: Uint8Array, from = 0, to = bytes.length): Box[] {
  const view = viewOf(bytes);
  const boxes: Box[] = [];
  for (let start = from; start < to; ) {
    const length = view.getUint32(start);
    if (length < 8) throw new Error("a box of this file has a 64-bit size");
    boxes.push({ type: new TextDecoder().decode(bytes.subarray(start + 4, start + 8)), start, length });
    start += length;
  }
  return boxes;
}

/**
 * Changes where an index (`moov`) says that its chunks are (`stco`, ISO/IEC 14496-12, 8.7.5), in place.
 * @throws Error if it has no 32-bit chunk offsets
 */
export function moveChunks(moov: Uint8Array, move: (offset: number) => number): void {
  const view = viewOf(moov);
  const fields = chunkOffsetFields(moov);
  for (const at of fields) view.setUint32(at, move(view.getUint32(at)));
}

/** Where the chunks of an index are in its file, in the order of the file. @throws as `moveChunks` */
export function chunkOffsets(moov: Uint8Array): number[] {
  const view = viewOf(moov);
  return chunkOffsetFields(moov)
    .map((at) => view.getUint32(at))
    .sort((one, other) => one - other);
}

function chunkOffsetFields(moov: Uint8Array): number[] {
  const view = viewOf(moov);
  const fields: number[] = [];
  const visit = (from: number, to: number): void => {
    for (const { type, start, length } of boxesIn(moov, from, to)) {
      if (["trak", "mdia", "minf", "stbl"].includes(type)) visit(start + 8, start + length);
      if (type !== "stco") continue;
      const count = view.getUint32(start + 12);
      for (let at = start + 16; at < start + 16 + 4 * count; at += 4) fields.push(at);
    }
  };
  visit(8, moov.length);
  if (fields.length === 0) throw new Error("there are no chunk offsets");
  return fields;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
