import { GridError, isGridError } from "../../base/GridError.ts";
import { nurlsOf, readAnnouncements } from "../transport/readAnnouncements.ts";
import type { ServerAddress } from "./connectToServer.ts";

export interface RelayServers {
  /** By TLS id. */
  readonly servers: ReadonlyMap<string, readonly ServerAddress[]>;
  /** Entries without a NURL, by nickname or id, and why. */
  readonly unusable: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Where the servers of a list (see readAnnouncements) are. Several addresses under one key are tried in turn.
 *
 * @throws GridError BAD_CONFIG if there is no such list, or no server in it that has a NURL
 */
export async function readRelayServers(path: string): Promise<RelayServers> {
  const servers = new Map<string, ServerAddress[]>();
  const unusable: { name: string; reason: string }[] = [];
  for (const announcement of await readAnnouncements(path)) {
    try {
      for (const { tlsId, host, port } of nurlsOf(announcement)) {
        servers.set(tlsId, [...(servers.get(tlsId) ?? []), { host, port }]);
      }
    } catch (error) {
      if (!isGridError(error)) throw error;
      unusable.push({ name: announcement.name, reason: error.message });
    }
  }
  if (servers.size > 0) return { servers, unusable };
  const reason = "it has no server with a NURL";
  throw new GridError("BAD_CONFIG", { reason }, `The server list ${path} cannot be used: ${reason}.`);
}
