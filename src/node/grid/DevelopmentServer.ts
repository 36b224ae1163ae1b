import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Dials, noDials } from "./Dials.ts";
import type { TlsIdentity } from "./GridFolder.ts";
import { listenOnLoopback } from "./listenOnLoopback.ts";
import { Pacer } from "./Pacer.ts";
import { isFromHere, Refusal } from "./requestParts.ts";
import { ShareFolder } from "./ShareFolder.ts";
import { StorageProtocol } from "./StorageProtocol.ts";

/** What has happened at a server since it started or was reset. */
export interface Counters {
  /** Requests that came in, preflights not counted. */
  requests: number;
  /** Those that are being answered now. */
  activeRequests: number;
  /** Share data that went out. */
  bytesSent: number;
  corruptionReports: number;
}

export interface DevelopmentServerOptions {
  /** For log lines. */
  readonly name: string;
  /** Where its shares are kept. */
  readonly folder: string;
  /** The port to listen on if it is free; 0 for any. */
  readonly port: number;
  /** Turns TLS on. */
  readonly tls?: TlsIdentity;
  /** What clients must know; none lets everybody in. */
  readonly swissnum?: string;
  readonly log: (line: string) => void;
}

/** Answers are cached for as long as browsers allow: a preflight costs a round trip. */
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Range",
  "Access-Control-Max-Age": "7200",
  "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH",
  "Access-Control-Allow-Headers": "Authorization, Range, Content-Type, Content-Range, X-Tahoe-Authorization, Accept",
};

const READS: ReadonlySet<string | undefined> = new Set(["GET", "HEAD"]);

/** One storage server of a development grid: on loopback only, with dials for how it misbehaves. */
export class DevelopmentServer {
  readonly #pacer = new Pacer();
  readonly #protocol: StorageProtocol;
  readonly #http: HttpServer;
  readonly #connections = new Set<Socket>();
  readonly #authorization: string | undefined;
  readonly #options: DevelopmentServerOptions;
  #counters: Counters = { requests: 0, activeRequests: 0, bytesSent: 0, corruptionReports: 0 };

  private constructor(options: DevelopmentServerOptions, shares: ShareFolder) {
    this.#options = options;
    const { tls, swissnum } = options;
    this.#authorization = swissnum && `Tahoe-LAFS ${Buffer.from(swissnum).toString("base64")}`;
    this.#protocol = new StorageProtocol(shares, this.#pacer, {
      sent: (bytes) => {
        this.#counters.bytesSent += bytes;
      },
      corruptionReported: (storageIndex, shareNumber, reason) => {
        this.#counters.corruptionReports++;
        options.log(
          `${options.name}: share ${shareNumber} of ${storageIndex} was reported corrupt: ${printable(reason)}`,
        );
      },
    });
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.#http = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
    // Real servers close an idle connection after 60 s; Node's 5 s would race with clients that go by that.
    this.#http.keepAliveTimeout = 60_000;
    this.#http.on("connection", (socket: Socket) => this.#connected(socket));
  }

  /** Starts a server. */
  static async start(options: DevelopmentServerOptions): Promise<DevelopmentServer> {
    const server = new DevelopmentServer(options, await ShareFolder.open(options.folder));
    await listenOnLoopback(server.#http, options.port, options.name, options.log);
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get dials(): Dials {
    return this.#pacer.dials;
  }

  get counters(): Readonly<Counters> {
    return { ...this.#counters };
  }

  /** Changes the dials that are given; the others stay. */
  turn(change: Partial<Dials>): void {
    this.#pacer.turn({ ...this.dials, ...change });
    if (this.dials.down) this.#disconnect();
  }

  /** Turns all dials back and counts from zero. */
  reset(): void {
    this.turn(noDials);
    this.#counters = { ...this.#counters, requests: 0, bytesSent: 0, corruptionReports: 0 };
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#disconnect();
    await closed;
  }

  #connected(socket: Socket): void {
    if (this.dials.down) {
      // A reset, which is next to a refusal: a plain end lets some clients wait for ever.
      socket.resetAndDestroy();
      return;
    }
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
  }

  #disconnect(): void {
    for (const socket of this.#connections) socket.resetAndDestroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    response.on("error", () => gone.abort());
    if (request.method === "OPTIONS") {
      await this.#pacer.beforeAnswer(gone.signal).catch(() => undefined);
      response.writeHead(204).end();
      return;
    }
    this.#counters.requests++;
    this.#counters.activeRequests++;
    response.on("close", () => this.#counters.activeRequests--);
    try {
      await this.#pacer.beforeAnswer(gone.signal);
      this.#admit(request);
      await this.#protocol.answer(request, response, gone.signal);
    } catch (error) {
      if (!gone.signal.aborted) this.#fail(response, error);
    }
  }

  /** @throws Refusal */
  #admit(request: IncomingMessage): void {
    // Without a swissnum any site that is open in the developer's browser could fill the disk.
    if (!READS.has(request.method) && !isFromHere(request)) {
      throw new Refusal(403, "only pages on loopback may write to a development grid");
    }
    if (this.dials.error !== 0) throw new Refusal(this.dials.error, "the dial says so");
    if (this.#authorization !== undefined && request.headers.authorization !== this.#authorization) {
      throw new Refusal(401, "the swissnum is missing or wrong");
    }
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (!(error instanceof Refusal)) this.#options.log(`${this.#options.name}: ${error}`);
    // With the head gone, breaking off is the only way left to say that something is wrong.
    if (response.headersSent) response.destroy();
    else {
      const status = error instanceof Refusal ? error.status : 500;
      const reason = error instanceof Refusal ? error.message : "the server failed";
      // What is left of the request's body is not read: the connection cannot be used again.
      if (!response.req.complete) response.setHeader("Connection", "close");
      response.writeHead(status, { "Content-Type": "text/plain" }).end(`${reason}\n`);
    }
  }
}

/** Text from a client, fit for a terminal's line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
