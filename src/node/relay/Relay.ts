import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import { AWAY_PROTOCOL, AWAY_TOKEN, LONGEST_AWAY, YAMUX_PROTOCOL } from "../../servers/yamux.ts";
import { ConnectionLimits } from "./ConnectionLimits.ts";
import { MultiplexedConnection } from "./MultiplexedConnection.ts";
import { PendingSockets } from "./PendingSockets.ts";
import { RelayedConnection } from "./RelayedConnection.ts";
import type { StreamTarget } from "./RelayedStream.ts";
import type { RelayLog } from "./RelayLog.ts";
import type { RelayTargets } from "./RelayTargets.ts";
import { defaultRelayLimits, type RelayLimits } from "./relayLimits.ts";

export interface RelayOptions {
  /** No other server is ever connected to. */
  readonly servers: RelayTargets;
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

/**
 * What `ws` may keep of what a browser sends, besides a message. A piece of a message keeps all that was read with it, 64 KiB
 * at most, and so does a ping until its answer has gone out; a message that comes byte by byte costs an object a byte.
 */
const FRAGMENTS = 8;
const UNANSWERED_PINGS = 4;
const CHUNKS = 1024;
/** Of a page that is refused: what it has already sent, a ClientHello mostly, is thrown away. */
const REFUSED_MESSAGE = 64 * 1024;
/** Of a page whose connection carries many streams: it has no need of large ones. */
const MULTIPLEXED_MESSAGE = 64 * 1024;
/** A page may ask which servers are away once in so many milliseconds: its question is far shorter than the answer. */
const AWAY_PAUSE = 60_000;

/** A request to become a WebSocket. */
interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly address: string;
  readonly origin: string;
}

/** What the log says of a connection when it opens. */
interface ConnectionFacts {
  readonly connection: number;
  readonly address: string;
  readonly origin: string;
}

/**
 * Lets pages reach storage servers over WebSockets: `wss://<relay>/?token=<TLS id>`, binary messages in which the bytes
 * of a TCP connection stand, in any division. The same as websockify with its TokenFile and ExpectOrigin plugins, and the
 * reasons in close codes (relayCodes.ts). A page that offers the subprotocol gets one WebSocket for all servers (yamux.ts).
 * The bytes are TLS between page and server, so it sees neither swissnums nor shares.
 */
export class Relay {
  readonly #http: HttpServer;
  readonly #sockets: WebSocketServer;
  readonly #multiplexing: WebSocketServer;
  readonly #refusing: WebSocketServer;
  readonly #pending: PendingSockets;
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  readonly #counts: ConnectionLimits;
  readonly #streamCounts: ConnectionLimits;
  readonly #open = new Set<RelayedConnection | MultiplexedConnection>();
  #connections = 0;
  #isClosing = false;

