/** By then a download has begun or has been answered with its error: the worker waits 40 s for first bytes at most. */
const FRAME_LIFE_MS = 120_000;

/**
 * Saves what a URL answers with `Content-Disposition: attachment`. By a hidden frame: a link with the `download`
 * attribute bypasses the Service Worker in Chromium, and a plain link closes the page's WebSockets in Firefox.
 *
 * A frame in which a document appears has not become a download. A text is the worker's error. Anything else came past
 * the worker: most likely the page that brings the worker in and loads again, so the frame is left to it for its time.
 */
export function downloadByFrame(url: string, onFailed: (reason: string) => void): void {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  let isForeign = false;
  const end = (reason?: string) => {
    clearTimeout(timer);
    frame.remove();
    if (reason !== undefined) onFailed(reason);
  };
  const timer = setTimeout(() => end(isForeign ? PAST_THE_WORKER : undefined), FRAME_LIFE_MS);
  frame.addEventListener("load", () => {
    // Of another origin's document, or of the browser's own error page, nothing is to be seen.
    const shown = frame.contentDocument;
    isForeign = shown?.contentType !== "text/plain";
    if (!isForeign) end(shown?.body?.textContent?.trim() || PAST_THE_WORKER);
    else if (shown === null) end(PAST_THE_WORKER);
  });
  frame.src = url;
  document.body.append(frame);
}

const PAST_THE_WORKER =
  "The file could not be downloaded: the Service Worker did not answer. Reload the page and try again.";
