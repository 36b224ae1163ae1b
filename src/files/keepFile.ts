import { withOwnSignal } from "../base/wait.ts";
import type { KeptFile } from "../cache/KeptFile.ts";
import type { Download } from "../download/Download.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { pagesFor } from "../hashing/HashPages.ts";
import { ReadAhead } from "./ReadAhead.ts";

/**
 * Fetches what is missing of a file that is kept offline: what other memories have of it is not fetched again. Several segments are on
 * their way at once; at most a read's window of them and what waits to be written is in memory. What was fetched before a failure is
 * written, or will be.
 *
 * @param download which has read nothing yet: what it verifies on its way is put into `kept` by its memory
 * @throws GridError what reading throws; STORE_FULL, STORE_UNAVAILABLE; the signal's reason
 */
export async function keepFile(
  download: Download,
  kept: KeptFile,
  { limits, health, scope }: DownloadContext,
  signal: AbortSignal,
): Promise<void> {
  await kept.load();
  await withOwnSignal(signal, async (own) => {
    const leave = download.enter();
    const log = scope.child("keep");
    try {
      const geometry = await download.geometry(0, own, log);
      const isMissing = (segment: number): boolean =>
        !kept.hasSegment(segment) ||
        pagesFor(geometry.segmentCount, segment).some(({ firstNode }) => !kept.hasFact(firstNode));
      const take = async (segment: number, bytes: Uint8Array): Promise<void> => kept.putSegment(segment, bytes, true);
      const ahead = new ReadAhead(
        async (segment, wanted) => {
          if (isMissing(segment)) await download.segment(segment, (bytes) => take(segment, bytes), wanted, log);
          return true;
        },
        geometry,
        { offset: 0, length: geometry.size },
        limits,
        () => health.underWay(geometry.needed),
        own,
      );
      while ((await ahead.next()) !== undefined) if (kept.isFull) await kept.flush();
      await kept.flush();
    } finally {
      leave();
    }
  });
}
