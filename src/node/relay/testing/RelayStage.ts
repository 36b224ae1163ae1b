import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { WebSocket } from "ws";
import { Relay, type RelayOptions } from "../Relay.ts";
import { trusting } from "./trusting.ts";

export const ORIGIN = "https://app.example";
/** The server that is there. */
export const TOKEN = "1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
/** One that is in the list, and nothing listens. */
export const DEAD_TOKEN = "2WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";

/** One line of the log. */
export interface Told {
  readonly event: string;
  readonly [fact: string]: unknown;
}

/** A relay before a TCP server that does what a test wants. */
export class RelayStage {
  readonly log: Told[] = [];
  readonly relay: Relay;
  readonly #port: number;
  readonly #server: Server;
  readonly #serverSockets = new Set<Socket>();
  readonly #clients: WebSocket[] = [];

  private constructor(relay: Relay, server: Server, log: Told[]) {
    this.relay = relay;
    this.#port = relay.port;
    this.#server = server;
    this.log = log;
    server.on("connection", (socket) => {
      this.#serverSockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#serverSockets.delete(socket));
    });
  }

  static async start(serve: (socket: Socket) => void, options: Partial<RelayOptions> = {}): Promise<RelayStage> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const log: Told[] = [];
    const servers = new Map([
      [TOKEN, [{ host: "127.0.0.1", port }]],
      // The discard port, of which nobody makes use.
      [DEAD_TOKEN, [{ host: "127.0.0.1", port: 9 }]],
    ]);
    const relay = await Relay.start({
      servers: trusting(servers),
      origins: [ORIGIN],
      host: "127.0.0.1",
      port: 0,
      log: (event, facts) => log.push({ event, ...facts }),
      ...options,
    });
    const stage = new RelayStage(relay, server, log);
    server.on("connection", serve);
    return stage;
  }

  get serverPort(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that the server has. */
  get serverConnections(): number {
    return this.#serverSockets.size;
  }

  /** A WebSocket of a page, by whatever state it comes to. */
  client(
    query = `?token=${TOKEN}`,
    options: { origin?: string; protocols?: string[]; headers?: object } = {},
  ): WebSocket {
    const { origin = ORIGIN, protocols = [], headers = {} } = options;
    const url = `ws://127.0.0.1:${this.#port}/${query}`;
    const client = new WebSocket(url, protocols, { headers: { ...headers, ...(origin && { origin }) } });
    client.on("error", () => undefined);
    this.#clients.push(client);
    return client;
  }

  /** An open one. */
  async open(query?: string): Promise<WebSocket> {
    const client = this.client(query);
    await once(client, "open");
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.relay.close();
    for (const socket of this.#serverSockets) socket.destroy();
    this.#server.close();
  }
}

/** How a WebSocket is closed: the code and the reason. */
export async function closing(client: WebSocket): Promise<readonly [number, string]> {
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  return [code, reason.toString()];
}

/** All that comes until the WebSocket is closed. */
export async function received(client: WebSocket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  client.on("message", (data: Buffer) => pieces.push(data));
  await once(client, "close");
  return Buffer.concat(pieces);
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
