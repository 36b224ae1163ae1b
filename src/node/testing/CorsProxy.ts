import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { type Nurl, parseNurl } from "../../servers/parseNurl.ts";
import { PinnedAgent } from "../transport/PinnedAgent.ts";

/** What a page may send and what a storage server needs: everything else stays here. */
const PASSED_ON = ["authorization", "range", "accept"];
/** What a reader needs of a reply. */
const PASSED_BACK = ["content-type", "content-range", "content-length"];

/**
 * Lets the pages of one origin read from unmodified storage servers, which browsers do not reach: their certificates
 * are self-signed and they know nothing of CORS. For tests, and the pattern for the reverse proxy of a real grid
 * (nginx, say):
 *
 * - one path prefix for each server, its TLS id; behind the proxy TLS with that key pinned;
 * - OPTIONS is answered here, since the servers answer it with 405;
 * - CORS for the app's origin alone, with Content-Range exposed: it is how a reader knows which bytes it gets;
 * - GET and HEAD only, so that nobody can write through a reader's proxy;
 * - a few connections to each server, kept alive, with never more than one request on each at a time.
 *
 * It sees swissnums and ciphertext, never keys.
 */
export class CorsProxy {
  readonly #http: Server;
  readonly #agents: readonly PinnedAgent[];

  private constructor(http: Server, agents: readonly PinnedAgent[]) {
    this.#http = http;
    this.#agents = agents;
  }

  /**
   * Listens on a free loopback port.
   * @param nurls of the servers
   * @param origin of the app
   */
  static async start(nurls: readonly string[], origin: string): Promise<CorsProxy> {
    const upstreams = new Map(nurls.map(parseNurl).map((nurl) => [nurl.tlsId, { nurl, agent: agentFor(nurl) }]));
    const http = createServer((request, response) => {
      response.setHeader("Access-Control-Allow-Origin", origin);
      response.setHeader("Access-Control-Expose-Headers", "Content-Range");
      const [, tlsId = "", path = ""] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? "") ?? [];
      const upstream = upstreams.get(tlsId);
      if (upstream === undefined) response.writeHead(404).end();
      else if (request.method === "OPTIONS") allow(response);
      else if (request.method !== "GET" && request.method !== "HEAD") response.writeHead(405).end();
      else passOn(request, response, path, upstream);
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new CorsProxy(
      http,
      [...upstreams.values()].map(({ agent }) => agent),
    );
  }

  /** The root under which a page finds the server of this NURL. */
  urlOf(nurl: string): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/${parseNurl(nurl).tlsId}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    for (const agent of this.#agents) agent.destroy();
    await closed;
  }
}

function agentFor(nurl: Nurl): PinnedAgent {
  const agent = new PinnedAgent(nurl);
  agent.maxSockets = 4;
  return agent;
}

function allow(response: ServerResponse): void {
  response.writeHead(204, {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Authorization, Range",
    "Access-Control-Max-Age": "7200",
  });
  response.end();
}

function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { nurl, agent }: { nurl: Nurl; agent: PinnedAgent },
): void {
  const { host, port } = nurl;
  const headers = pick(request, PASSED_ON);
  const upstream = httpsRequest({ host, port, path, method: request.method, headers, agent });
  upstream.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  upstream.on("response", (reply) => {
    response.writeHead(reply.statusCode ?? 502, pick(reply, PASSED_BACK));
    reply.on("error", () => response.destroy());
    reply.pipe(response);
  });
  // A page that has gone away wants no more bytes from the server.
  response.on("close", () => upstream.destroy());
  upstream.end();
}

function pick(message: IncomingMessage, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = message.headers[name];
    if (typeof value === "string") picked[name] = value;
  }
  return picked;
}
