import type { Clock } from "../base/Clock.ts";
import type { GridCheck } from "../base/GridCheck.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import type { GridConfig, ServerSecrets } from "../base/gridConfig.ts";
import type { jsonFault } from "../base/jsonFault.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { inTime } from "../base/wait.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { ConfiguredServerList } from "../servers/ConfiguredServerList.ts";
import type { checkGrid } from "../servers/checkGrid.ts";
import { type LocalNetwork, localNetworkOf, type PermissionOf } from "../servers/localNetwork.ts";
import { parseGridConfig, parseServerSecrets } from "../servers/parseGridConfig.ts";
import type { ServerList } from "../servers/ServerList.ts";
import { gatewaysOf, type MakeTransport } from "../servers/serversFromConfig.ts";
import type { ConfigStore } from "./ConfigStore.ts";
import { fetchConfig } from "./fetchConfig.ts";

/** While grids are in use their configuration is read again after this: servers come, go and move. */
const REFRESH_MS = 5 * 60_000;
/** A web server that is half there must not hold up a page whose grids are known. */
const PATIENCE_MS = 1_000;
/** Doubts may come with each failed read, and a web server that is away must not hold up every read. */
const DOUBT_PAUSE_MS = 3_000;

/**
 * Of so few servers each will probably be asked: a file's shares are on most of them. Of many servers only those are connected to ahead that
 * have answered already.
 */
const MOST_LIKELY = 10;

/** A page's answer takes milliseconds. One that sleeps does not answer. */
const PAGES_LIMIT_MS = 1_000;

/** What pages pass to the worker. */
export interface Passed {
  /** A grid configuration in place of the served one; null goes back to that. */
  readonly config?: unknown;
  /** Swissnums by server id in place of those passed before; null forgets them. */
  readonly secrets?: unknown;
}

export interface GridSourceOptions {
  /** Of the served configuration. */
  readonly url: URL;
  /** Where what was passed and served is written down. */
  readonly store: Pick<ConfigStore, "load" | "save">;
  readonly makeTransport: MakeTransport;
  /** Finds out what keeps a grid's servers from being used. */
  readonly checkGrid: typeof checkGrid;
  /** Finds out where a configuration is no JSON. */
  readonly jsonFault: typeof jsonFault;
  /** Of the worker. */
  readonly origin: string;
  /** What the person has allowed pages of this origin. */
  readonly permissionOf: PermissionOf;
  /** Makes what reads a grid's files from these servers. */
  readonly makeFiles: (servers: ServerList) => FileNodes;
  /** Asks all pages to pass again what could not be kept. Resolves with how many were asked. */
  askPages(): Promise<number>;
  readonly clock: Clock;
  readonly limits?: Limits;
}

/** What pages have passed in all; undefined is nothing. */
interface PassedBefore {
  readonly config: unknown;
  readonly secrets: unknown;
}

const NOTHING: PassedBefore = { config: undefined, secrets: undefined };

interface Grid {
  readonly servers: ConfiguredServerList;
  readonly files: FileNodes;
}

/** One or more; the first is the default. */
type Configs = readonly [GridConfig, ...GridConfig[]];

interface Present {
  readonly configs: Configs;
  readonly secrets: ServerSecrets;
  /** When the web server was asked; `NEVER` where an earlier worker did. */
  readonly readAt: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

/**
 * The grids, as the app's web server and its pages say. A worker is started anew every now and then. It begins with what was
 * served or passed last, and asks the web server beside the first reads, which do not wait for it. While it lives it looks
 * again where there is doubt, and now and then. A configuration that has changed changes the lists of servers under the files
 * that are open.
 */
export class GridSource {
  readonly #options: GridSourceOptions;
  readonly #limits: Limits;
  /** By name; "" is one grid without a name. */
  readonly #grids = new Map<string, Grid>();
  #passed: Promise<PassedBefore> | undefined;
  /** Hears what pages pass, while it is waited for. */
  #hear: ((passed: Passed) => void) | undefined;
  #loading: Promise<Present> | undefined;
  #present: Present | undefined;
  #beginning: Promise<void> | undefined;
  /** What was served last, in force or not. */
  #served: { readonly configs: Configs; readonly text: string } | undefined;
  /** How often this worker was served something else than what was known. */
  #changes = 0;
  #isDoubted = false;
  /** Files have been asked for. */
  #isInUse = false;
  #triedAt = NEVER;

  constructor(options: GridSourceOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultLimits;
  }

