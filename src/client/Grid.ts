import type { CapInfo, Entry } from "../base/Entry.ts";
import type { LogLevel, TraceEvent } from "../base/EventLog.ts";
import { capOf } from "../base/findCap.ts";
import type { GridCheck } from "../base/GridCheck.ts";
import type { GridConfigDocument, ServerSecrets } from "../base/gridConfig.ts";
import type { ZipChoice } from "../base/HandleRecord.ts";
import { isKeepId, type Keep, type KeepEvent } from "../base/Keep.ts";
import {
  type Answer,
  isAnnouncement,
  type KeepChange,
  MOST_PREFETCHED,
  type Payload,
  type QuestionKind,
} from "../channel/messages.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import { badArgument, checkData, checkString } from "./arguments.ts";
import { askNewer, askWorker, controllerOf } from "./askWorker.ts";
import { attach } from "./attach.ts";
import { downloadByFrame } from "./downloadByFrame.ts";
import { GridFile } from "./GridFile.ts";
import type { Handles } from "./handles.ts";
import { reachIntoLocalNetwork } from "./localNetwork.ts";
import { readEvents } from "./readEvents.ts";
import type { UrlOptions, ZipOptions } from "./UrlOptions.ts";

/** A grid, as the Service Worker serves it to this page. */
export class Grid {
  /** What its URLs are under. */
  readonly scope: URL;
  readonly #container: ServiceWorkerContainer;
  readonly #handles: Handles;
  #backgroundLimit: number | undefined;
  /** What this page has passed to workers that could not keep it: the next one asks for it. */
  #unkept: Payload<"configure"> = {};

  constructor(scope: URL, container: ServiceWorkerContainer, handles: Handles) {
    this.scope = scope;
    this.#container = container;
    this.#handles = handles;
    container.addEventListener("message", ({ data }) => {
      if (!isAnnouncement(data) || data.kind !== "settingsWanted") return;
      void this.#ask("configure", this.#unkept).catch(() => undefined);
    });
  }

  /**
   * A URL for `<video src>`, `<img>`, a link or `fetch`. A folder's ends in a slash, and everything in the folder has its URL below that:
   * `url + "season%201/e01.mp4"`. It holds nothing of the cap, works in this browser profile
   * only, also after a restart, and the same arguments always make the same one. It is not looked at whether the cap is right: what is
   * asked for by the URL tells.
   *
   * @param cap or a text with one in it: between blanks or quotes, or in a gateway's URL
   * @throws GridError BAD_CAP for what is no text; BAD_URL for a cap or a name of thousands of characters, or an invalid media type
   */
  url(cap: string, options: UrlOptions = {}): string {
    return this.#handles.url(cap, options);
  }

  /**
   * A URL of one ZIP archive of up to 1,000 files and folders: for a link, `download` or `fetch`. It is made while it is read, has its whole size at
   * once, and goes on by Range where a download broke off. A folder's own archive is that of `url` with `zip: true`.
   *
   * @param choice each with its name in the archive, which is made safe for all systems; two of one name get numbers
   * @throws GridError BAD_ARGUMENT for what is no list, an empty one or one of more than 1,000; else as `url`
   */
  zip(choice: readonly ZipChoice[], options: ZipOptions = {}): string {
    return this.#handles.zip(choice, options);
  }

