import { readFile } from "node:fs/promises";
import { GridError, isGridError } from "../../base/GridError.ts";
import type { GridConfig, ServerConfig } from "../../base/gridConfig.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { type Announcement, nurlsOf, readAnnouncements } from "../transport/readAnnouncements.ts";
import { UsageError } from "./UsageError.ts";

/** Which grid is meant: one of the two. */
export interface GridOption {
  /** A static server list's file. */
  readonly servers?: string;
  /** A grid configuration's file or URL. */
  readonly config?: string;
}

export interface Grids {
  readonly grids: readonly GridConfig[];
  /** Entries of a server list that cannot be used, by nickname or id, and why. */
  readonly unusable: readonly { readonly name: string; readonly reason: string }[];
}

/** A web server's answer with a small document. */
const FETCH_LIMIT_MS = 20_000;

/** @throws UsageError; GridError BAD_CONFIG; the signal's reason */
export async function readGrids({ servers, config }: GridOption, signal: AbortSignal): Promise<Grids> {
  if (servers !== undefined && config === undefined) return readList(servers);
  if (config !== undefined && servers === undefined) {
    return { grids: parseGridConfig(parseJson(await readText(config, signal))), unusable: [] };
  }
  throw new UsageError("name one grid: --servers FILE, a static server list, or --config FILE or URL, a grid.json");
}

async function readList(path: string): Promise<Grids> {
  const servers: ServerConfig[] = [];
  const unusable: { name: string; reason: string }[] = [];
  for (const announcement of await readAnnouncements(path)) {
    try {
      servers.push(serverOf(announcement));
    } catch (error) {
      if (!isGridError(error)) throw error;
      unusable.push({ name: announcement.name, reason: error.message });
    }
  }
  return { grids: servers.length > 0 ? parseGridConfig({ servers }) : [], unusable };
}

function serverOf(announcement: Announcement): ServerConfig {
  const { id, nickname, permutationSeed: seed, url, nurls } = announcement;
  if (url === undefined) nurlsOf(announcement);
  return {
    id,
    ...(nickname !== undefined && { nickname }),
    ...(seed !== undefined && { "permutation-seed-base32": seed }),
    addresses: url === undefined ? nurls.map((nurl) => ({ nurl })) : [{ url }],
  };
}

async function readText(place: string, signal: AbortSignal): Promise<string> {
  if (!/^https?:\/\//.test(place)) {
    return readFile(place, "utf8").catch((error: NodeJS.ErrnoException) => {
      throw badConfig(`${place}: ${error.code ?? error.message}`);
    });
  }
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(FETCH_LIMIT_MS)]);
    const response = await fetch(place, { signal: limited });
    if (!response.ok) throw badConfig(`it was answered with HTTP ${response.status}`);
    return await response.text();
  } catch (error) {
    signal.throwIfAborted();
    if (isGridError(error)) throw error;
    throw badConfig("it could not be fetched: is the web server there?");
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and that may hold swissnums.
    throw badConfig("it is not JSON");
  }
}

function badConfig(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The grid configuration cannot be used: ${reason}.`);
}
