import type { Clock } from "../base/Clock.ts";
import { BROWSER_FETCH, isKeepId, type Keep } from "../base/Keep.ts";
import { sleep } from "../base/wait.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { broughtServer } from "../servers/broughtServer.ts";
import type { Server } from "../servers/Server.ts";

/** Background Fetch, of which TypeScript's libraries know nothing: https://wicg.github.io/background-fetch/. */
export interface BackgroundFetchManager {
  get(id: string): Promise<BackgroundFetchRegistration | undefined>;
}

export interface BackgroundFetchRegistration {
  readonly id: string;
  readonly downloaded: number;
  abort(): Promise<boolean>;
  matchAll(): Promise<readonly BackgroundFetchRecord[]>;
}

interface BackgroundFetchRecord {
  readonly request: Request;
  /** Rejects where the fetch of it failed. */
  readonly responseReady: Promise<Response>;
}

/** Who goes on with a file. */
interface Taker {
  take(id: string, files: FileNodes): Promise<void>;
}

/** The browser's fetch stands still, or is held by the person, if this long nothing comes. */
const PATIENCE_MS = 10_000;

/**
 * What the browser itself fetches of files that are to be kept offline: pages hand it over as they are left. Only one shall fetch
 * while a page is open, who is further; and what the browser brings goes the way of a server's bytes.
 */
export class BrowserFetches {
  readonly #manager: BackgroundFetchManager;
  readonly #clock: Clock;
  /** Files that this worker fetches. */
  readonly #ours = new Set<string>();

  constructor(manager: BackgroundFetchManager, clock: Clock) {
    this.#manager = manager;
    this.#clock = clock;
  }

  /** Resolves when the browser does not bring the file; whoever asks fetches it then. */
  async unlessBrought({ id, keptBytes }: Keep, signal: AbortSignal): Promise<void> {
    this.#ours.delete(id);
    let downloaded = keptBytes;
    for (;;) {
      const present = await this.#find(id);
      signal.throwIfAborted();
      if (present === undefined || present.downloaded <= downloaded) break;
      downloaded = present.downloaded;
      await sleep(PATIENCE_MS, this.#clock, signal);
    }
    this.#ours.add(id);
    await this.callOff(id);
  }

  /** A page is there, so that this worker lives: the browser need not fetch what this one fetches. */
  async leaveToUs(): Promise<void> {
    await Promise.all([...this.#ours].map((id) => this.callOff(id)));
  }

  /** Never rejects. */
  async callOff(id: string): Promise<void> {
    const present = await this.#find(id);
    await present?.abort().catch(() => false);
  }

  /** Goes on with a file with what the browser has brought of it, which may be nothing. */
  async take(
    registration: BackgroundFetchRegistration,
    service: Taker,
    makeFiles: (servers: readonly Server[]) => FileNodes,
  ): Promise<void> {
    const id = registration.id.slice(BROWSER_FETCH.length);
    if (!registration.id.startsWith(BROWSER_FETCH) || !isKeepId(id)) return;
    const all = await Promise.all((await registration.matchAll()).map(serverOf));
    const servers = all.filter((server) => server !== undefined);
    await service.take(id, makeFiles(servers));
  }

  #find(id: string): Promise<BackgroundFetchRegistration | undefined> {
    return this.#manager.get(BROWSER_FETCH + id).catch(() => undefined);
  }
}

/** Undefined where the share was refused, or broke off. */
async function serverOf({ request, responseReady }: BackgroundFetchRecord): Promise<Server | undefined> {
  const [, storageIndex, number] = /\/([a-z2-7]+)\/(\d+)$/.exec(request.url) ?? [];
  try {
    const response = await responseReady;
    if (storageIndex === undefined || response.status !== 200) return undefined;
    return broughtServer(storageIndex, Number(number), await response.blob());
  } catch {
    return undefined;
  }
}
