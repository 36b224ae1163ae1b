import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { MutableCap } from "../formats/Cap.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { MutableShare } from "./MutableShare.ts";
import { type FoundVersion, MutableVersionFinder } from "./MutableVersionFinder.ts";
import type { Finder } from "./ShareFinder.ts";

/** What a search of all servers shows. */
interface Shown {
  /** A share, of whichever version, as soon as it is found. */
  share(share: MutableShare): void;
  /** The best version that there is, in the end. @param silent servers have not said what they have */
  version(found: FoundVersion, silent: number): void;
  /** The search is over, whatever came of it. */
  over(): void;
}

/** Looks for more shares of a mutable file where those that it was opened with do not do: asks all servers, once. */
export class WiderSearch implements Finder {
  readonly #cap: MutableCap;
  readonly #context: DownloadContext;
  readonly #shown: Shown;
  /** The last one, which may be over. */
  #search: MutableVersionFinder | undefined;
  #running: AbortController | undefined;

  constructor(cap: MutableCap, context: DownloadContext, shown: Shown) {
    this.#cap = cap;
    this.#context = context;
    this.#shown = shown;
  }

  /** No share is held back for one that only a search of all servers can bring. */
  get isPromising(): boolean {
    return false;
  }

  get isExhausted(): boolean {
    return this.#search !== undefined && this.#running === undefined;
  }

  seek(count: number): void {
    if (count > 0 && this.#search === undefined) void this.#run();
  }

  pause(): void {
    if (this.#running === undefined) return;
    this.#running.abort(noLongerWanted);
    this.#running = undefined;
    this.#search = undefined;
  }

  refresh(): void {
    if (this.isExhausted && this.tally.silent > 0) this.restart();
  }

  restart(): void {
    this.pause();
    this.#search = undefined;
  }

  outcomes(): Map<Server, string> {
    return this.#search?.outcomes() ?? new Map();
  }

  get tally(): Finder["tally"] {
    return this.#search?.tally ?? { servers: this.#context.servers.known().length, silent: 0 };
  }

  /** Never rejects: who gives up says what became of each server. */
  async #run(): Promise<void> {
    const running = new AbortController();
    const search = new MutableVersionFinder(this.#cap, this.#context, (share) => this.#shown.share(share));
    this.#running = running;
    this.#search = search;
    const found = await search.find(running.signal).catch(() => undefined);
    if (this.#running !== running) return;
    this.#running = undefined;
    if (found !== undefined) this.#shown.version(found, search.tally.silent);
    this.#shown.over();
  }
}
