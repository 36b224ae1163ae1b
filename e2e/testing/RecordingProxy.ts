import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The app's web server and the grid's storage servers behind one address, which writes down all that it is sent: what
 * the owners of those servers could read.
 */
export class RecordingProxy {
  /** Request lines, headers and bodies. */
  readonly seen: string[] = [];
  readonly #http: Server;
  readonly #appUrl: URL;
  #servers: string[] = [];

  private constructor(appUrl: URL) {
    this.#appUrl = appUrl;
    this.#http = createServer((incoming, outgoing) => void this.#relay(incoming, outgoing));
  }

  static async start(appUrl: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(new URL(appUrl));
    proxy.#http.listen(0, "127.0.0.1");
    await once(proxy.#http, "listening");
    return proxy;
  }

  /** The app's address through this. */
  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  /** Requests of storage servers so far. */
  get storageRequests(): number {
    return this.seen.filter((each) => / \/store\/\d+\//.test(each)).length;
  }

  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }

  async #relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", rawHeaders } = incoming;
    const body = Buffer.concat(await incoming.toArray());
    this.seen.push(`${method} ${url}\n${rawHeaders.join("\n")}\n${body.toString("latin1")}`);
    if (url === "/grid.json") return this.#sendConfig(outgoing);
    const [, index, rest] = /^\/store\/(\d+)\/(.*)$/.exec(url) ?? [];
    const target = index === undefined ? new URL(url, this.#appUrl) : new URL(rest ?? "", this.#servers[Number(index)]);
    const headers = { ...incoming.headers, host: target.host };
    const onward = request(target, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    onward.end(body);
  }

  async #sendConfig(outgoing: ServerResponse): Promise<void> {
    const config: { servers: { addresses: { url: string }[] }[] } = await (
      await fetch(new URL("/grid.json", this.#appUrl))
    ).json();
    this.#servers = config.servers.map(({ addresses }) => addresses[0]?.url ?? "");
    const servers = config.servers.map((server, i) => ({ ...server, addresses: [{ url: `${this.url}store/${i}/` }] }));
    outgoing.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ ...config, servers }));
  }
}
