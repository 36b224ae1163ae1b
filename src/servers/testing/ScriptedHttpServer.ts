import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/** A request as it came. */
export interface HeardRequest {
  readonly method: string;
  readonly path: string;
  /** Lines of the head after the first, as sent. */
  readonly lines: readonly string[];
  readonly body: string;
  header(name: string): string | undefined;
}

/** The connection that a request came on. */
export interface Reply {
  /** Sends bytes as they are; resolves when the system has taken them. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** Sends what is left and then the end. */
  end(): void;
  /** Cuts it. */
  destroy(): void;
  readonly isDestroyed: boolean;
}

export type Script = (request: HeardRequest, reply: Reply) => Promise<void> | void;

/** HTTP/1.1 byte by byte, as a test says, with TLS if it is given a key. It counts what clients must not do. */
export class ScriptedHttpServer {
  /** What answers; may be changed at any time. */
  script: Script = () => undefined;
  /** Connections so far. */
  connections = 0;
  /** Requests that came on a connection whose earlier one had no whole reply. */
  pipelined = 0;
  readonly #open = new Set<Socket>();
  readonly #tls: { readonly key: string; readonly cert: string } | undefined;
  #server: Server | undefined;
  #port = 0;

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    this.#tls = tls;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#open.size;
  }

  /** Listens: on the same port as before, if it did. */
  async start(): Promise<void> {
    const accept = (socket: Socket) => this.#accept(socket);
    const server = this.#tls === undefined ? createServer(accept) : createTlsServer(this.#tls, accept);
    server.on("tlsClientError", () => undefined);
    this.#server = server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Ends every connection in an orderly way. */
  hangUp(): void {
    for (const socket of this.#open) socket.end();
  }

  async stop(): Promise<void> {
    this.cut();
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #accept(socket: Socket): void {
    // Its handshake was under way when the server was stopped.
    if (this.#server === undefined) {
      socket.destroy();
      return;
    }
    this.connections++;
    this.#open.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#open.delete(socket));
    let text = "";
    let isAnswering = false;
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        const [first = "", ...lines] = text.slice(0, end).split("\r\n");
        const header = (name: string) =>
          lines.find((line) => line.toLowerCase().startsWith(`${name}: `))?.slice(name.length + 2);
        const length = Number(header("content-length") ?? 0);
        if (text.length < end + 4 + length) return;
        const body = text.slice(end + 4, end + 4 + length);
        text = text.slice(end + 4 + length);
        const [method = "", path = ""] = first.split(" ");
        if (isAnswering) this.pipelined++;
        isAnswering = true;
        const reply: Reply = {
          send: (bytes) =>
            new Promise((resolve) => {
              socket.write(bytes, () => resolve());
            }),
          end: () => socket.end(),
          destroy: () => socket.destroy(),
          get isDestroyed() {
            return socket.destroyed;
          },
        };
        void Promise.resolve(this.script({ method, path, lines, body, header }, reply)).then(() => {
          isAnswering = false;
        });
      }
    });
  }
}