  private constructor(options: RelayOptions) {
    const limits = { ...defaultRelayLimits, ...options.limits };
    this.#options = options;
    this.#limits = limits;
    this.#counts = new ConnectionLimits(limits.connections, limits.connectionsPerAddress);
    this.#streamCounts = new ConnectionLimits(limits.streams, limits.streams);
    this.#pending = new PendingSockets(limits.connections, limits.connectionsPerAddress, limits.admission);
    this.#sockets = webSockets(limits.message, limits.idle, ["binary"]);
    this.#multiplexing = webSockets(MULTIPLEXED_MESSAGE, limits.idle, [AWAY_PROTOCOL, YAMUX_PROTOCOL]);
    this.#refusing = webSockets(REFUSED_MESSAGE, limits.idle, ["binary"]);
    this.#http = createServer((request, response) => this.#answerRequest(request, response));
    this.#http.maxConnections = limits.connections + this.#pending.most;
    this.#http.on("connection", (socket: Socket) => {
      this.#pending.hold(socket, options.behindProxy === true ? undefined : socket.remoteAddress);
    });
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

  /** How many connections of pages are open. */
  get connections(): number {
    return this.#open.size;
  }

  /** How many streams the connections carry that carry several. */
  get streams(): number {
    return [...this.#open].reduce((sum, each) => sum + (each instanceof MultiplexedConnection ? each.streams : 0), 0);
  }

  /** How many sockets are open that are none: silent ones, and those that are refused. */
  get pendingSockets(): number {
    return this.#pending.size;
  }

  /** Takes no more connections and closes those that are open, with 1001; some seconds at most. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#pending.close();
    for (const connection of this.#open) connection.close(SOCKET_CODES.RELAY_STOPS, "The relay is being stopped");
    await Promise.all([...this.#open].map(({ ended }) => ended));
    await closed;
  }

  /** A page learns nothing of an upgrade that was refused; so it may ask (see relayCodes.ts). */
  #answerRequest(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#pending.refuse(request.socket, this.#addressOf(request))) return;
    if (request.url === "/healthz") {
      response.writeHead(200, { "Content-Type": "text/plain", Connection: "close" }).end("ok\n");
      return;
    }
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
    if (this.#isClosing) this.#refuseUpgrade(socket, address, "503 Service Unavailable");
    else if (!this.#allows(origin)) {
      this.#options.log("refused", { why: "origin", address, origin: origin.slice(0, 200) });
      this.#refuseUpgrade(socket, address, "403 Forbidden");
    } else this.#admit({ request, socket, head, address, origin });
  }

  #admit(upgrade: Upgrade): void {
    const { request, address, origin } = upgrade;
    if (offers(request, YAMUX_PROTOCOL)) {
      this.#accept(upgrade, this.#multiplexing, {}, (client, facts) => this.#multiplex(client, facts));
      return;
    }
    const tlsId = tokenOf(request);
    if (tlsId === undefined || !this.#options.servers.has(tlsId)) {
      // What was taken for a token may be anything, a whole NURL with its secret too: it is not logged.
      this.#options.log("refused", { why: "unknown server", address, origin });
      this.#refuse(upgrade, RELAY_CODES.UNKNOWN_SERVER, "No server of this relay has that token");
      return;
    }
    this.#accept(upgrade, this.#sockets, { server: tlsId }, (client, facts) => this.#relay(client, facts, tlsId));
  }

  /** @param serve resolves when all of the connection is closed */
  #accept(
    upgrade: Upgrade,
    sockets: WebSocketServer,
    logged: { readonly server?: string },
    serve: (client: WebSocket, facts: ConnectionFacts) => Promise<void>,
  ): void {
    const { request, socket, head, address, origin } = upgrade;
    const leave = this.#counts.enter(address);
    if (typeof leave === "string") {
      this.#options.log("refused", { why: `${leave} limit`, address, origin, ...logged });
      this.#refuse(upgrade, RELAY_CODES.TOO_MANY, "Too many connections");
      return;
    }
    let isOpen = false;
    // It may be no WebSocket after all.
    if (socket.destroyed) leave();
    socket.once("close", () => isOpen || leave());
    sockets.handleUpgrade(request, socket, head, (client) => {
      isOpen = true;
      this.#pending.release(socket);
      void serve(client, { connection: ++this.#connections, address, origin }).then(leave);
    });
  }

  /** Resolves when both sides are closed. */
  async #relay(client: WebSocket, facts: ConnectionFacts, server: string): Promise<void> {
    const started = performance.now();
    this.#options.log("open", { ...facts, server });
    const connect = (signal: AbortSignal) => this.#options.servers.connect(server, signal);
    const connection = new RelayedConnection(client, connect, this.#limits);
    this.#open.add(connection);
    const end = await connection.ended;
    this.#open.delete(connection);
    this.#options.log("close", { connection: facts.connection, server, ...end, ms: since(started) });
    await connection.gone;
  }

  /** Resolves when the page's side and those of all servers are closed. */
  async #multiplex(client: WebSocket, facts: ConnectionFacts): Promise<void> {
    const started = performance.now();
    this.#options.log("open", { ...facts });
    let askedAt = Number.NEGATIVE_INFINITY;
    const find = (token: string) => {
      if (token !== AWAY_TOKEN) return this.#openStream(token, facts);
      if (performance.now() - askedAt < AWAY_PAUSE) return RELAY_CODES.TOO_MANY;
      askedAt = performance.now();
      return linesOf(this.#options.servers.away);
    };
    const connection = new MultiplexedConnection(client, find, this.#limits);
    this.#open.add(connection);
    const code = await connection.ended;
    this.#open.delete(connection);
    this.#options.log("close", { connection: facts.connection, code, ms: since(started) });
    await connection.gone;
  }

  /** Streams are counted apart from connections: a visitor has one of these, and many of those. */
  #openStream(server: string, { connection, address, origin }: ConnectionFacts): StreamTarget | number {
    const { servers, log } = this.#options;
    if (!servers.has(server)) {
      log("refused", { why: "unknown server", address, origin });
      return RELAY_CODES.UNKNOWN_SERVER;
    }
    const leave = this.#streamCounts.enter(address);
    if (typeof leave === "string") {
      log("refused", { why: `${leave} limit`, address, origin, server });
      return RELAY_CODES.TOO_MANY;
    }
    const started = performance.now();
    log("stream open", { connection, server });
    return {
      connect: (signal, onread) => servers.connect(server, signal, onread),
      over(end) {
        leave();
        log("stream close", { connection, server, ...end, ms: since(started) });
      },
    };
  }

  /** A page learns the reason from a close code alone, so it gets a WebSocket for that. */
  #refuse({ request, socket, head, address }: Upgrade, code: number, reason: string): void {
    if (!this.#pending.refuse(socket, address)) return;
    this.#refusing.handleUpgrade(request, socket, head, (client) => {
      client.on("error", () => undefined);
      client.close(code, reason);
    });
  }

  #refuseUpgrade(socket: Duplex, address: string, status: string): void {
    if (!this.#pending.refuse(socket, address)) return;
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
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

function offers({ headers }: IncomingMessage, protocol: string): boolean {
  const offered = headers["sec-websocket-protocol"]?.split(",") ?? [];
  return offered.some((each) => each.trim() === protocol);
}

/** In whole milliseconds. */
function since(started: number): number {
  return Math.round(performance.now() - started);
}

/** As many as a page takes. */
function linesOf(tokens: readonly string[]): Uint8Array {
  const text = tokens.map((token) => `${token}\n`).join("");
  return Buffer.from(text.slice(0, text.lastIndexOf("\n", LONGEST_AWAY - 1) + 1), "latin1");
}

/** @param protocols the best first */
function webSockets(maxPayload: number, closeTimeout: number, protocols: readonly string[]): WebSocketServer {
  // The types of ws do not know all of these yet.
  const settings: ServerOptions & Readonly<Record<string, unknown>> = {
    noServer: true,
    clientTracking: false,
    maxPayload,
    maxFragments: FRAGMENTS,
    maxBufferedChunks: CHUNKS,
    maxPendingAutoPongs: UNANSWERED_PINGS,
    // Ciphertext does not compress.
    perMessageDeflate: false,
    // As websockify does with "binary".
    handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
    // Bytes that a slow browser has yet to take stand before the close frame.
    closeTimeout,
  };
  return new WebSocketServer(settings);
}