  /**
   * The files of the grid of that name, or of the first grid.
   * @throws GridError BAD_URL if there is no such grid; BAD_CONFIG that says what is the matter with the configuration
   */
  async files(name?: string): Promise<FileNodes> {
    let present = await this.#current();
    let config = named(name, present.configs);
    // The one that is asked for may be new, and what is known from an earlier worker.
    if (config === undefined && present.readAt === NEVER) {
      present = await this.#load().catch(() => present);
      config = named(name, present.configs);
    }
    if (config === undefined) throw noSuchGrid(present.configs);
    const { files } = this.#grid(config);
    // Where no page has said `connect`: the next file may be on any of the servers.
    if (!this.#isInUse) this.#warm();
    this.#isInUse = true;
    return files;
  }

  /** For a worker that is being installed: has the configuration there, and kept, by the time that a page first asks. Never rejects. */
  async prepare(): Promise<void> {
    await this.#begin();
    await this.#load().catch(() => undefined);
  }

  /**
   * Resolves when it is known which grids there are: as pages said, else as it is served now, else, where the web server is away or
   * slow, as it was served last. Its servers are made ready for the first request, beside the question which they are where an earlier
   * worker knew them.
   *
   * @throws GridError BAD_CONFIG that says what is the matter with what is served
   */
  async ready(): Promise<void> {
    await this.#begin();
    this.#warm();
    await this.#beKnown();
    this.#warm();
  }

  async #beKnown(): Promise<void> {
    if ((await this.#loadPassed()).config !== undefined) return;
    const isKnown = this.#present !== undefined;
    const loading = this.#load().catch((error: unknown) => {
      if (!isKnown || !isGridError(error, "BAD_CONFIG") || !error.details.isAway) throw error;
    });
    await (isKnown ? inTime(loading, PATIENCE_MS, this.#options.clock, () => {}) : loading);
  }

  #warm(): void {
    const servers = [...this.#grids.values()].flatMap((grid) => grid.servers.known());
    for (const server of servers) server.warm?.(servers.length <= MOST_LIKELY);
  }

  /** Makes the next caller wait for the configuration to be read again: the servers may have moved. */
  doubt(): void {
    this.#isDoubted = true;
  }

  /** Whether the browser keeps pages from servers of theirs, as far as they are known now, and from what it does. Never rejects. */
  async localNetwork(): Promise<LocalNetwork> {
    const { origin, permissionOf } = this.#options;
    const servers = (this.#present?.configs ?? []).flatMap((config) => config.servers);
    return localNetworkOf(servers.flatMap(gatewaysOf), origin, permissionOf);
  }

  /** Changes whenever something else is served than what was known. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * For a read that has failed, and may have been the first of this worker: is something else served than when it began? Waits for
   * what is being read beside it, where all that was known came from an earlier worker.
   */
  async changedSince(changes: number): Promise<boolean> {
    if (this.#present?.readAt === NEVER) await this.#loading?.catch(() => undefined);
    return this.#changes !== changes;
  }

  /**
   * Takes what a page passes. It is in force when this resolves, in reads under way too.
   * @returns whether it will outlive the worker: not where the browser keeps nothing
   * @throws GridError BAD_CONFIG, and nothing is changed
   */
  async pass(passed: Passed): Promise<boolean> {
    const { config, secrets } = passed;
    if (config != null) parseGridConfig(config);
    if (secrets != null) parseServerSecrets(secrets);
    this.#hear?.(passed);
    if (config === undefined && secrets === undefined) return true;
    const isKept = await this.#keep(passed);
    // Where nothing is kept there is nothing to begin with, and the page says all that it has passed.
    if (isKept) await this.#begin();
    const before = isKept ? await this.#loadPassed() : ((await this.#passed) ?? NOTHING);
    const now = {
      config: config === undefined ? before.config : (config ?? undefined),
      secrets: secrets === undefined ? before.secrets : (secrets ?? undefined),
    };
    this.#passed = Promise.resolve(now);
    // What is being read was decided by what was passed before.
    this.#loading = undefined;
    const present = this.#combine(now, this.#present?.readAt ?? NEVER);
    if (present !== undefined) this.#apply(present);
    // The web server may be away: that is told to whoever reads, and what was passed is in force all the same. What it served
    // last may be old where it has not been in force.
    if (present === undefined || config === null) await this.#load().catch(() => undefined);
    return isKept;
  }

  /**
   * Checks the servers of all grids, with the configuration read anew.
   * @throws GridError BAD_CONFIG; the signal's reason
   */
  async check(signal: AbortSignal): Promise<GridCheck[]> {
    await this.#begin();
    const { configs, secrets } = await this.#load().catch((error: unknown) => {
      if (this.#present === undefined) throw error;
      return this.#present;
    });
    const { clock, makeTransport, origin, permissionOf } = this.#options;
    const platform = { makeTransport, clock, origin, permissionOf };
    const checks: GridCheck[] = [];
    for (const config of configs) checks.push(await this.#options.checkGrid(config, secrets, platform, signal));
    return checks;
  }

  async #current(): Promise<Present> {
    await this.#begin();
    const present = this.#present;
    if (present === undefined) return this.#load();
    const now = this.#options.clock.now();
    // Old servers are better than none.
    if (this.#isDoubted && now - this.#triedAt >= DOUBT_PAUSE_MS) return this.#load().catch(() => present);
    if (now - Math.max(present.readAt, this.#triedAt) >= REFRESH_MS) this.#load().catch(() => undefined);
    return present;
  }

  /** Puts in force what an earlier worker left, unless something is. Never rejects: what cannot be read or used is passed over. */
  async #begin(): Promise<void> {
    if (this.#present !== undefined) return;
    this.#beginning ??= this.#recall()
      .catch(() => undefined)
      .finally(() => {
        this.#beginning = undefined;
      });
    await this.#beginning;
  }

  async #recall(): Promise<void> {
    const [passed, served] = await Promise.all([this.#loadPassed(), this.#options.store.load("served")]);
    if (served !== undefined) this.#served ??= { configs: parseGridConfig(served), text: JSON.stringify(served) };
    const present = this.#combine(passed, NEVER);
    if (present !== undefined && this.#present === undefined) this.#apply(present);
  }

  /**
   * Undefined where the served configuration counts and is not known.
   * @throws GridError BAD_CONFIG
   */
  #combine({ config, secrets }: PassedBefore, readAt: number): Present | undefined {
    const configs = config === undefined ? this.#served?.configs : parseGridConfig(config);
    return configs && { configs, secrets: secrets === undefined ? {} : parseServerSecrets(secrets), readAt };
  }

  /** Callers at the same time share one request; a failure is forgotten, so that the next caller tries again. */
  #load(): Promise<Present> {
    if (this.#loading !== undefined) return this.#loading;
    this.#triedAt = this.#options.clock.now();
    const loading = this.#read().then(
      (present) => {
        if (this.#loading !== loading) return present;
        this.#loading = undefined;
        this.#isDoubted = false;
        this.#apply(present);
        return present;
      },
      (error: unknown) => {
        if (this.#loading === loading) this.#loading = undefined;
        throw error;
      },
    );
    this.#loading = loading;
    return loading;
  }

  async #read(): Promise<Present> {
    const passed = await this.#loadPassed();
    if (passed.config === undefined) await this.#readServed();
    return this.#combine(passed, this.#options.clock.now()) as Present;
  }

  async #readServed(): Promise<void> {
    const { store, url, jsonFault } = this.#options;
    const document = await fetchConfig(url, jsonFault);
    const served = { configs: parseGridConfig(document), text: JSON.stringify(document) };
    if (served.text === this.#served?.text) return;
    if (this.#served !== undefined) this.#changes++;
    this.#served = served;
    store.save("served", document).catch(() => undefined);
  }

  #apply(present: Present): void {
    this.#present = present;
    const names = new Set(present.configs.map(keyOf));
    for (const name of this.#grids.keys()) if (!names.has(name)) this.#grids.delete(name);
    for (const config of present.configs) this.#grid(config).servers.update(config, present.secrets);
  }

  #grid(config: GridConfig): Grid {
    const { clock, makeFiles, makeTransport } = this.#options;
    let grid = this.#grids.get(keyOf(config));
    if (grid === undefined) {
      const servers = new ConfiguredServerList(makeTransport, { clock, limits: this.#limits });
      servers.update(config, this.#present?.secrets ?? {});
      grid = { servers, files: makeFiles(servers) };
      this.#grids.set(keyOf(config), grid);
    }
    return grid;
  }

  #loadPassed(): Promise<PassedBefore> {
    const { store } = this.#options;
    if (this.#passed !== undefined) return this.#passed;
    const loading = Promise.all([store.load("config"), store.load("secrets")]).then(
      ([config, secrets]) => ({ config, secrets }),
      async () => {
        const { config, secrets } = await this.#askPages();
        // Nothing is kept, or not now: it is looked for again when the configuration is read next.
        if (config == null && secrets == null && this.#passed === loading) this.#passed = undefined;
        return { config: config ?? undefined, secrets: secrets ?? undefined };
      },
    );
    this.#passed = loading;
    return loading;
  }

  /** What could not be kept is known to the pages that passed it, an earlier worker may have had it. Nothing where none says so in time. */
  async #askPages(): Promise<Passed> {
    const { askPages, clock } = this.#options;
    const nothing = (): Passed => ({});
    const answer = new Promise<Passed>((resolve) => {
      this.#hear = resolve;
      const none = () => resolve(nothing());
      askPages().then((asked) => {
        if (asked === 0) none();
      }, none);
    });
    try {
      return await inTime(answer, PAGES_LIMIT_MS, clock, nothing);
    } finally {
      this.#hear = undefined;
    }
  }

  /** Written before it is in force, so that no worker after this one knows less. */
  async #keep({ config, secrets }: Passed): Promise<boolean> {
    const { store } = this.#options;
    try {
      if (config !== undefined) await store.save("config", config ?? undefined);
      if (secrets !== undefined) await store.save("secrets", secrets ?? undefined);
      return true;
    } catch (error) {
      if (isGridError(error, "STORE_UNAVAILABLE") || isGridError(error, "STORE_FULL")) return false;
      throw error;
    }
  }
}

function keyOf({ name }: GridConfig): string {
  return name ?? "";
}

function named(name: string | undefined, configs: Configs): GridConfig | undefined {
  return name === undefined ? configs[0] : configs.find((each) => each.name === name);
}

function noSuchGrid(configs: readonly GridConfig[]): GridError<"BAD_URL"> {
  const names = configs.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const known = names.length === 0 ? "and its one grid has no name" : `only ${names.join(", ")}`;
  const reason = `the configuration has no grid of that name, ${known}`;
  return new GridError("BAD_URL", { reason }, `This grid URL cannot be answered: ${reason}.`);
}
