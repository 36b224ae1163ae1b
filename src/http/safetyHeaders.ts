import { WORKER_MARK } from "../base/workerMark.ts";

/**
 * What every answer carries, since a grid's files come from strangers and run on the app's own origin, and since their
 * URLs may hold caps.
 *
 * - No referrer: it would carry the cap away.
 * - `X-Frame-Options: SAMEORIGIN` and not a gateway's DENY: the app shows its own PDFs and downloads through a hidden
 *   frame; nobody else's page may frame them.
 * - `Cross-Origin-Resource-Policy`: nobody else's page may embed them either.
 * - `Cross-Origin-Embedder-Policy`: in a page that sends it itself, a frame's document has to carry it as well, and downloads
 *   go through a frame.
 * - `no-store`: a worker's answers never enter the HTTP cache, but they do enter a browser's media and back-forward
 *   caches. Caps are secrets and so is what they open; and it costs nothing: Chromium's player asks no
 *   more often for it (measured over seeks back and forth).
 * - The worker's mark: a page takes nothing for a file that does not carry it.
 */
export const SAFETY_HEADERS = {
  "Cache-Control": "private, no-store",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "SAMEORIGIN",
  [WORKER_MARK.name]: WORKER_MARK.value,
} as const;

/**
 * What a file that is not passive (see contentType) carries besides, so that it cannot act as the app when it is opened
 * as a document: an opaque origin without script, frames, forms or requests. Requests must be forbidden as well: those
 * of a sandboxed document bypass the worker, so a picture with a relative URL would show the document's own cap to the
 * web server.
 */
export const SANDBOX = [
  "sandbox",
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "media-src data:",
  "font-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * May a file be used so? Only in ways in which it cannot act as the app; whatever it is named, an app's own code does not come
 * from a grid. All other uses are refused, and those that browsers will have one day: script in a page or in a worker of
 * any kind, modules of JSON or text, style sheets (which read a page's secrets out by what they load), the app's manifest.
 * (Fetch Standard, "destination")
 */
export function isHarmlessUse({ destination, mode }: Request): boolean {
  // What a drawing in the page takes from another one by `<use>` becomes part of the page itself, and is fetched from the same origin
  // alone. Pictures never are: their requests allow other origins, with CORS or without. (SVG 2, "Linking"; HTML, "Images")
  if (destination === "image" && mode === "same-origin") return false;
  return HARMLESS_DESTINATIONS.has(destination);
}

const HARMLESS_DESTINATIONS: ReadonlySet<string> = new Set([
  // The app's own code reads it, by `fetch` and the like, or the browser saves it.
  "",
  // Decoded, and never run: a drawing in an `<img>` runs no script either. (HTML, "Embedded content"; CSS Fonts; SVG Integration, "secure
  // static mode")
  "audio",
  "font",
  "image",
  "track",
  "video",
  // Shown as a document of its own, which the sandbox and X-Frame-Options hold. (HTML: `embed` and `object` navigate what they contain, too)
  "document",
  "embed",
  "frame",
  "iframe",
  "object",
]);
