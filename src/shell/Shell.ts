export interface ShellOptions {
  /** The app's root; ends in a slash. */
  readonly root: URL;
  /** The app's files, as paths under its root. */
  readonly files: readonly string[];
  /** Tells this build of them from others. */
  readonly version: string;
}

const PREFIX = "gridfetch-shell-";
/** Of what is served beside the build and changes at any time: the newest that was seen. */
const DOCUMENTS = "gridfetch-documents";
/** Not `grid.json`, which may hold secrets: the worker keeps that itself, encrypted. */
const DOCUMENT_NAMES: ReadonlySet<string> = new Set(["samples.json"]);
/** This build's and the one before: a page that the former worker served may still ask for its files. */
const MOST_BUILDS = 2;

/**
 * The app's own files, kept so that the app opens without a network. A worker serves the build that it came with, whole:
 * a page is never made of two builds. A newer one comes with the next worker.
 */
export class Shell {
  readonly #root: URL;
  readonly #cacheName: string;
  /** Paths of URLs. */
  readonly #paths: ReadonlySet<string>;

  constructor({ root, files, version }: ShellOptions) {
    this.#root = root;
    this.#cacheName = `${PREFIX}${version}`;
    this.#paths = new Set(files.map((file) => new URL(withoutIndex(file), root).pathname));
  }

  /**
   * Fetches all files. Where that fails, or the browser keeps nothing, a first worker does without, since the grid can be
   * read all the same; an update must not replace a build that is whole.
   *
   * @throws TypeError if an update's files cannot all be had
   */
  async install(isUpdate: boolean): Promise<void> {
    try {
      const cache = await caches.open(this.#cacheName);
      // Asked for anew: an HTTP cache may have those of another build.
      await cache.addAll([...this.#paths].map((path) => new Request(new URL(path, this.#root), { cache: "no-cache" })));
    } catch (error) {
      await caches.delete(this.#cacheName).catch(() => false);
      if (isUpdate) throw error;
    }
  }

  async removeOlder(): Promise<void> {
    // In the order in which they were made.
    const builds = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== this.#cacheName);
    const surplus = builds.slice(0, Math.max(0, builds.length - (MOST_BUILDS - 1)));
    await Promise.all(surplus.map((name) => caches.delete(name)));
  }

  /** Is this the app's, and to be answered here? */
  match(request: Request): boolean {
    return request.method === "GET" && this.#kindOf(request) !== undefined;
  }

  /** Answers what `match` holds for. Rejects as `fetch` does where neither the store nor the web server has it. */
  answer(request: Request): Promise<Response> {
    return this.#kindOf(request) === "document" ? this.#newest(request) : this.#kept(request);
  }

  #kindOf(request: Request): "file" | "document" | undefined {
    const url = new URL(request.url);
    const { origin, pathname } = this.#root;
    if (url.origin !== origin || !url.pathname.startsWith(pathname)) return undefined;
    if (DOCUMENT_NAMES.has(url.pathname.slice(pathname.length))) return "document";
    // What a former build had is looked for, too.
    const isFile = this.#paths.has(withoutIndex(url.pathname)) || url.pathname.startsWith(`${pathname}assets/`);
    return isFile ? "file" : undefined;
  }

  async #kept(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const key = new URL(withoutIndex(url.pathname), url).href;
    try {
      const own = await (await caches.open(this.#cacheName)).match(key);
      const found = own ?? (await caches.match(key));
      if (found !== undefined) return found;
    } catch {
      // Nothing is kept here, as in some private windows.
    }
    return fetch(request);
  }

  async #newest(request: Request): Promise<Response> {
    try {
      const response = await fetch(request);
      if (response.ok) await remember(request.url, response.clone());
      return response;
    } catch (error) {
      const known = await caches.match(request.url).catch(() => undefined);
      if (known === undefined) throw error;
      return known;
    }
  }
}

async function remember(url: string, response: Response): Promise<void> {
  try {
    await (await caches.open(DOCUMENTS)).put(url, response);
  } catch {
    // No room, or nothing is kept here.
  }
}

/** Web servers redirect from `/index.html`, or to it; a redirected answer cannot open a page. */
function withoutIndex(path: string): string {
  return path === "index.html" ? "./" : path.replace(/\/index\.html$/, "/");
}
