import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import sirv from "sirv";
import { gridPaths, isGridUrl } from "../../http/GridPaths.ts";

const HOST = "127.0.0.1";

/** As the app's worker has them. */
const GRID_PATHS = gridPaths(new URL(`http://${HOST}/`), { tahoeForms: true });

/** How many ports after the wanted one are tried. */
const PORT_TRIES = 50;

export interface AppServerOptions {
  /** The built app: index.html, bootstrap.html, the Service Worker's script. */
  readonly folder: string;
  /** The port to listen on, or the next free one after it; 0 for any. */
  readonly port: number;
  /** JSON documents by their path: `/grid.json` names the grid's servers. */
  readonly documents: Readonly<Record<string, unknown>>;
}

/** A static web server for the app, on loopback. What a grid operator would do with any web server, in small. */
export class AppServer {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  /** @throws Error if no port can be had */
  static async start({ folder, port, documents }: AppServerOptions): Promise<AppServer> {
    const serveFile = sirv(folder, { etag: true, setHeaders: setFileHeaders });
    // Who visits a grid URL and comes past the Service Worker gets this page: it waits for the worker and loads again.
    const serveBootstrap = sirv(folder, { etag: false, setHeaders: setGridHeaders });
    const http = createServer((request, response) => {
      // Any page may ask for `//`, which is no URL: throwing here would end the server.
      if (!URL.canParse(request.url ?? "/", GRID_PATHS.scope.href))
        return send(response, 400, "This is not an address.");
      if (!isOwnName(request.headers.host))
        return send(response, 421, `This server is http://${HOST} and nothing else.`);
      const url = new URL(request.url ?? "/", GRID_PATHS.scope);
      const document = documents[url.pathname];
      if (document !== undefined) sendJson(response, document);
      else if (!isGridUrl(url, GRID_PATHS)) serveFile(request, response, () => send(response, 404, "Not found."));
      else if (isVisit(request)) {
        request.url = "/bootstrap.html";
        serveBootstrap(request, response, () => send(response, 404, `${join(folder, "bootstrap.html")} is missing.`));
      } else {
        setGridHeaders(response);
        send(response, 503, "The gridfetch Service Worker does not answer for this page yet: load the page again.");
      }
    });
    await listen(http, port);
    return new AppServer(http);
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** The app's address. */
  get url(): string {
    return `http://${HOST}:${this.port}/`;
  }

  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }
}

/** A site may give its own name this machine's address and so read from here as if it were itself: DNS rebinding. */
function isOwnName(host = ""): boolean {
  return /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i.test(host);
}

function setFileHeaders(response: ServerResponse, path: string): void {
  // Names under assets/ carry a hash of the content. A worker must never be a stale one.
  const age = path.startsWith("/assets/") ? "max-age=31536000, immutable" : "no-cache";
  response.setHeader("Cache-Control", WORKERS.has(path) ? "no-store" : age);
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  forbidFrames(response, "none");
}

const WORKERS: ReadonlySet<string> = new Set(["/app-worker.js", "/gridfetch-worker.js"]);

/** The address may hold a cap: nothing of this answer is kept, and nobody is told where it came from. */
function setGridHeaders(response: ServerResponse): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Referrer-Policy", "no-referrer");
  // The app downloads by a frame, and shows documents in one; their requests may come past the worker.
  forbidFrames(response, "self");
}

/** Else another site could lay the app under its own buttons. A page cannot say so by a meta element. */
function forbidFrames(response: ServerResponse, except: "none" | "self"): void {
  response.setHeader("Content-Security-Policy", `frame-ancestors '${except}'`);
  response.setHeader("X-Frame-Options", except === "none" ? "DENY" : "SAMEORIGIN");
}

/**
 * Does somebody open the address, in a tab or a frame? The page helps nobody else: who saves, resumes or embeds would take it for the
 * file. "Save as" and a resumed download say that they navigate, but to no document.
 */
function isVisit({ method, headers }: IncomingMessage): boolean {
  const destination = headers["sec-fetch-dest"];
  return (
    (method === "GET" || method === "HEAD") &&
    headers["sec-fetch-mode"] === "navigate" &&
    (destination === "document" || destination === "iframe") &&
    headers.range === undefined
  );
}

function sendJson(response: ServerResponse, document: unknown): void {
  response
    .writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" })
    .end(JSON.stringify(document));
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

async function listen(server: Server, wanted: number): Promise<void> {
  for (let port = wanted; ; port++) {
    try {
      server.listen(port, HOST);
      await once(server, "listening");
      return;
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!taken || wanted === 0 || port - wanted >= PORT_TRIES) throw error;
    }
  }
}
