import { GridError } from "../base/GridError.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import type { GridConfig } from "../servers/gridConfig.ts";
import { parseGridConfig } from "../servers/parseGridConfig.ts";

/** A server's answer to a small file on the app's own origin. */
const FETCH_LIMIT_MS = 10_000;

/**
 * The grid as its configuration says, fetched when it is first needed. A worker is started anew every now and then, so
 * what it knows is never old for long; and where a read found too few shares the configuration is looked at again,
 * since the servers may have moved.
 */
export class GridSource {
  readonly #url: URL;
  readonly #build: (config: GridConfig) => FileNodes;
  #grid: Promise<FileNodes> | undefined;
  /** What the present grid was made from. */
  #built: { readonly text: string; readonly files: FileNodes } | undefined;

  /**
   * @param url of the configuration, a JSON document as `parseGridConfig` reads it
   * @param build makes the grid
   */
  constructor(url: URL, build: (config: GridConfig) => FileNodes) {
    this.#url = url;
    this.#build = build;
  }

  /**
   * The grid. Callers at the same time share one request; a failure is forgotten, so that the next caller tries again.
   * @throws GridError BAD_CONFIG that says what is the matter with the configuration
   */
  files(): Promise<FileNodes> {
    this.#grid ??= this.#load().catch((error: unknown) => {
      this.#grid = undefined;
      // Old servers are better than none.
      if (this.#built !== undefined) return this.#built.files;
      throw error;
    });
    return this.#grid;
  }

  /**
   * Makes the next caller fetch the configuration again. The grid stays as it is, with all it has learnt, if that says
   * the same.
   */
  doubt(): void {
    this.#grid = undefined;
  }

  async #load(): Promise<FileNodes> {
    const text = await this.#fetchText();
    if (this.#built?.text !== text) {
      this.#built = { text, files: this.#build(parseGridConfig(parseJson(text, this.#url))[0]) };
    }
    return this.#built.files;
  }

  async #fetchText(): Promise<string> {
    let response: Response;
    try {
      response = await fetch(this.#url, { cache: "no-cache", signal: AbortSignal.timeout(FETCH_LIMIT_MS) });
      if (response.ok) return await response.text();
    } catch (cause) {
      throw badConfig(`${this.#url.pathname} could not be fetched: is the web server there?`, cause);
    }
    const hint = response.status === 404 ? "; the list of the grid's servers belongs there" : "";
    throw badConfig(`${this.#url.pathname} was answered with HTTP ${response.status}${hint}`);
  }
}

function parseJson(text: string, url: URL): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and that may hold swissnums.
    throw badConfig(`${url.pathname} is not JSON`);
  }
}

function badConfig(reason: string, cause?: unknown): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The grid's configuration cannot be used: ${reason}.`, { cause });
}
