import { GridError } from "../base/GridError.ts";
import { decodeBase32 } from "../formats/base32.ts";
import type { HttpTransport } from "./HttpTransport.ts";
import { httpServer, serverName } from "./httpServer.ts";
import type { Server } from "./Server.ts";

/** The document that tells an app which servers make up its grid, usually `/grid.json`. */
export interface GridConfig {
  readonly servers: readonly ServerConfig[];
}

export interface ServerConfig {
  /** As the grid's other clients have it, for instance `v0-…`: it decides where a file's shares are looked for first. */
  readonly id: string;
  readonly nickname?: string;
  /** Only where the server announces one. */
  readonly "permutation-seed-base32"?: string;
  /** The server's root, http or https. May be a path of a proxy. */
  readonly url: string;
  /** Only where the server wants one, and the proxy in front of it does not add it. */
  readonly swissnum?: string;
}

/** A grid of a thousand servers would be the largest ever seen. */
const MOST_SERVERS = 10_000;

/**
 * Checks a parsed JSON document.
 *
 * @throws GridError BAD_CONFIG that names the entry and the field, and never a swissnum or a URL
 */
export function parseGridConfig(document: unknown): GridConfig {
  if (!isRecord(document) || !Array.isArray(document.servers))
    throw badConfig('it must be an object with a list "servers"');
  const entries: unknown[] = document.servers;
  if (entries.length === 0 || entries.length > MOST_SERVERS) {
    throw badConfig(`"servers" must list 1 to ${MOST_SERVERS} servers, not ${entries.length}`);
  }
  const servers = entries.map(parseServer);
  const seen = new Set<string>();
  for (const [index, { id }] of servers.entries()) {
    if (seen.has(id)) throw badConfig(`servers[${index}] has the "id" of an earlier entry`);
    seen.add(id);
  }
  return { servers };
}

/**
 * The servers of a grid.
 *
 * @param makeTransport how this platform reaches one
 */
export function serversFromConfig(
  config: GridConfig,
  makeTransport: (url: string, name: string) => HttpTransport,
): Server[] {
  return config.servers.map((entry) => {
    const { id, nickname, "permutation-seed-base32": permutationSeed } = entry;
    const identity = { id, nickname, permutationSeed };
    return httpServer(identity, makeTransport(entry.url, serverName(identity)), entry.swissnum);
  });
}

function parseServer(entry: unknown, index: number): ServerConfig {
  if (!isRecord(entry)) throw badConfig(`servers[${index}] must be an object`);
  const field = (key: string, rule: string, holds: (text: string) => boolean): string | undefined => {
    const value = entry[key];
    if (value === undefined) return undefined;
    if (typeof value !== "string" || !holds(value)) throw badConfig(`servers[${index}]: "${key}" must be ${rule}`);
    return value;
  };
  const required = (value: string | undefined, key: string): string => {
    if (value === undefined) throw badConfig(`servers[${index}] has no "${key}"`);
    return value;
  };
  const nickname = field("nickname", "a text of at most 200 characters", (text) => text.length <= 200);
  const seed = field("permutation-seed-base32", "lower-case base32", isBase32);
  const swissnum = field("swissnum", "printable ASCII without spaces", (text) => /^[!-~]{1,200}$/.test(text));
  return {
    id: required(
      field("id", "1 to 200 printable ASCII characters", (text) => /^[!-~]{1,200}$/.test(text)),
      "id",
    ),
    url: required(field("url", "an http or https URL without user, password, query or fragment", isServerUrl), "url"),
    ...(nickname !== undefined && { nickname }),
    ...(seed !== undefined && { "permutation-seed-base32": seed }),
    ...(swissnum !== undefined && { swissnum }),
  };
}

/** Is this the root of a server as `fetchTransport` takes it? `fetch` refuses URLs with a password in them. */
export function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === "");
}

function isBase32(text: string): boolean {
  try {
    return decodeBase32(text).length > 0;
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badConfig(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The grid configuration cannot be used: ${reason}.`);
}
