import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import { ConnectionLimits } from "./ConnectionLimits.ts";
import type { ServerAddress } from "./connectToServer.ts";
import { RelayedConnection } from "./RelayedConnection.ts";
import type { RelayLog } from "./RelayLog.ts";
import { defaultRelayLimits, type RelayLimits } from "./relayLimits.ts";

export interface RelayOptions {
  /** The servers by TLS id, each with the addresses to try in turn. No other is ever connected to. */
  readonly servers: ReadonlyMap<string, readonly ServerAddress[]>;
  /** Those whose pages may use the relay, as browsers write them in `Origin`. */
  readonly origins: readonly string[];
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** A reverse proxy is in front, and adds to X-Forwarded-For whom it speaks for. */
  readonly behindProxy?: boolean;
  readonly limits?: Partial<RelayLimits>;
  readonly log: RelayLog;
}

/** Time for a request's head: what is no WebSocket must not hold a place. */
const HEAD_LIMIT_MS = 10_000;
/** Sockets that may be open beside the connections: those that are refused, and those that say nothing yet. */
const SPARE_SOCKETS = 100;

/**
 * Lets pages reach storage servers over WebSockets: `wss://<relay>/?token=<TLS id>`, binary messages in which the bytes
 * of a TCP connection stand, in any division. The same as websockify with its TokenFile and ExpectOrigin plugins, and the
 * reasons in close codes (relayCodes.ts). The bytes are TLS between page and server, so it sees neither swissnums nor shares.
 */
export class Relay {
  readonly #http: HttpServer;
  readonly #sockets: WebSocketServer;
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  readonly #counts: ConnectionLimits;
  readonly #open = new Set<RelayedConnection>();
  #connections = 0;
  #isClosing = false;

  private constructor(options: RelayOptions) {
    const limits = { ...defaultRelayLimits, ...options.limits };
    this.#options = options;
    this.#limits = limits;
    this.#counts = new ConnectionLimits(limits.connections, limits.connectionsPerAddress);
    // The types of ws do not know closeTimeout yet.
    const settings: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: true,
      maxPayload: limits.message,
      // Ciphertext does not compress.
      perMessageDeflate: false,
      // As websockify does.
      handleProtocols: (offered) => (offered.has("binary") ? "binary" : false),
      // Bytes that a slow browser has yet to take stand before the close frame.
      closeTimeout: limits.idle,
    };
    this.#sockets = new WebSocketServer(settings);
    this.#http = createServer({ headersTimeout: HEAD_LIMIT_MS, requestTimeout: HEAD_LIMIT_MS }, (request, response) => {
      this.#answerRequest(request, response);
    });
    this.#http.maxConnections = limits.connections + SPARE_SOCKETS;
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Resolves when the relay listens. */
  static async start(options: RelayOptions): Promise<Relay> {
    const relay = new Relay(options);
    relay.#http.listen(options.port, options.host);
    await once(relay.#http, "listening");
    return relay;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#open.size;
  }

  /** Takes no more connections and closes those that are open, with 1001; some seconds at most. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeIdleConnections();
    for (const connection of this.#open) connection.close(SOCKET_CODES.RELAY_STOPS, "The relay is being stopped");
    await Promise.all([...this.#open].map(({ ended }) => ended));
    // Refused ones that have not answered yet.
    for (const client of this.#sockets.clients) client.terminate();
    this.#http.closeAllConnections();
    await closed;
  }

  /** A page learns nothing of an upgrade that was refused; so it may ask (see relayCodes.ts). */
  #answerRequest(request: IncomingMessage, response: ServerResponse): void {
    const status = this.#allows(request.headers.origin) ? 426 : 403;
    response.writeHead(status, {
      "Access-Control-Allow-Origin": "*",
      "Content-Type": "text/plain",
      Connection: "close",
      Upgrade: "websocket",
    });
    response.end(
      status === 426
        ? "This is a gridfetch relay: it speaks WebSocket.\n"
        : "This is a gridfetch relay: it does not serve pages of this origin.\n",
    );
  }

  #allows(origin: string | undefined): boolean {
    return origin !== undefined && this.#options.origins.includes(origin);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Nothing else listens before the upgrade, and an error without a listener ends the process.
    socket.on("error", () => undefined);
    const address = this.#addressOf(request);
    const { origin = "" } = request.headers;
    if (this.#isClosing) refuseUpgrade(socket, "503 Service Unavailable");
    else if (!this.#allows(origin)) {
      this.#options.log("refused", { why: "origin", address, origin: origin.slice(0, 200) });
      refuseUpgrade(socket, "403 Forbidden");
    } else {
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#admit(client, request, address, origin));
    }
  }

  #admit(client: WebSocket, request: IncomingMessage, address: string, origin: string): void {
    const tlsId = tokenOf(request);
    const addresses = tlsId === undefined ? undefined : this.#options.servers.get(tlsId);
    if (tlsId === undefined || addresses === undefined) {
      // What was taken for a token may be anything, a whole NURL with its secret too: it is not logged.
      this.#options.log("refused", { why: "unknown server", address, origin });
      this.#refuse(client, RELAY_CODES.UNKNOWN_SERVER, "No server of this relay has that token");
      return;
    }
    const entered = this.#counts.enter(address);
    if (typeof entered === "string") {
      this.#options.log("refused", { why: `${entered} limit`, address, origin, server: tlsId });
      this.#refuse(client, RELAY_CODES.TOO_MANY, "Too many connections");
    } else {
      const facts = { connection: ++this.#connections, address, origin, server: tlsId };
      void this.#relay(client, addresses, facts, entered);
    }
  }

  async #relay(
    client: WebSocket,
    addresses: readonly ServerAddress[],
    facts: Readonly<Record<string, string | number>>,
    leave: () => void,
  ): Promise<void> {
    const started = performance.now();
    this.#options.log("open", facts);
    const connection = new RelayedConnection(client, addresses, this.#limits);
    this.#open.add(connection);
    const end = await connection.ended;
    this.#open.delete(connection);
    leave();
    const { connection: number, server } = facts;
    this.#options.log("close", { connection: number, server, ...end, ms: Math.round(performance.now() - started) });
  }

  #refuse(client: WebSocket, code: number, reason: string): void {
    client.on("error", () => undefined);
    client.close(code, reason);
    const late = setTimeout(() => client.terminate(), this.#limits.linger);
    client.once("close", () => clearTimeout(late));
  }

  #addressOf(request: IncomingMessage): string {
    const direct = request.socket.remoteAddress ?? "";
    if (this.#options.behindProxy !== true) return direct;
    // The last is what the proxy itself saw; those before are hearsay.
    const forwarded = String(request.headers["x-forwarded-for"] ?? "").split(",");
    return forwarded.at(-1)?.trim().slice(0, 50) || direct;
  }
}

function tokenOf(request: IncomingMessage): string | undefined {
  const query = /\?(.*)$/.exec(request.url ?? "")?.[1];
  const tokens = new URLSearchParams(query).getAll("token");
  return tokens.length === 1 ? tokens[0] : undefined;
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  // Who keeps its side open would keep the socket.
  setTimeout(() => socket.destroy(), HEAD_LIMIT_MS).unref();
}
