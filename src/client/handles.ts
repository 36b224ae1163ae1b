import { utf8 } from "../base/bytes.ts";
import { capOf } from "../base/findCap.ts";
import { GridError } from "../base/GridError.ts";
import {
  type HandleEntry,
  type HandleRecord,
  isHandle,
  isHandleRecord,
  MOST_CHOSEN,
  type ZipChoice,
} from "../base/HandleRecord.ts";
import { sleep } from "../base/wait.ts";
import { isAnnouncement } from "../channel/messages.ts";
import { badArgument, checkString } from "./arguments.ts";
import { askWorker, controllerOf } from "./askWorker.ts";
import { keyedHash } from "./keyedHash.ts";
import { pageTimers } from "./pageTimers.ts";
import type { UrlOptions, ZipOptions } from "./UrlOptions.ts";

const HANDLE_LENGTH = 16;
/** As many entries as go into one message. */
const MOST_AT_ONCE = 500;
/** Of a name, what its URL may end in: an extension and nothing that a person might have written. */
const ENDING = /[^/](\.[a-z0-9]{1,11})$/i;
/** A directory's cap. */
const FOLDER = /^(?:(?:ro|imm)\.)?URI:DIR2/;
/** Between two tries to tell the worker; doubled each time. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/**
 * The opaque URLs that this page has made. A handle is computed here, so that its URL is there at once and is the same
 * after a reload; what it stands for is told to the worker until that says that it has written it down, and again
 * whenever the worker asks for it.
 */
export class Handles {
  /** What all its URLs begin with. */
  readonly #folder: string;
  readonly #secret: Uint8Array;
  readonly #takesPaths: boolean;
  readonly #container: ServiceWorkerContainer;
  readonly #made = new Map<string, HandleEntry>();
  readonly #untold = new Set<HandleEntry>();
  #isTelling = false;

