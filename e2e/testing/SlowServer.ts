import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A web server in front of another that holds one path back, as a slow line does. */
export class SlowServer {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  /** @param delay in milliseconds, of every answer to `path` */
  static async start(behind: { readonly url: string }, path: string, delay: number): Promise<SlowServer> {
    const http = createServer((incoming, outgoing) => {
      const { method = "GET", url = "/" } = incoming;
      const target = new URL(url, behind.url);
      const relay = (): void => {
        const headers = { ...incoming.headers, host: target.host };
        const onward = request(target, { method, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        });
        onward.on("error", () => outgoing.destroy());
        incoming.pipe(onward);
      };
      if (target.pathname === path) setTimeout(relay, delay);
      else relay();
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new SlowServer(http);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }
}
