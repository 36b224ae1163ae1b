import { systemClock } from "../../base/Clock.ts";
import { defaultLimits } from "../../base/limits.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { httpServer } from "../../servers/httpServer.ts";
import type { Server } from "../../servers/Server.ts";
import { swissnumOf, transportTo } from "../../servers/serversFromConfig.ts";
import { nodeAddressTransport } from "./nodeAddressTransport.ts";
import type { ListRemark } from "./readAnnouncements.ts";
import { badList, type ListSource } from "./readListText.ts";
import { noServer, readUsableServers, type UsableServer } from "./usableServers.ts";

/** A server of a list, with what it takes to send it other requests than a reader's. */
export interface ListedServer {
  readonly server: Server;
  /** By all of the server's addresses. */
  readonly transport: HttpTransport;
  /** Secret. */
  readonly swissnum?: string;
}

/** The servers of a list, and the entries that are none. */
export interface ReadServerList {
  readonly servers: readonly ListedServer[];
  /** Entries that cannot be used, by nickname or id, and why. */
  readonly unusable: readonly ListRemark[];
  /** Servers that are used all the same, and what is odd about them. */
  readonly doubts: readonly ListRemark[];
}

/**
 * Reads a list of servers for use: a static server list as Tahoe-LAFS clients have it in `private/servers.yaml` (YAML or JSON), what
 * they have heard from an introducer and keep in `private/introducer_<name>_cache.yaml`, Gridsync's settings, or NURLs, one
 * a line. A development grid's servers have `gridfetch-url: <url>` in place of NURLs.
 *
 * @param path `-` for stdin, where the source has it
 * @throws GridError BAD_CONFIG if the file cannot be read, is no such list, or has no server that can be used; the signal's reason
 */
export async function readServerList(path: string, source?: ListSource): Promise<ReadServerList> {
  const { servers, unusable, doubts } = await readUsableServers(path, source);
  const open = servers.filter(hasSwissnum);
  const closed = servers.filter((server) => !hasSwissnum(server));
  const reason = "its NURL has no swissnum";
  const left = [...unusable, ...closed.map(({ announcement: { name } }) => ({ name, reason }))];
  if (open.length > 0) return { servers: open.map(listedServer), unusable: left, doubts };
  throw badList(path, noServer(left));
}

function hasSwissnum({ config, nurls }: UsableServer): boolean {
  return nurls.length === 0 || swissnumOf(config, {}) !== undefined;
}

function listedServer({ announcement, config }: UsableServer): ListedServer {
  const transport = transportTo(config, nodeAddressTransport(), { clock: systemClock, limits: defaultLimits });
  const swissnum = swissnumOf(config, {});
  return {
    server: httpServer(announcement, transport, swissnum),
    transport,
    ...(swissnum !== undefined && { swissnum }),
  };
}
