import type { Clock } from "../base/Clock.ts";
import type { GridCheck } from "../base/GridCheck.ts";
import { GridError, isGridError } from "../base/GridError.ts";
import type { GridConfig, ServerSecrets } from "../base/gridConfig.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import type { ConfigKind } from "../cache/ConfigStore.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import { ConfiguredServerList } from "../servers/ConfiguredServerList.ts";
import type { checkGrid } from "../servers/checkGrid.ts";
import { parseGridConfig, parseServerSecrets } from "../servers/parseGridConfig.ts";
import type { ServerList } from "../servers/ServerList.ts";
import type { MakeTransport } from "../servers/serversFromConfig.ts";
import { fetchConfig } from "./fetchConfig.ts";

/** While grids are in use their configuration is read again after this: servers come, go and move. */
const REFRESH_MS = 5 * 60_000;
/** Doubts may come with each failed read, and a web server that is away must not hold up every read. */
const DOUBT_PAUSE_MS = 3_000;

/** What pages pass to the worker. */
export interface Passed {
  /** A grid configuration in place of the served one; null goes back to that. */
  readonly config?: unknown;
  /** Swissnums by server id in place of those passed before; null forgets them. */
  readonly secrets?: unknown;
}

/** Where what was passed and served is kept. */
export interface ConfigMemory {
  load(kind: ConfigKind): Promise<unknown>;
  save(kind: ConfigKind, value: unknown): Promise<void>;
}

export interface GridSourceOptions {
  /** Of the served configuration. */
  readonly url: URL;
  readonly memory: ConfigMemory;
  readonly makeTransport: MakeTransport;
  /** Finds out what keeps a grid's servers from being used. */
  readonly checkGrid: typeof checkGrid;
  /** Of the worker. */
  readonly origin: string;
  /** Makes what reads a grid's files from these servers. */
  readonly makeFiles: (servers: ServerList) => FileNodes;
  readonly clock: Clock;
  readonly limits?: Limits;
}

interface Grid {
  readonly servers: ConfiguredServerList;
  readonly files: FileNodes;
}

interface Present {
  /** One or more; the first is the default. */
  readonly configs: readonly [GridConfig, ...GridConfig[]];
  readonly secrets: ServerSecrets;
  readonly readAt: number;
}

/**
 * The grids, as the app's web server and its pages say. A worker is started anew every now and then and begins with what was
 * served or passed last; while it lives it looks again where there is doubt, and now and then. A configuration that has
 * changed changes the lists of servers under the files that are open.
 */
export class GridSource {
  readonly #options: GridSourceOptions;
  readonly #limits: Limits;
  /** By name; "" is one grid without a name. */
  readonly #grids = new Map<string, Grid>();
  #passed: Promise<{ config: unknown; secrets: unknown }> | undefined;
  #loading: Promise<Present> | undefined;
  #present: Present | undefined;
  /** What is kept of the served configuration, as far as this worker knows. */
  #served: string | undefined;
  #isDoubted = false;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(options: GridSourceOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultLimits;
  }

  /**
   * The files of the grid of that name, or of the first grid.
   * @throws GridError BAD_URL if there is no such grid; BAD_CONFIG that says what is the matter with the configuration
   */
  async files(name?: string): Promise<FileNodes> {
    const { configs } = await this.#current();
    const config = name === undefined ? configs[0] : configs.find((each) => each.name === name);
    if (config === undefined) throw noSuchGrid(configs);
    return this.#grid(config).files;
  }

  /** Makes the next caller wait for the configuration to be read again: the servers may have moved. */
  doubt(): void {
    this.#isDoubted = true;
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
    const isKept = await this.#keep(passed);
    const before = await this.#loadPassed();
    this.#passed = Promise.resolve({
      config: config === undefined ? before.config : (config ?? undefined),
      secrets: secrets === undefined ? before.secrets : (secrets ?? undefined),
    });
    // What is being read was decided by what was passed before.
    this.#loading = undefined;
    // A served configuration that cannot be had is no fault of the page's: whoever reads is told.
    await this.#load().catch(() => undefined);
    return isKept;
  }

  /**
   * Checks the servers of all grids, with the configuration read anew.
   * @throws GridError BAD_CONFIG; the signal's reason
   */
  async check(signal: AbortSignal): Promise<GridCheck[]> {
    const { configs, secrets } = await this.#load().catch((error: unknown) => {
      if (this.#present === undefined) throw error;
      return this.#present;
    });
    const { clock, makeTransport, origin } = this.#options;
    const platform = { makeTransport, clock, origin };
    const checks: GridCheck[] = [];
    for (const config of configs) checks.push(await this.#options.checkGrid(config, secrets, platform, signal));
    return checks;
  }

  async #current(): Promise<Present> {
    const present = this.#present;
    if (present === undefined) return this.#load();
    const now = this.#options.clock.now();
    // Old servers are better than none.
    if (this.#isDoubted && now - this.#triedAt >= DOUBT_PAUSE_MS) return this.#load().catch(() => present);
    if (now - Math.max(present.readAt, this.#triedAt) >= REFRESH_MS) this.#load().catch(() => undefined);
    return present;
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
    const { clock } = this.#options;
    const passed = await this.#loadPassed();
    const configs = passed.config === undefined ? await this.#readServed() : parseGridConfig(passed.config);
    const secrets = passed.secrets === undefined ? {} : parseServerSecrets(passed.secrets);
    return { configs, secrets, readAt: clock.now() };
  }

  async #readServed(): Promise<Present["configs"]> {
    const { memory, url } = this.#options;
    const fetched = await fetchConfig(url);
    if ("away" in fetched) {
      // A worker that starts without the network begins with what it knew.
      const known = this.#present === undefined ? await memory.load("served").catch(() => undefined) : undefined;
      if (known === undefined) throw fetched.away;
      return parseGridConfig(known);
    }
    const configs = parseGridConfig(fetched.document);
    const text = JSON.stringify(fetched.document);
    if (text !== this.#served) {
      this.#served = text;
      memory.save("served", fetched.document).catch(() => undefined);
    }
    return configs;
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

  #loadPassed(): Promise<{ config: unknown; secrets: unknown }> {
    const { memory } = this.#options;
    this.#passed ??= Promise.all([memory.load("config"), memory.load("secrets")]).then(
      ([config, secrets]) => ({ config, secrets }),
      () => {
        // Nothing is kept, or not now: it is looked for again when the configuration is read next.
        this.#passed = undefined;
        return { config: undefined, secrets: undefined };
      },
    );
    return this.#passed;
  }

  /** Written before it is in force, so that no worker after this one knows less. */
  async #keep({ config, secrets }: Passed): Promise<boolean> {
    const { memory } = this.#options;
    try {
      if (config !== undefined) await memory.save("config", config ?? undefined);
      if (secrets !== undefined) await memory.save("secrets", secrets ?? undefined);
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

function noSuchGrid(configs: readonly GridConfig[]): GridError<"BAD_URL"> {
  const names = configs.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const known = names.length === 0 ? "and its one grid has no name" : `only ${names.join(", ")}`;
  const reason = `the configuration has no grid of that name, ${known}`;
  return new GridError("BAD_URL", { reason }, `This grid URL cannot be answered: ${reason}.`);
}