  /**
   * Plays a file in a `<video>` or `<audio>` element, as its `src` would, and goes on by itself where that would not: a player that gives up
   * while servers or the network are away is loaded again at its place, in the state that it was in, once the file can be read; and so is one that
   * has waited for half a minute with nothing read for it. The element's `error` event comes all the same. Another file takes this one's place;
   * the signal takes it off the player, and should be given where players come and go.
   *
   * @throws GridError as `url`
   */
  attach(media: HTMLMediaElement, cap: string, { signal, ...options }: AttachOptions = {}): void {
    attach(media, this.url(cap, options), this.#container, signal);
  }

  /**
   * Makes a URL useless, and a folder's with all that is below it, in all tabs, until one of them makes it again from the cap. What streams goes on. Resolves when
   * that is written down.
   *
   * @throws GridError BAD_ARGUMENT for what is no URL of `url`; STORE_UNAVAILABLE, NO_WORKER, TIMED_OUT
   */
  revoke(url: string): Promise<void> {
    return this.#handles.revoke(url);
  }

  /**
   * A file, for reading any part of it. Costs no network yet, but where the file can change.
   * @param cap as for `url`
   * @throws GridError if the cap is none, or of a kind that cannot be read; the signal's reason
   */
  async open(cap: string, { signal, ...options }: OpenOptions = {}): Promise<GridFile> {
    return GridFile.open(this.url(cap, options), signal);
  }

  /**
   * What is in a folder, in the order in which it stands there: `for await (const { name } of grid.list(cap))`, or all of it in an array by
   * `await Array.fromAsync(grid.list(cap))`. The list is of one version of the folder. What nobody asks for is not looked at any closer, so that the
   * first entries of ten thousand are there as soon as the folder is read. Leaving the loop ends it.
   *
   * @param cap as for `url`
   * @throws GridError where the loop begins: BAD_CAP; UNSUPPORTED_CAP for what is no folder; TOO_LARGE above 16 MiB; BAD_FORMAT; what reading it
   *   throws; FILE_CHANGED in the middle, where the worker had to read it again and it is another; NO_WORKER; the signal's reason
   */
  async *list(cap: string, { grid = "", signal }: OpenOptions = {}): AsyncGenerator<Entry, void, void> {
    checkString("grid", grid);
    const asked = { cap: capOf(cap), grid };
    let version: string | undefined;
    for (let from: number | undefined = 0; from !== undefined; ) {
      const part: Answer<"list"> = await this.#ask("list", { ...asked, from, version }, signal);
      for (const entry of part.entries) {
        signal?.throwIfAborted();
        yield entry;
      }
      ({ version, next: from } = part);
    }
  }

  /**
   * What a cap says of what it names, without a network: a file or a folder, the size of a file that cannot change, and by `filename` the type.
   *
   * @param cap as for `url`
   * @throws GridError BAD_CAP; NO_WORKER; the signal's reason
   */
  async info(cap: string, { filename = "", signal }: InfoOptions = {}): Promise<CapInfo> {
    checkString("filename", filename);
    return (await this.#ask("info", { cap: capOf(cap), filename }, signal)).info;
  }

  /**
   * Has a part of a file at hand for when it will be read: the next picture, the next track. It is fetched while no reader waits for anything, and
   * kept as what is read is: in the worker's memory, and on disk where there is room. Does nothing where the person saves data (`Save-Data`,
   * which Firefox and Safari do not have).
   *
   * @param cap as for `url`
   * @returns whether it is there
   * @throws GridError BAD_CAP; BAD_ARGUMENT for an offset or a length that is none, or more than 8 MiB; UNSUPPORTED_CAP for a folder; what reading
   *   it throws; TIMED_OUT where that took two minutes; NO_WORKER; the signal's reason
   */
  async prefetch(cap: string, { grid = "", offset = 0, length = MiB, signal }: PrefetchOptions = {}): Promise<boolean> {
    checkString("grid", grid);
    for (const [name, value, most] of [
      ["offset", offset, Number.MAX_SAFE_INTEGER],
      ["length", length, MOST_PREFETCHED],
    ] as const) {
      if (!Number.isInteger(value) || value < 0 || value > most)
        throw badArgument(name, `it must be a whole number of bytes, from 0 to ${most}`);
    }
    const payload = { cap: capOf(cap), grid, offset, length, limit: this.#backgroundLimit };
    signal?.throwIfAborted();
    if ((navigator as { connection?: { saveData?: boolean } }).connection?.saveData) return false;
    return (await askNewer(controllerOf(this.#container), "prefetch", payload, { signal })) !== undefined;
  }

  /**
   * How fast work may be that no reader waits for, in bytes a second: `prefetch`, and files that are being kept offline. As fast as it goes if undefined.
   * Counts for all pages, until another one says otherwise, from the next time on that this page asks for such work: every ten seconds while there is some.
   *
   * @throws GridError BAD_ARGUMENT for what is no number above 0
   */
  get backgroundLimit(): number | undefined {
    return this.#backgroundLimit;
  }

  set backgroundLimit(bytesPerSecond: number | undefined) {
    if (bytesPerSecond !== undefined && !(typeof bytesPerSecond === "number" && bytesPerSecond > 0))
      throw badArgument("limit", "it must be a number of bytes a second above 0");
    this.#backgroundLimit = bytesPerSecond;
  }

  /**
   * What becomes of the requests for grid URLs from now on, of all tabs: `for await (const event of grid.reads())`.
   * Leaving the loop, or the signal, ends it.
   */
  reads({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<ReadEvent> {
    return readEvents(this.#container, "read", ({ type }) => type === "progress", signal);
  }

  /**
   * What the worker does from now on, for all pages: `for await (const event of grid.trace())`. Each event has its kind, `query.start` or
   * `request.done` say, its time, and which work it belongs to: answer, node > read > segment > share > request. None holds a cap, a key, a swissnum or a
   * file's name; servers are in it by their nicknames. Leaving the loop, or the signal, ends it. Where the page is too slow the oldest are left out, and
   * an event `trace.lost` says how many; where the worker was started anew another `trace.start` comes, and its numbers begin anew.
   *
   * @throws GridError NO_WORKER for a worker of an older version; TIMED_OUT
   */
  async *trace({ level = "debug", signal }: TraceOptions = {}): AsyncGenerator<TraceEvent, void, void> {
    const tracer = crypto.randomUUID();
    let last: TraceEvent | undefined;
    while (!signal?.aborted) {
      const { events, lost }: Answer<"trace"> = await this.#ask("trace", { tracer, level }, signal).catch((error) => {
        if (signal?.aborted) return { events: [], lost: 0 };
        throw error;
      });
      if (lost > 0 && last)
        yield { ...last, level: "warn", scope: 0, parent: undefined, kind: "trace.lost", fields: { events: lost } };
      yield* events;
      last = events.at(-1) ?? last;
    }
  }

  /**
   * Keeps a whole file offline: its ciphertext, and what it takes to verify it, but no key. Starts it, or goes on with
   * what was paused or has failed; the work itself happens in the worker, and goes on after a restart. Such a file is read
   * without network, servers or web server, and no other data push it out. Asks the browser not to clear the app's storage when the
   * disk is full, which some browsers ask the person at the page; this does not wait for the answer.
   *
   * @param cap as for `url`
   * @returns the file as it is kept now, once that it shall be kept is written down
   * @throws GridError BAD_CAP; UNSUPPORTED_CAP for a directory, a file that can change, and a literal file, which is in its cap
   *   and always there; BAD_ARGUMENT, STORE_FULL, STORE_UNAVAILABLE, NO_WORKER; the signal's reason, and the file may be kept then or not
   */
  async keep(cap: string, { grid = "", signal }: OpenOptions = {}): Promise<Keep> {
    checkString("grid", grid);
    const payload = { cap: capOf(cap), grid, limit: this.#backgroundLimit };
    navigator.storage?.persist?.().catch(() => false);
    return (await this.#ask("keep", payload, signal)).keep;
  }

  /**
   * How the file of a cap is kept offline; undefined if it is not. Costs no network.
   * @throws GridError as `keep`
   */
  async keepOf(cap: string): Promise<Keep | undefined> {
    return (await this.#ask("keepOf", { cap: capOf(cap) })).keep;
  }

  /**
   * All files that are kept offline, or are to be. A page tells by `keepOf` which of its caps they are.
   * @throws GridError STORE_UNAVAILABLE, NO_WORKER
   */
  async keeps(): Promise<readonly Keep[]> {
    return (await this.#ask("keeps", {})).keeps;
  }

  /**
   * What becomes of the files that are kept offline from now on, whichever tab wants them: each event is the whole state of
   * one file. Leaving the loop, or the signal, ends it.
   */
  keepEvents({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<KeepEvent> {
    return readEvents(this.#container, "keep", ({ state }) => state === "keeping", signal);
  }

  /**
   * Stops fetching a file that is to be kept. What is on disk stays, and serves reads. Nothing happens to one that is kept.
   * @throws GridError BAD_ARGUMENT for what is no id; STORE_UNAVAILABLE, STORE_FULL, NO_WORKER
   */
  pauseKeeping(id: string): Promise<void> {
    return this.#changeKeep(id, "paused");
  }

  /**
   * Goes on with a file that was paused, or that failed.
   * @throws GridError as `pauseKeeping`
   */
  resumeKeeping(id: string): Promise<void> {
    return this.#changeKeep(id, "keeping");
  }

  /**
   * Keeps a file no longer. What was on disk is gone when this resolves; the browser may take a little longer to show it.
   * @throws GridError as `pauseKeeping`
   */
  removeKept(id: string): Promise<void> {
    return this.#changeKeep(id, "removed");
  }

  /** How much room the app has on disk, and what lasts. */
  async storage(): Promise<StorageRoom> {
    const [estimate, persisted, profile] = await Promise.all([
      navigator.storage?.estimate?.().catch(() => undefined),
      navigator.storage?.persisted?.().catch(() => false),
      this.#ask("profile", {}).catch(() => undefined),
    ]);
    return {
      usage: estimate?.usage,
      quota: estimate?.quota,
      persisted: persisted ?? false,
      keepsSecrets: profile?.isKept,
    };
  }

  /**
   * Changes which grids there are, or the secrets for their servers; what is not given stays. In force when it resolves, in reads
   * under way too, for all pages, and for later visits.
   *
   * @returns whether it will be there at later visits: not where the browser keeps nothing, as in some private windows, where it counts
   *   while this page is open
   * @throws GridError BAD_CONFIG that says what is wrong, and nothing is changed; BAD_ARGUMENT for what is not plain data; NO_WORKER
   */
  async configure({ config, secrets }: GridSettings): Promise<boolean> {
    checkData("config", config);
    checkData("secrets", secrets);
    const payload = { ...(config !== undefined && { config }), ...(secrets !== undefined && { secrets }) };
    const settings = { ...this.#unkept, ...payload };
    const { isKept } = await this.#ask("configure", settings);
    this.#unkept = isKept ? {} : settings;
    return isKept;
  }

  /**
   * Asks every server of every grid by each of its addresses, and says which of them work, why others do not as far as a browser
   * can tell, and what to do about it. Takes some seconds, and up to two minutes where all are silent.
   *
   * @throws GridError BAD_CONFIG if it cannot be said which servers there are; NO_WORKER; the signal's reason
   */
  async checkGrid({ signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly GridCheck[]> {
    const { grids } = await askWorker(controllerOf(this.#container), "check", {}, { signal, limit: CHECK_LIMIT_MS });
    return grids;
  }

  /**
   * Does the browser keep this page from servers on this device or in the local network, until the person at it allows that? Chromium
   * does so for pages from outside. `"prompt"` is that nobody has been asked yet: `allowLocalNetwork` asks. `"granted"`, too, where
   * no server is there, and where the browser lets every page in.
   *
   * @throws GridError NO_WORKER, TIMED_OUT
   * @see https://wicg.github.io/local-network-access/
   */
  async localNetwork(): Promise<PermissionState> {
    return (await this.#ask("localNetwork", {})).state;
  }

  /**
   * Has the browser ask for that, if it has not been said yet. For a click, with words beside it that say what for: the browser's question
   * names this site and nothing else. A Content-Security-Policy of the page must name the servers, proxies or relays in `connect-src`.
   *
   * @returns whether it is allowed. While the person thinks, this waits; the signal ends that, and the question stays open.
   * @throws GridError as `localNetwork`; the signal's reason
   */
  async allowLocalNetwork({ signal }: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    const { state, urls } = await this.#ask("localNetwork", {}, signal);
    if (state === "prompt") await reachIntoLocalNetwork(urls, signal);
    return (await this.localNetwork()) === "granted";
  }

  /**
   * Saves the file of a URL that was made with `download: true`. Goes through a hidden frame, which a Content-Security-Policy
   * has to allow: `frame-src 'self'`.
   *
   * @param onFailed is called with the worker's words if the file cannot be had. A download that breaks off later is
   *   shown by the browser.
   * @throws GridError BAD_ARGUMENT for a URL that is not under `scope`
   */
  download(url: string, onFailed: (reason: string) => void): void {
    checkString("url", url);
    const href = URL.canParse(url, document.baseURI) ? new URL(url, document.baseURI).href : "";
    if (!href.startsWith(this.scope.href)) throw badArgument("url", `it is not under ${this.scope}`);
    downloadByFrame(href, onFailed);
  }

  async #changeKeep(id: string, to: KeepChange): Promise<void> {
    if (!isKeepId(id)) throw badArgument("id", "it is not the id of a Keep, as grid.keep and grid.keeps give it");
    await this.#ask("changeKeep", { id, to });
  }

  async #ask<Kind extends QuestionKind>(
    kind: Kind,
    payload: Payload<Kind>,
    signal?: AbortSignal,
  ): Promise<Answer<Kind>> {
    return askWorker(controllerOf(this.#container), kind, payload, { signal });
  }
}

/** What the browser says of the app's storage: of all that its origin keeps, in bytes. */
export interface StorageRoom {
  /** What is in use; undefined where the browser does not say. */
  readonly usage: number | undefined;
  /** What may be in use at most, as far as can be foreseen; undefined where the browser does not say. */
  readonly quota: number | undefined;
  /** Has the browser promised not to clear it by itself when the disk gets full? */
  readonly persisted: boolean;
  /**
   * Is what the URLs of `url` stand for kept for later visits? It is encrypted, so not in windows and browsers that store no
   * keys: a URL works there while a page that made it is open. Undefined where the worker does not say.
   */
  readonly keepsSecrets: boolean | undefined;
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

const MiB = 1024 * 1024;

/** Which part of a file will be wanted, and for how long that matters. */
export interface PrefetchOptions extends Pick<UrlOptions, "grid"> {
  /** First byte, 0 unless given. */
  readonly offset?: number;
  /** Number of bytes, 1 MiB unless given and 8 MiB at most; what lies past the file's end is left out. */
  readonly length?: number;
  readonly signal?: AbortSignal;
}

/** How closely the worker is looked at, and for how long. */
export interface TraceOptions {
  /** What is left out is below this: `"debug"`, which is everything, unless given; `"info"` is what was read, and what went wrong. */
  readonly level?: LogLevel;
  readonly signal?: AbortSignal;
}

/** How a file is played, and for how long. */
export interface AttachOptions extends Omit<UrlOptions, "download"> {
  readonly signal?: AbortSignal;
}

/** What a file is called, and for how long it matters. */
export interface InfoOptions extends Pick<UrlOptions, "filename"> {
  readonly signal?: AbortSignal;
}

/** Which grid a file is on, and for how long opening it matters. */
export interface OpenOptions extends Pick<UrlOptions, "grid"> {
  readonly signal?: AbortSignal;
}
