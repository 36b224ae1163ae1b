import { BROWSER_FETCH, type HandOver } from "../base/Keep.ts";
import { isAnnouncement } from "../channel/messages.ts";

/** Background Fetch, of which TypeScript's libraries know nothing: https://wicg.github.io/background-fetch/. */
interface WithBackgroundFetch {
  readonly backgroundFetch?: {
    fetch(id: string, requests: Request[], options: { title: string; downloadTotal: number }): Promise<unknown>;
  };
}

/** Shares are a little more than the file: hash trees, a header, a UEB. A server that sends more than this is cut off. */
const MOST_OVERHEAD = 1.02;
const MOST_HEAD = 64 * 1024;

/**
 * Hands what is being kept over to the browser, where it can do that, when this page is left: with the last page the worker ends.
 * Chromium lets pages begin such a fetch, and no workers; it takes one that is begun while the page is closed.
 *
 * @returns what is to be told, again and again, what is unfinished; undefined where the browser takes nothing over
 */
export function handOverOnLeaving(
  registration: ServiceWorkerRegistration & WithBackgroundFetch,
  container: ServiceWorkerContainer,
): ((unfinished: readonly HandOver[]) => void) | undefined {
  const { backgroundFetch } = registration;
  if (backgroundFetch === undefined) return undefined;
  let present: readonly HandOver[] = [];
  container.addEventListener("message", ({ data }) => {
    if (!isAnnouncement(data) || data.kind !== "keep" || data.content.state === "keeping") return;
    const over = data.content.id;
    present = present.filter(({ id }) => id !== over);
  });
  const handOver = async ({ id, size, urls }: HandOver): Promise<void> => {
    const downloadTotal = Math.ceil(size * MOST_OVERHEAD) + urls.length * MOST_HEAD;
    const options = { title: "Keeping a file offline", downloadTotal };
    await backgroundFetch.fetch(BROWSER_FETCH + id, urls.map(wholeShare), options);
  };
  const leave = (): void => {
    // It is there already, or not allowed: the next page goes on.
    for (const each of present) handOver(each).catch(() => undefined);
  };
  addEventListener("pagehide", leave);
  // A telephone's browser ends frozen pages without another word.
  document.addEventListener("freeze", leave);
  return (unfinished) => {
    present = unfinished;
  };
}

/** Without a range: of an answer to one, Chromium's Background Fetch hands over no bytes. */
function wholeShare(url: string): Request {
  const headers = { Accept: "application/octet-stream" };
  return new Request(url, { headers, credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" });
}
