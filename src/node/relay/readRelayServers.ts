import type { ListRemark } from "../transport/readAnnouncements.ts";
import { badList, type ListSource } from "../transport/readListText.ts";
import { noServer, readUsableServers } from "../transport/usableServers.ts";
import type { ServerAddress } from "./connectToServer.ts";

export interface RelayServers {
  /** By TLS id. */
  readonly servers: ReadonlyMap<string, readonly ServerAddress[]>;
  /** Entries without a NURL, by nickname or id, and why. */
  readonly unusable: readonly ListRemark[];
  /** Servers that are relayed to all the same, and what is odd about them. */
  readonly doubts: readonly ListRemark[];
}

/**
 * Where the servers of a list (see readAnnouncements) are. Several addresses under one key are tried in turn.
 *
 * @throws GridError BAD_CONFIG if there is no such list, or no server in it that has a NURL
 */
export async function readRelayServers(path: string, source?: ListSource): Promise<RelayServers> {
  const list = await readUsableServers(path, source);
  const servers = new Map<string, ServerAddress[]>();
  for (const { tlsId, host, port } of list.servers.flatMap(({ nurls }) => nurls)) {
    servers.set(tlsId, [...(servers.get(tlsId) ?? []), { host, port }]);
  }
  const reason = "it has no anonymous-storage-NURLs";
  const without = list.servers.filter(({ nurls }) => nurls.length === 0);
  const unusable = [...list.unusable, ...without.map(({ announcement: { name } }) => ({ name, reason }))];
  if (servers.size > 0) return { servers, unusable, doubts: list.doubts };
  throw badList(path, noServer(unusable));
}
