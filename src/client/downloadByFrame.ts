/** By then a download has begun or has been answered with its error: the worker waits 40 s for first bytes at most. */
const FRAME_LIFE_MS = 120_000;

/**
 * Saves what a URL answers with `Content-Disposition: attachment`. By a hidden frame: a link with the `download`
 * attribute bypasses the Service Worker in Chromium, and a plain link closes the page's WebSockets in Firefox.
 *
 * A frame in which a document appears has not become a download: that document is the error.
 */
export function downloadByFrame(url: string, onFailed: (reason: string) => void): void {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.addEventListener("load", () => {
    const reason = frame.contentDocument?.body?.textContent?.trim();
    frame.remove();
    onFailed(reason || "The file could not be downloaded.");
  });
  frame.src = url;
  document.body.append(frame);
  setTimeout(() => frame.remove(), FRAME_LIFE_MS);
}
