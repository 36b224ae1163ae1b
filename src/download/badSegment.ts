import { GridError } from "../base/GridError.ts";

/** Every block is what the uploader stored, but an uploader may have stored shares that decode to different files. */
export function badSegment(segment: number, storageIndexText: string): GridError<"BAD_SEGMENT"> {
  const storageIndexPrefix = storageIndexText.slice(0, 12);
  return new GridError(
    "BAD_SEGMENT",
    { segment, storageIndexPrefix },
    `Segment ${segment} of the file ${storageIndexPrefix}… is not what its cap promises though its shares are intact: ` +
      "it was broken when it was uploaded.",
  );
}
