import { utf8 } from "../../base/bytes.ts";
import { isGridError } from "../../base/GridError.ts";
import type { AddressConfig, GridConfig, ServerConfig, ServerSecrets } from "../../base/gridConfig.ts";
import { encodeBase32 } from "../../formats/base32.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { type Announcement, nurlsOf } from "../transport/readAnnouncements.ts";

export interface GridDocumentSettings {
  readonly name?: string;
  /** Under which every server is found as `<tls id>/`. */
  readonly proxy?: string;
  /** A relay's WebSocket. */
  readonly relay?: string;
}

export interface GridDocument {
  /** Without swissnums. */
  readonly grid: GridConfig;
  readonly secrets: ServerSecrets;
  /** What an operator should know, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Makes the document that a web app serves as `grid.json`. Of a server that is announced several times (by its id, or by
 * its key) the first announcement counts, and the others give what it lacks.
 *
 * @throws GridError BAD_CONFIG if no server can be used
 */
export function gridDocument(announcements: readonly Announcement[], settings: GridDocumentSettings): GridDocument {
  const servers: ServerConfig[] = [];
  const secrets: Record<string, string> = {};
  const warnings: string[] = [];
  for (const announcement of merged(announcements)) {
    const { id, name, nickname } = announcement;
    try {
      const { addresses, swissnum } = waysTo(announcement, settings);
      const { seed, warning } = seedOf(announcement);
      servers.push({
        id,
        ...(nickname !== undefined && { nickname }),
        ...(seed !== undefined && { "permutation-seed-base32": seed }),
        addresses,
      });
      if (swissnum !== undefined) secrets[id] = swissnum;
      if (warning !== undefined) warnings.push(`Server ${name}: ${warning}`);
    } catch (error) {
      if (!isGridError(error)) throw error;
      warnings.push(`Server ${name} is left out: ${error.message}`);
    }
  }
  const [grid] = parseGridConfig({ ...(settings.name !== undefined && { name: settings.name }), servers });
  return { grid, secrets, warnings };
}

/** The same grid with its secrets in it. */
export function withSecrets(grid: GridConfig, secrets: ServerSecrets): GridConfig {
  const servers = grid.servers.map((server) => {
    const swissnum = secrets[server.id];
    return swissnum === undefined ? server : { ...server, swissnum };
  });
  return { ...grid, servers };
}

function merged(announcements: readonly Announcement[]): Announcement[] {
  const servers: Announcement[] = [];
  for (const announcement of announcements) {
    const index = servers.findIndex((known) => isSameServer(known, announcement));
    const known = servers[index];
    if (known === undefined) servers.push(announcement);
    else servers[index] = completed(known, announcement);
  }
  return servers;
}

function isSameServer(one: Announcement, other: Announcement): boolean {
  const key = keyOf(one);
  return one.id === other.id || (key !== undefined && key === keyOf(other));
}

function keyOf({ nurls }: Announcement): string | undefined {
  return /^pb:\/\/([^@]+)@/.exec(nurls[0] ?? "")?.[1];
}

function completed(known: Announcement, other: Announcement): Announcement {
  return {
    ...known,
    nickname: known.nickname ?? other.nickname,
    permutationSeed: known.permutationSeed ?? other.permutationSeed,
    nurls: known.nurls.length > 0 ? known.nurls : other.nurls,
    hasFurl: known.hasFurl || other.hasFurl,
  };
}

interface Ways {
  readonly addresses: readonly AddressConfig[];
  readonly swissnum?: string;
}

/** The proxy before the relay: it is the faster one. Without either, an address for programs. */
function waysTo(announcement: Announcement, { proxy, relay }: GridDocumentSettings): Ways {
  if (announcement.url !== undefined) return { addresses: [{ url: announcement.url }] };
  const [{ tlsId, swissnum }] = nurlsOf(announcement);
  const bare = announcement.nurls.map((nurl) => nurl.replace(/\/[^/]*#v=1$/, "/#v=1"));
  const [first = ""] = bare;
  const addresses: AddressConfig[] = [];
  if (proxy !== undefined) addresses.push({ url: `${proxy.replace(/\/+$/, "")}/${tlsId}/` });
  // The relay knows every address of a key.
  if (relay !== undefined) addresses.push({ nurl: first, relay });
  if (addresses.length === 0) addresses.push(...bare.map((nurl) => ({ nurl })));
  return { addresses, ...(swissnum !== undefined && { swissnum }) };
}

const TELL_SEED =
  "To be sure, name the server's own node directory, or that of a client that knows it from an introducer, with --node.";

/**
 * What decides where a server stands in each file's order. Tried with Tahoe-LAFS 1.20: its clients take the seed that a
 * list has, and follow from the id where it has none; but an entry without a FURL they pass over. So who put files onto
 * a server that a list names by NURLs alone knows it from its announcement, in which a node of that version has the
 * base32 text of its key as the seed (in base32 once more).
 */
function seedOf({ id, permutationSeed, hasFurl, url }: Announcement): { seed?: string; warning?: string } {
  if (permutationSeed !== undefined) return { seed: permutationSeed };
  if (url !== undefined) return {};
  if (hasFurl) {
    return {
      warning: `the list has no permutation seed for it, so its place follows from its id: right for files that were put with this list. ${TELL_SEED}`,
    };
  }
  const key = /^v0-([a-z2-7]{52})$/.exec(id)?.[1];
  if (key === undefined)
    return { warning: `nothing tells its permutation seed, so files may be found slowly. ${TELL_SEED}` };
  return {
    seed: encodeBase32(utf8(key)),
    warning: `the list has only NURLs for it, so its permutation seed is the one that nodes of Tahoe-LAFS 1.20 announce. ${TELL_SEED}`,
  };
}
