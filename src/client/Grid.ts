import type { ReadEvent } from "../channel/ReadEvent.ts";
import { downloadByFrame } from "./downloadByFrame.ts";
import { GridFile } from "./GridFile.ts";
import { handleFor } from "./handles.ts";
import { readEvents } from "./readEvents.ts";
import type { UrlOptions } from "./UrlOptions.ts";

/** A grid, as the Service Worker serves it to this page. */
export class Grid {
  /** What its URLs are under. */
  readonly scope: URL;
  readonly #container: ServiceWorkerContainer;

  constructor(scope: URL, container: ServiceWorkerContainer) {
    this.scope = scope;
    this.#container = container;
  }

  /** A URL for `<video src>`, `<img>`, a link or `fetch`. The same arguments make the same URL. */
  url(cap: string, options: UrlOptions = {}): string {
    return handleFor(this.scope, cap, options);
  }

  /**
   * A file, for reading any part of it. Costs no network yet.
   * @throws GridError if the cap is none, or of a kind that cannot be read; the signal's reason
   */
  open(cap: string, { signal, ...options }: OpenOptions = {}): Promise<GridFile> {
    return GridFile.open(this.url(cap, options), signal);
  }

  /**
   * What becomes of the requests for grid URLs from now on, of all tabs: `for await (const event of grid.reads())`.
   * Leaving the loop, or the signal, ends it.
   */
  reads({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<ReadEvent> {
    return readEvents(this.#container, signal);
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

export interface OpenOptions extends Pick<UrlOptions, "grid"> {
  readonly signal?: AbortSignal;
}
