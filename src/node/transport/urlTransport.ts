import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { IDLE_LIMIT } from "../../servers/serverConnections.ts";
import { nodeTransport } from "./nodeTransport.ts";

/**
 * A storage server that is named by a URL: a development grid's, or a proxy before a real one.
 *
 * @param url as `isServerUrl` wants it
 * @param name of the server, for errors
 */
export function urlTransport(url: string, name: string): HttpTransport {
  const { protocol, hostname, port, pathname } = new URL(url);
  const isHttps = protocol === "https:";
  const [request, Agent] = isHttps ? [httpsRequest, HttpsAgent] : [httpRequest, HttpAgent];
  const agent = new Agent({ keepAlive: true, timeout: IDLE_LIMIT });
  // A URL has an IPv6 address in brackets, a socket has not.
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const options = { host, port: port === "" ? (isHttps ? 443 : 80) : Number(port), agent };
  return nodeTransport({ request, options, root: pathname.replace(/\/+$/, "") }, name);
}
