import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import sirv from "sirv";

/** What it sends: headers and documents by path, and both may be changed while it runs. */
export interface ServedPolicies {
  readonly headers: Record<string, Record<string, string>>;
  readonly documents: Record<string, { readonly type: string; readonly text: string }>;
}

/** A static web server as an app's developer sets it up: with headers of his, and with mistakes of his. */
export class PolicyServer {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  static async start(folder: string, { headers, documents }: ServedPolicies): Promise<PolicyServer> {
    const serve = sirv(folder, {
      dev: true,
      setHeaders: (response) => void response.setHeader("Cache-Control", "no-store"),
    });
    const http = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
      for (const [name, value] of Object.entries(headers[pathname] ?? {})) response.setHeader(name, value);
      const document = documents[pathname];
      if (document === undefined) serve(request, response, () => void response.writeHead(404).end("Not found."));
      else response.writeHead(200, { "Content-Type": document.type }).end(document.text);
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new PolicyServer(http);
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
