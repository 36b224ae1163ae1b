import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Where an operator's own programs look: `/metrics` and `/healthz`, on an address that visitors do not reach. */
export class MonitorEndpoint {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  /** @param metrics makes the text for Prometheus */
  static async start({ host, port }: ListenAddress, metrics: () => string): Promise<MonitorEndpoint> {
    const http = createServer(({ url, method }, response) => {
      const path = url?.split("?")[0];
      const isRead = method === "GET" || method === "HEAD";
      if (isRead && path === "/healthz") response.setHeader("Content-Type", "text/plain").end("ok\n");
      else if (isRead && path === "/metrics") {
        response.setHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8").end(metrics());
      } else response.writeHead(404, { "Content-Type": "text/plain" }).end("There are /metrics and /healthz.\n");
    });
    http.listen(port, host);
    await once(http, "listening");
    return new MonitorEndpoint(http);
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }
}

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
}
