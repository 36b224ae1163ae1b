import { downloadByFrame } from "./downloadByFrame.ts";
import { handleFor } from "./handles.ts";
import type { UrlOptions } from "./UrlOptions.ts";

/** A grid, as the Service Worker serves it to this page. */
export class Grid {
  /** What its URLs are under. */
  readonly scope: URL;

  constructor(scope: URL) {
    this.scope = scope;
  }

  /** A URL for `<video src>`, `<img>`, a link or `fetch`. The same arguments make the same URL. */
  url(cap: string, options: UrlOptions = {}): string {
    return handleFor(this.scope, cap, options);
  }

  /**
   * Saves the file of a URL that was made with `download: true`.
   * @param onFailed is called with the worker's words if the file cannot be had. A download that breaks off later is
   *   shown by the browser.
   */
  download(url: string, onFailed: (reason: string) => void): void {
    downloadByFrame(url, onFailed);
  }
}