  /**
   * @param folder where the worker has them; its path ends in a slash
   * @param secret the profile's, 32 bytes: whoever does not have it can compute no handle from a cap, and no cap from a
   *   handle
   * @param takesPaths may something stand after a handle? A worker of a version before 6 knows no such URL.
   */
  constructor(folder: URL, secret: Uint8Array, takesPaths: boolean, container: ServiceWorkerContainer) {
    this.#folder = folder.href;
    this.#secret = secret;
    this.#takesPaths = takesPaths;
    this.#container = container;
    container.addEventListener("message", ({ data }) => {
      if (!isAnnouncement(data)) return;
      if (data.kind === "handleWanted") this.#tellAgain(data.content.handle);
      if (data.kind === "handleRevoked") this.#forget(data.content.handle);
    });
    container.addEventListener("controllerchange", () => this.#tellSoon());
  }

  /** @throws GridError BAD_CAP for what is no text; BAD_URL for a cap, a name or a type that is too long, and a type that is none */
  url(given: string, options: UrlOptions): string {
    const { filename = "", nameInUrl = false, download = false, type = "", grid = "", listing = false } = options;
    const cap = capOf(given);
    if (options.zip) return this.#urlOf({ ...archive, cap, filename: zipName(filename), grid, zip: [] }, nameInUrl);
    return this.#urlOf({ cap, filename, download, type, grid, ...(listing && { shows: "listing" }) }, nameInUrl);
  }

  /** Of an archive of several files or folders. @throws GridError as `url`; BAD_ARGUMENT for what is no list */
  zip(choice: readonly ZipChoice[], { filename = "", nameInUrl = false, grid = "" }: ZipOptions): string {
    if (!Array.isArray(choice) || choice.length === 0) throw badArgument("choice", "it is no list with a file in it");
    if (choice.length > MOST_CHOSEN)
      throw badArgument(
        "choice",
        `it has more than ${MOST_CHOSEN} files: put them into a folder, and make an archive of that`,
      );
    const zip = choice.map(({ cap, filename: name }) => {
      checkString("filename", name);
      return { cap: capOf(cap), filename: name };
    });
    return this.#urlOf({ ...archive, cap: "", filename: zipName(filename), grid, zip }, nameInUrl);
  }

  #urlOf(record: HandleRecord, nameInUrl: boolean): string {
    if (!isHandleRecord(record)) throw unusable();
    const { cap, filename, download, type, grid, ...more } = record;
    // In the order in which they came to be, so that a handle stays the same from version to version.
    const message = JSON.stringify([cap, filename, download, type, grid, ...Object.values(more)]);
    const handle = base64url(keyedHash(this.#secret, utf8(message)).subarray(0, HANDLE_LENGTH));
    if (!this.#made.has(handle)) {
      const entry = { handle, record };
      this.#made.set(handle, entry);
      this.#untold.add(entry);
      this.#tellSoon();
    }
    if (!this.#takesPaths) return this.#folder + handle;
    return this.#folder + handle + (isFolder(record) ? "/" : endingOf(filename, nameInUrl));
  }

  /**
   * Makes a URL of `url` useless, in all tabs, until one makes it again. Resolves when that is written down.
   * @throws GridError BAD_ARGUMENT for a URL that is none of these; NO_WORKER, TIMED_OUT, STORE_UNAVAILABLE
   */
  async revoke(url: string): Promise<void> {
    checkString("url", url);
    const handle = url.startsWith(this.#folder) ? url.slice(this.#folder.length).split("/")[0] : undefined;
    if (!isHandle(handle)) throw badArgument("url", "it is no URL that grid.url has made for this app");
    this.#forget(handle);
    await askWorker(controllerOf(this.#container), "revoke", { handle });
  }

  #forget(handle: string): void {
    const entry = this.#made.get(handle);
    this.#made.delete(handle);
    if (entry !== undefined) this.#untold.delete(entry);
  }

  #tellAgain(handle: string): void {
    const entry = this.#made.get(handle);
    if (entry === undefined) return;
    this.#untold.add(entry);
    // At once, and not after a pause between tries: a request waits for it.
    void this.#tell([entry]).catch(() => this.#tellSoon());
  }

  /** All that are made in one go are told in one go. */
  #tellSoon(): void {
    if (this.#isTelling || this.#untold.size === 0) return;
    this.#isTelling = true;
    void this.#tellAll().finally(() => {
      this.#isTelling = false;
    });
  }

  async #tellAll(): Promise<void> {
    await Promise.resolve();
    for (let pause = FIRST_RETRY_MS; this.#untold.size > 0; ) {
      try {
        await this.#tell([...this.#untold].slice(0, MOST_AT_ONCE));
        pause = FIRST_RETRY_MS;
      } catch {
        await sleep(pause, pageTimers);
        pause = Math.min(2 * pause, LAST_RETRY_MS);
      }
    }
  }

  async #tell(entries: readonly HandleEntry[]): Promise<void> {
    await askWorker(controllerOf(this.#container), "handles", { entries });
    for (const entry of entries) this.#untold.delete(entry);
  }
}

/** What all archives are alike in. */
const archive = { download: true, type: "application/zip" };

/** What an archive is called that is to be called so. */
export function zipName(filename: string): string {
  if (filename === "") return "archive.zip";
  return /\.zip$/i.test(filename) ? filename : `${filename}.zip`;
}

/** @param cap alone, as `capOf` gives it */
export function isFolderCap(cap: string): boolean {
  return FOLDER.test(cap);
}

/** Is there something below its address? */
function isFolder({ cap, zip }: HandleRecord): boolean {
  return zip === undefined && isFolderCap(cap);
}

/**
 * What follows a file's handle, for players and readers that look at how a URL ends; nothing where the name says nothing. The worker takes no
 * notice of it. A name of dots alone would lead elsewhere.
 */
function endingOf(filename: string, nameInUrl: boolean): string {
  if (nameInUrl && /[^.]/.test(filename))
    return `/${encodeURIComponent(filename.replace(/\p{Surrogate}/gu, "\ufffd"))}`;
  const [, ending] = ENDING.exec(filename) ?? [];
  return ending === undefined ? "" : `/file${ending.toLowerCase()}`;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function unusable(): GridError<"BAD_URL"> {
  const reason = "the cap, the file's name or the grid's is too long, or the type is not a media type";
  return new GridError("BAD_URL", { reason }, `No address can be made for this file: ${reason}.`);
}
