import { withOwnSignal } from "../base/wait.ts";
import type { FileParts } from "../cache/FileParts.ts";
import type { SegmentSource } from "../download/Download.ts";
import type { DownloadContext } from "../download/DownloadContext.ts";
import { segmentLength } from "../formats/Geometry.ts";
import { pagesFor } from "../hashing/HashPages.ts";
import type { Background } from "./Background.ts";
import { ReadAhead } from "./ReadAhead.ts";

/** Where a file is fetched into, to be kept for good. */
export interface FetchTarget extends FileParts {
  /** Looks up what there is. Never rejects. */
  load(): Promise<void>;
  /** @param willWait of who brings no more while `isFull` */
  putSegment(segment: number, ciphertext: Uint8Array, willWait?: boolean): void;
  /** Is so much waiting that whoever brings more should `flush` first? */
  readonly isFull: boolean;
  /**
   * Resolves when all that was put is written.
   * @throws GridError STORE_FULL, STORE_UNAVAILABLE, of an earlier write too: what was put since the last `flush` may be lost
   */
  flush(): Promise<void>;
}

/**
 * Fetches what is missing of a file: what other memories have of it is not fetched again. Several segments are on their way at once; at
 * most a read's window of them and what waits to be written is in memory. What was fetched before a failure is written, or will be.
 *
 * @param download which has read nothing yet: it puts the facts that it verifies on its way into `target`, and its segments are put here
 * @throws GridError what reading throws; STORE_FULL, STORE_UNAVAILABLE; the signal's reason
 */
export async function fetchMissing(
  download: SegmentSource,
  target: FetchTarget,
  context: DownloadContext,
  background: Background | undefined,
  signal: AbortSignal,
): Promise<void> {
  await target.load();
  await withOwnSignal(signal, async (own) => {
    const leave = download.enter();
    const log = context.scope.child("keep");
    try {
      const geometry = await download.geometry(0, own, log);
      const isMissing = (segment: number): boolean =>
        !target.hasSegment(segment) ||
        pagesFor(geometry.segmentCount, segment).some(({ firstNode }) => !target.hasFact(firstNode));
      const take = async (segment: number, bytes: Uint8Array): Promise<void> => target.putSegment(segment, bytes, true);
      const ahead = new ReadAhead(
        async (segment, wanted) => {
          if (!isMissing(segment)) return true;
          await background?.turn(segmentLength(geometry, segment), wanted);
          await download.segment(segment, (bytes) => take(segment, bytes), wanted, log);
          return true;
        },
        geometry,
        { offset: 0, length: geometry.size },
        context,
        own,
      );
      while ((await ahead.next()) !== undefined) if (target.isFull) await target.flush();
      await target.flush();
    } finally {
      leave();
    }
  });
}
