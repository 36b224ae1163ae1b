import { bufferEvents } from "../base/bufferEvents.ts";
import { type Announcements, isAnnouncement } from "../channel/messages.ts";

/**
 * The worker's announcements of one kind, from the moment of the call on. Ends when `signal` aborts or when the loop over it
 * is left.
 *
 * @param isProgress of what more will follow soon: it is left out first where the listener is slow
 */
export function readEvents<Kind extends "read" | "keep">(
  container: ServiceWorkerContainer,
  kind: Kind,
  isProgress: (event: Announcements[Kind]) => boolean,
  signal?: AbortSignal,
): AsyncIterableIterator<Announcements[Kind]> {
  return bufferEvents<Announcements[Kind]>(
    (pass) => {
      const hear = ({ data }: MessageEvent) => {
        if (isAnnouncement(data) && data.kind === kind) pass(data.content as Announcements[Kind]);
      };
      container.addEventListener("message", hear);
      return () => container.removeEventListener("message", hear);
    },
    isProgress,
    signal,
  );
}
