import { isGridError } from "../base/GridError.ts";
import { sleep } from "../base/wait.ts";
import { isAnnouncement } from "../channel/messages.ts";
import { GridFile } from "./GridFile.ts";
import { pageTimers } from "./pageTimers.ts";

/** Between two looks whether the file can be read again; doubled each time. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 10_000;
/** A player that stops so often in a row at one place, with nothing wrong with the reads, cannot play what is there. */
const MOST_TRIES = 3;
/** A player that waits so long, with nothing read for it meanwhile, waits for ever: WebKitGTK's does now and then, after a seek. */
const STUCK_MS = 30_000;
/** In seconds: two stops that are nearer than this are at one place. */
const ONE_PLACE = 1;

/** What each player plays here: another file takes the place of the one before. */
const attached = new WeakMap<HTMLMediaElement, AbortController>();

/**
 * Plays a grid URL and goes on after every interruption: WebKit's player asks once and gives up for good, with much still buffered, and
 * the others give up when an outage lasts. A player that has given up is loaded again at its place once the file can be read there.
 *
 * @param container tells which reads of the file have failed
 * @param signal takes the file off the player
 */
export function attach(
  media: HTMLMediaElement,
  url: string,
  container: ServiceWorkerContainer,
  signal?: AbortSignal,
): void {
  if (signal?.aborted) return;
  attached.get(media)?.abort();
  const stop = new AbortController();
  attached.set(media, stop);
  const over = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  let stood = { time: 0, rate: media.playbackRate, part: 0 };
  /** Where it is sought to and has not come yet, in seconds: WebKit's player falls back to where it was when a seek fails. */
  let sought: number | undefined;
  let isToPlay = false;
  let isLoading = false;
  let isReadsFault = false;
  let tries = 0;
  let isWaiting = false;
  let stopWaiting = () => {};

  container.addEventListener("message", hear, { signal: over });
  media.addEventListener("error", tryToGoOn, { signal: over });
  media.addEventListener("loadedmetadata", standAgain, { signal: over });
  media.addEventListener("seeking", () => seekTo(media.currentTime), { signal: over });
  media.addEventListener("seeked", () => seekTo(undefined), { signal: over });
  media.addEventListener("play", () => setPlaying(true), { signal: over });
  media.addEventListener("pause", () => setPlaying(false), { signal: over });
  for (const type of ["waiting", "stalled"]) media.addEventListener(type, beginWaiting, { signal: over });
  for (const type of ["playing", "timeupdate", "error", "emptied"])
    media.addEventListener(type, () => stopWaiting(), { signal: over });
  over.addEventListener("abort", () => stopWaiting());
  // The page has given it something else to play.
  media.addEventListener("emptied", () => media.src !== url && stop.abort(), { signal: over });
  media.src = url;
  signal?.addEventListener("abort", () => takeOff(media, url), { signal: stop.signal });

  function hear({ data }: MessageEvent): void {
    if (!isAnnouncement(data) || data.kind !== "read" || data.content.url !== url) return;
    if (data.content.type === "failed") isReadsFault = true;
    if (data.content.type === "progress" && isWaiting) beginWaiting();
  }

  function beginWaiting(): void {
    stopWaiting();
    isWaiting = true;
    const cancel = pageTimers.after(STUCK_MS, () => {
      stopWaiting();
      // At its end there is no more data, either.
      if (isToPlay && !isLoading && !media.ended && media.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) tryToGoOn();
    });
    stopWaiting = () => {
      isWaiting = false;
      cancel();
    };
  }

  function tryToGoOn(): void {
    void goOn().catch(() => undefined);
  }

  /** @throws the signal's reason; why the file will never be readable */
  async function goOn(): Promise<void> {
    const before = stood;
    // One that failed before it knew its film stands nowhere: it is still to be put where it stood before.
    if (media.readyState > HTMLMediaElement.HAVE_NOTHING) {
      const { currentTime, playbackRate: rate, duration } = media;
      const time = sought ?? currentTime;
      stood = { time, rate, part: time / duration || 0 };
    }
    // By then the worker has told of the read that failed.
    await sleep(FIRST_PAUSE_MS, pageTimers, over);
    tries = isReadsFault || Math.abs(stood.time - before.time) > ONE_PLACE ? 0 : tries + 1;
    isReadsFault = false;
    if (tries >= MOST_TRIES) return;
    await untilReadable(url, stood.part, over);
    isLoading = true;
    media.load();
  }

  function standAgain(): void {
    if (!isLoading) return;
    isLoading = false;
    sought = stood.time;
    media.currentTime = stood.time;
    media.playbackRate = stood.rate;
    // A browser may want a click first: the player then stands at its place.
    if (isToPlay) media.play().catch(() => undefined);
  }

  /** What ends or begins while it has failed, or is loaded anew, is not the person's seek. */
  function seekTo(time: number | undefined): void {
    if (media.error === null && !isLoading) sought = time;
  }

  /** What the person wants. Failing and loading pause a player, too. */
  function setPlaying(isPlaying: boolean): void {
    if (isPlaying || (media.error === null && !isLoading)) isToPlay = isPlaying;
  }
}

/** @param part how far into the file, from 0 to 1 */
async function untilReadable(url: string, part: number, signal: AbortSignal): Promise<void> {
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(2 * wait, LAST_PAUSE_MS)) {
    try {
      const file = await GridFile.open(url, signal);
      await file.bytes({ offset: Math.floor(part * file.size), length: 1, signal });
      return;
    } catch (error) {
      if (
        isGridError(error, "BAD_CAP") ||
        isGridError(error, "UNSUPPORTED_CAP") ||
        isGridError(error, "UNKNOWN_HANDLE")
      )
        throw error;
    }
    await sleep(wait, pageTimers, signal);
  }
}

function takeOff(media: HTMLMediaElement, url: string): void {
  if (media.src !== url) return;
  media.removeAttribute("src");
  // What is under way ends only so.
  media.load();
}
