import { readFile } from "node:fs/promises";
import { GridError, isGridError } from "../../base/GridError.ts";
import type { GridConfig } from "../../base/gridConfig.ts";
import { jsonFault } from "../../base/jsonFault.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { readUsableServers } from "../transport/usableServers.ts";
import { type Terminal, tellList } from "./Terminal.ts";
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
  /** So many entries of a server list cannot be used. */
  readonly unusable: number;
}

/** A web server's answer with a small document. */
const FETCH_LIMIT_MS = 20_000;

/**
 * The grids that are named. What of a server list cannot be used is told.
 * @throws UsageError; GridError BAD_CONFIG; the signal's reason
 */
export async function readGrids({ servers, config }: GridOption, terminal: Terminal): Promise<Grids> {
  if (servers !== undefined && config === undefined) {
    const list = await readUsableServers(servers, terminal);
    tellList(terminal, list);
    const listed = list.servers.map((server) => server.config);
    return { grids: listed.length > 0 ? [{ servers: listed }] : [], unusable: list.unusable.length };
  }
  if (config !== undefined && servers === undefined) {
    const document = parseJson(await readText(config, terminal.signal));
    if (Array.isArray(document) || Object.hasOwn(Object(document), "storage")) {
      throw badConfig("it is a server list. Give it with --servers");
    }
    return { grids: parseGridConfig(document), unusable: 0 };
  }
  throw new UsageError("name one grid: --servers FILE, a static server list, or --config FILE or URL, a grid.json");
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
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    // A time limit's error has a number there.
    throw badConfig(`it could not be fetched (${typeof code === "string" ? code : message})`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (/^\s*<(?:!doctype|html)\b/i.test(text))
      throw badConfig("it is an HTML page, as web servers send for what they do not have");
    // The parser's own message quotes the text, and that may hold swissnums.
    const { line, column } = jsonFault(text);
    throw badConfig(`it is not JSON: see line ${line}, column ${column}. A server list is given with --servers`);
  }
}

function badConfig(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The grid configuration cannot be used: ${reason}.`);
}
