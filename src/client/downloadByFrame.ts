import { WORKER_MARK } from "../base/workerMark.ts";

/** By then a download has begun or has been answered with its error: the worker waits 40 s for first bytes at most. */
const FRAME_LIFE_MS = 120_000;

/**
 * Saves what a URL answers with `Content-Disposition: attachment`. By a hidden frame: a link with the `download`
 * attribute bypasses the Service Worker in Chromium, and a plain link closes the page's WebSockets in Firefox.
 *
 * A frame in which a document appears has not become a download. One from the worker is its error in words. A page from
 * elsewhere is most likely the one that brings the worker in and loads again, so the frame is left to it for its time.
 */
export function downloadByFrame(url: string, onFailed: (reason: string) => void): void {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  let isForeign = false;
  const end = (reason?: string) => {
    clearTimeout(timer);
    document.removeEventListener("securitypolicyviolation", hearViolation);
    frame.remove();
    if (reason !== undefined) onFailed(reason);
  };
  const hearViolation = ({ blockedURI, disposition }: SecurityPolicyViolationEvent) => {
    if (disposition === "enforce" && blockedURI === frame.src) end(FORBIDDEN);
  };
  const timer = setTimeout(() => end(isForeign ? PAST_THE_WORKER : undefined), FRAME_LIFE_MS);
  frame.addEventListener("load", () => {
    // Of another origin's document, or of the browser's own error page, nothing is to be seen.
    const shown = frame.contentDocument;
    if (shown !== null && isFromWorker(frame)) end(wordsOf(shown));
    else if (shown?.contentType === "text/html") isForeign = true;
    else end(PAST_THE_WORKER);
  });
  document.addEventListener("securitypolicyviolation", hearViolation);
  frame.src = url;
  document.body.append(frame);
}

function isFromWorker({ contentWindow }: HTMLIFrameElement): boolean {
  const [navigation] = contentWindow?.performance.getEntriesByType("navigation") ?? [];
  // There is none of an empty document.
  const timing = (navigation as PerformanceNavigationTiming | undefined)?.serverTiming ?? [];
  return timing.some(({ name }) => name === WORKER_MARK.value);
}

/** An error is plain text. Anything else is the file itself. */
function wordsOf({ contentType, body }: Document): string {
  return contentType === "text/plain" ? (body.textContent ?? "").trim() : NOT_A_DOWNLOAD;
}

const PAST_THE_WORKER =
  "The file could not be downloaded: the Service Worker did not answer. Reload the page and try again.";
const FORBIDDEN =
  "The file could not be downloaded: a download goes through a frame, and this page's Content-Security-Policy forbids " +
  "it. Add frame-src 'self' to that policy.";
const NOT_A_DOWNLOAD = "The file was shown in a hidden frame and not saved: its URL was not made with download: true.";
