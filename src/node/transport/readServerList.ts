import { GridError, isGridError } from "../../base/GridError.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { httpServer } from "../../servers/httpServer.ts";
import { isServerUrl } from "../../servers/parseGridConfig.ts";
import type { Server } from "../../servers/Server.ts";
import { pinnedTlsTransport } from "./pinnedTlsTransport.ts";
import { type Announcement, nurlsOf, readAnnouncements, unusableServer } from "./readAnnouncements.ts";
import { urlTransport } from "./urlTransport.ts";

/** A server of a list, with what it takes to send it other requests than a reader's. */
export interface ListedServer {
  readonly server: Server;
  readonly transport: HttpTransport;
  /** Secret. */
  readonly swissnum?: string;
}

/** The servers of a list, and the entries that are none. */
export interface ReadServerList {
  readonly servers: readonly ListedServer[];
  /** Entries that cannot be used, by nickname or id, and why. */
  readonly unusable: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Reads a list of servers (see readAnnouncements) for use. A development grid's servers have `gridfetch-url: <url>` in
 * place of NURLs.
 *
 * @throws GridError BAD_CONFIG if the file cannot be read, is no such list, or has no server that can be used
 */
export async function readServerList(path: string): Promise<ReadServerList> {
  const servers: ListedServer[] = [];
  const unusable: { name: string; reason: string }[] = [];
  for (const announcement of await readAnnouncements(path)) {
    try {
      servers.push(listedServer(announcement));
    } catch (error) {
      if (!isGridError(error)) throw error;
      unusable.push({ name: announcement.name, reason: error.message });
    }
  }
  if (servers.length > 0) return { servers, unusable };
  const reasons = unusable.map(({ name, reason }) => `${name}: ${reason}`);
  const reason = ["it has no server that can be used", ...reasons].join("; ");
  throw new GridError("BAD_CONFIG", { reason }, `The server list ${path} cannot be used: ${reason}.`);
}

function listedServer(announcement: Announcement): ListedServer {
  const { name, url } = announcement;
  if (url !== undefined) {
    if (!isServerUrl(url)) throw unusableServer("its gridfetch-url is no http or https URL");
    const transport = urlTransport(url, name);
    return { server: httpServer(announcement, transport), transport };
  }
  const [nurl] = nurlsOf(announcement);
  const { swissnum } = nurl;
  if (swissnum === undefined) throw unusableServer("its NURL has no swissnum");
  const transport = pinnedTlsTransport(nurl, name);
  return { server: httpServer(announcement, transport, swissnum), transport, swissnum };
}
