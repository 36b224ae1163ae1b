import { request } from "node:https";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import type { Nurl } from "../../servers/parseNurl.ts";
import { nodeTransport } from "./nodeTransport.ts";
import { PinnedAgent } from "./PinnedAgent.ts";

/**
 * A storage server that is named by a NURL, over TLS with its pinned key.
 *
 * @param name of the server, for errors
 */
export function pinnedTlsTransport(nurl: Nurl, name: string): HttpTransport {
  const { host, port } = nurl;
  return nodeTransport({ request, options: { host, port, agent: new PinnedAgent(nurl) }, root: "" }, name);
}
