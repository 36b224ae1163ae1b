import type { GridCheck } from "../base/GridCheck.ts";
import { GridError } from "../base/GridError.ts";
import type { GridConfigDocument, ServerSecrets } from "../base/gridConfig.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import { askWorker } from "./askWorker.ts";
import { downloadByFrame } from "./downloadByFrame.ts";
import { GridFile } from "./GridFile.ts";
import type { Handles } from "./handles.ts";
import { readEvents } from "./readEvents.ts";
import type { UrlOptions } from "./UrlOptions.ts";

/** A grid, as the Service Worker serves it to this page. */
export class Grid {
  /** What its URLs are under. */
  readonly scope: URL;
  readonly #container: ServiceWorkerContainer;
  readonly #handles: Handles;

  constructor(scope: URL, container: ServiceWorkerContainer, handles: Handles) {
    this.scope = scope;
    this.#container = container;
    this.#handles = handles;
  }

  /**
   * A URL for `<video src>`, `<img>`, a link or `fetch`. It holds nothing of the cap, works in this browser profile
   * only, also after a restart, and the same arguments always make the same one.
   *
   * @throws GridError BAD_URL for a cap or a name of thousands of characters, or a type that is none
   */
  url(cap: string, options: UrlOptions = {}): string {
    return this.#handles.url(cap, options);
  }

  /**
   * Makes a URL useless, in all tabs, until one of them makes it again from the cap. What streams goes on. Resolves when
   * that is written down.
   *
   * @throws GridError STORE_UNAVAILABLE, NO_WORKER, TIMED_OUT
   */
  revoke(url: string): Promise<void> {
    return this.#handles.revoke(url);
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
   * Changes which grids there are, or the secrets for their servers; what is not given stays. In force when it resolves, in reads
   * under way too, for all pages, and for later visits.
   *
   * @returns whether it will be there at later visits: not where the browser keeps nothing, as in some private windows
   * @throws GridError BAD_CONFIG that says what is wrong, and nothing is changed; NO_WORKER
   */
  async configure({ config, secrets }: GridSettings): Promise<boolean> {
    const payload = { ...(config !== undefined && { config }), ...(secrets !== undefined && { secrets }) };
    const { isKept } = await askWorker(controllerOf(this.#container), "configure", payload);
    return isKept;
  }

  /**
   * Asks every server of every grid by each of its addresses, and says which of them work, why others do not as far as a browser
   * can tell, and what to do about it. Takes some seconds, and up to two minutes where all are silent.
   *
   * @throws GridError BAD_CONFIG if it cannot be said which servers there are; NO_WORKER; the signal's reason
   */
  async check({ signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly GridCheck[]> {
    const { grids } = await askWorker(controllerOf(this.#container), "check", {}, { signal, limit: CHECK_LIMIT_MS });
    return grids;
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

/** What a page may tell its worker about the grids. */
export interface GridSettings {
  /** A grid configuration in place of the one that the app serves; null goes back to that. */
  readonly config?: GridConfigDocument | null;
  /** Swissnums by server id; null forgets them. */
  readonly secrets?: ServerSecrets | null;
}

/** The worker sets its own limit, which is shorter. */
const CHECK_LIMIT_MS = 120_000;

function controllerOf({ controller }: ServiceWorkerContainer): ServiceWorker {
  if (controller !== null) return controller;
  const message = "The Service Worker that reads the grid no longer controls this page. Reload the page.";
  throw new GridError("NO_WORKER", { reason: "lost" }, message);
}

/** Which grid a file is on, and for how long opening it matters. */
export interface OpenOptions extends Pick<UrlOptions, "grid"> {
  readonly signal?: AbortSignal;
}
