import { WORKER_MARK } from "../base/workerMark.ts";

/**
 * What every answer carries, since a grid's files come from strangers and run on the app's own origin, and since their
 * URLs may hold caps.
 *
 * - No referrer: it would carry the cap away.
 * - `X-Frame-Options: SAMEORIGIN` and not a gateway's DENY: the app shows its own PDFs and downloads through a hidden
 *   frame; nobody else's page may frame them.
 * - `Cross-Origin-Resource-Policy`: nobody else's page may embed them either.
 * - `no-store`: a worker's answers never enter the HTTP cache, but they do enter a browser's media and back-forward
 *   caches. Caps are secrets and so is what they open; and it costs nothing: Chromium's player asks no
 *   more often for it (measured over seeks back and forth).
 * - The worker's mark: a page takes nothing for a file that does not carry it.
 */
export const SAFETY_HEADERS = {
  "Cache-Control": "private, no-store",
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
 * Uses of a file that would let it act as the app, where no sandbox reaches: as script in a page or a worker of any
 * kind, as a style sheet (which can read a page's secrets out by what it loads), as the app's manifest. They are refused
 * whatever the file is named: an app's own code does not come from a grid. (Fetch Standard, "destination")
 */
export function isActingDestination(destination: RequestDestination): boolean {
  return ACTING_DESTINATIONS.has(destination);
}

const ACTING_DESTINATIONS: ReadonlySet<string> = new Set([
  "script",
  "worker",
  "sharedworker",
  "serviceworker",
  "audioworklet",
  "paintworklet",
  "json",
  "style",
  "xslt",
  "manifest",
]);
