import { utf8 } from "../../base/bytes.ts";
import type { AddressConfig, GridConfig, ServerConfig, ServerSecrets } from "../../base/gridConfig.ts";
import { encodeBase32 } from "../../formats/base32.ts";
import { serverName } from "../../servers/httpServer.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { swissnumOf } from "../../servers/serversFromConfig.ts";
import type { Announcement, Announcements, ListRemark } from "../transport/readAnnouncements.ts";
import { type UsableServer, usableServers } from "../transport/usableServers.ts";

export interface GridDocumentSettings {
  readonly name?: string;
  /** Under which every server is found as `<tls id>/`. */
  readonly proxy?: string;
  /** A relay's WebSocket. */
  readonly relay?: string;
}

export interface GridDocument {
  /** Without swissnums. Undefined if no server can be used. */
  readonly grid: GridConfig | undefined;
  readonly secrets: ServerSecrets;
  /** What an operator should know, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Makes the document that a web app serves as `grid.json`. Of a server that several lists announce the first announcement
 * counts, and the others give what it lacks.
 *
 * @throws GridError BAD_CONFIG if the grid's name cannot be used
 */
export function gridDocument(lists: readonly Announcements[], settings: GridDocumentSettings): GridDocument {
  const { announcements, unusable } = merged(lists);
  const usable = usableServers(announcements);
  const leftOut = [...unusable, ...usable.unusable].map(({ name, reason }) => `Server ${name} is left out: ${reason}.`);
  const doubts = usable.doubts.map(({ name, reason }) => `Server ${name}: ${reason}.`);
  const servers: ServerConfig[] = [];
  const secrets = new Map<string, string>();
  const seedWarnings: string[] = [];
  for (const server of usable.servers) {
    const { announcement, config } = server;
    const { seed, warning } = seedOf(announcement);
    const { swissnum: _, ...open } = config;
    servers.push({
      ...open,
      ...(seed !== undefined && { "permutation-seed-base32": seed }),
      addresses: waysTo(server, settings),
    });
    const swissnum = swissnumOf(config, {});
    if (swissnum !== undefined) secrets.set(announcement.id, swissnum);
    if (warning !== undefined) seedWarnings.push(`Server ${announcement.name}: ${warning}`);
  }
  const name = settings.name !== undefined && { name: settings.name };
  return {
    grid: servers.length > 0 ? parseGridConfig({ ...name, servers })[0] : undefined,
    secrets: Object.fromEntries(secrets),
    warnings: [...leftOut, ...doubts, ...seedWarnings],
  };
}

/** The same grid with its secrets in it. */
export function withSecrets(grid: GridConfig, secrets: ServerSecrets): GridConfig {
  const servers = grid.servers.map((server) => {
    const swissnum = swissnumOf(server, secrets);
    return swissnum === undefined ? server : { ...server, swissnum };
  });
  return { ...grid, servers };
}

/**
 * One announcement for each id. A TLS key makes no two of them one, since anybody can announce another's. But a node's own folder
 * has the key itself: where it was read, what a list calls by a name of its own is that server, and another server that
 * announces the key is none.
 */
function merged(lists: readonly Announcements[]): Announcements {
  const servers = new Map<string, Announcement>();
  const unusable: ListRemark[] = lists.flatMap((list) => list.unusable);
  for (const announcement of lists.flatMap((list) => list.announcements)) {
    const known = servers.get(announcement.id);
    servers.set(announcement.id, known === undefined ? announcement : completed(known, announcement));
  }
  for (const own of servers.values()) {
    for (const other of servers.values()) {
      if (other.id === own.id || !namesKey(other, own.ownTlsId)) continue;
      if (other.id.startsWith("v0-")) {
        servers.delete(other.id);
        unusable.push({
          name: other.name,
          reason: `its NURL names the TLS key of ${own.name}, whose node directory has it`,
        });
      } else {
        servers.set(other.id, completed(other, own));
        servers.delete(own.id);
      }
    }
  }
  return { announcements: [...servers.values()], unusable };
}

function namesKey({ nurls }: Announcement, tlsId: string | undefined): boolean {
  return tlsId !== undefined && nurls.some((nurl) => nurl.startsWith(`pb://${tlsId}@`));
}

function completed(known: Announcement, other: Announcement): Announcement {
  const { id } = known;
  const nickname = known.nickname ?? other.nickname;
  return {
    id,
    name: serverName({ id, nickname }),
    nickname,
    permutationSeed: known.permutationSeed ?? other.permutationSeed,
    nurls: known.nurls.length > 0 ? known.nurls : other.nurls,
    url: known.url ?? other.url,
    hasFurl: known.hasFurl || other.hasFurl,
    ownTlsId: known.ownTlsId ?? other.ownTlsId,
    whyNoNurl: known.whyNoNurl ?? other.whyNoNurl,
  };
}

/** The proxy before the relay: it is the faster one. Without either, an address for programs. */
function waysTo({ config, nurls }: UsableServer, { proxy, relay }: GridDocumentSettings): AddressConfig[] {
  const [first] = nurls;
  if (first === undefined) return [...config.addresses];
  const bare = nurls.map(
    ({ tlsId, host, port }) => `pb://${tlsId}@${host.includes(":") ? `[${host}]` : host}:${port}/#v=1`,
  );
  const addresses: AddressConfig[] = [];
  if (proxy !== undefined) addresses.push({ url: `${proxy.replace(/\/+$/, "")}/${first.tlsId}/` });
  // The relay knows every address of a key.
  if (relay !== undefined) addresses.push({ nurl: bare[0]!, relay });
  return addresses.length > 0 ? addresses : bare.map((nurl) => ({ nurl }));
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
