import { GridError } from "../base/GridError.ts";
import type { GridFile } from "../client/GridFile.ts";

/** It is handed over whole, and a phone has to have room for it in memory. */
const MOST_SHARED = 256 * 2 ** 20;

/** The last one: where reading it took longer than the browser remembers the click, the next click finds it here. */
let last: { readonly key: string; readonly file: File } | undefined;

/**
 * Offers a file to other apps of the device, "Save to Files" among them.
 *
 * @throws GridError TOO_LARGE above 256 MiB; UNSUPPORTED_CAP where the device takes no such file; what reading throws; the browser's own
 *   NotAllowedError where the click was too long ago: the same at the next click is done at once
 */
export async function shareFile(
  grid: GridFile,
  name: string,
  type: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (grid.size > MOST_SHARED) {
    const message = `A file of ${grid.size} bytes cannot be shared: at most ${MOST_SHARED} are handed to another app.`;
    throw new GridError("TOO_LARGE", { what: "the file to share", value: grid.size, limit: MOST_SHARED }, message);
  }
  const key = JSON.stringify([grid.url, grid.etag, name]);
  if (last?.key !== key) {
    const bytes = await grid.bytes(signal && { signal });
    last = { key, file: new File([bytes], name, { type }) };
  }
  const files = [last.file];
  if (!navigator.canShare?.({ files }))
    throw new GridError("UNSUPPORTED_CAP", { kind: type }, "This device shares no such file. Download it instead.");
  await navigator.share({ files }).catch((error: unknown) => {
    // The person has thought better of it.
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
  });
  last = undefined;
}
