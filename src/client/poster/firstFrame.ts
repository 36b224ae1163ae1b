import { fromErrorRecord } from "../../base/errorRecord.ts";
import type { GridError } from "../../base/GridError.ts";
import type { Grid } from "../Grid.ts";

/** A player that reads this much before it shows a frame looks for something that is not there. */
const MOST_READ = 16 * 2 ** 20;
/** Longer than the worker takes to say that a file cannot be read. */
const LIMIT_MS = 60_000;
/** The worker's word of a read that failed may come after the player has given up. */
const WORD_MS = 1_000;

/**
 * Has the browser's own player show the first frame of a film, without sound or playing, and hands the player over as soon as it does.
 *
 * @returns what `take` makes of it; undefined where the browser cannot play the film, or has no frame within the limits
 * @throws GridError where the film could not be read; the signal's reason
 */
export async function firstFrame<T>(
  grid: Grid,
  url: string,
  signal: AbortSignal | undefined,
  take: (video: HTMLVideoElement) => Promise<T>,
): Promise<T | undefined> {
  signal?.throwIfAborted();
  const video = document.createElement("video");
  const over = new AbortController();
  let failure: GridError | undefined;
  /** Reads are what the worker counts: a player says nothing of its own. */
  async function watchReads(end: () => void): Promise<void> {
    const delivered = new Map<string, number>();
    for await (const event of grid.reads({ signal: over.signal })) {
      if (event.url !== url) continue;
      if (event.type === "failed") {
        failure = fromErrorRecord(event.error);
        if (video.error) end();
      }
      delivered.set(event.id, event.delivered);
      if ([...delivered.values()].reduce((sum, each) => sum + each, 0) > MOST_READ) end();
    }
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const isThere = await new Promise<boolean>((resolve, reject) => {
      const end = () => resolve(false);
      timer = setTimeout(end, LIMIT_MS);
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
      video.addEventListener("loadeddata", () => resolve(true));
      video.addEventListener("error", () => {
        clearTimeout(timer);
        timer = setTimeout(end, failure ? 0 : WORD_MS);
      });
      watchReads(end).catch(end);
      video.muted = true;
      // Safari on a phone shows no frame of what is not inline.
      video.playsInline = true;
      video.preload = "metadata";
      video.src = url;
    });
    if (isThere && video.videoWidth > 0) return await take(video);
    if (failure) throw failure;
    return undefined;
  } finally {
    clearTimeout(timer);
    over.abort();
    video.removeAttribute("src");
    video.load();
  }
}
