import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** A relay as websockify is one: each WebSocket is one connection to the server that `?token=` names. */
export class PlainRelay {
  readonly #sockets: WebSocketServer;
  /** WebSockets that were made. */
  opened = 0;

  private constructor(sockets: WebSocketServer) {
    this.#sockets = sockets;
  }

  /**
   * @param ports of the servers on this machine, by token
   * @param protocol that it answers to pages that offer some; false for none
   */
  static async start(port: number, ports: ReadonlyMap<string, number>, protocol: string | false): Promise<PlainRelay> {
    const sockets = new WebSocketServer({ host: "127.0.0.1", port, handleProtocols: () => protocol });
    await once(sockets, "listening");
    const relay = new PlainRelay(sockets);
    sockets.on("connection", (socket, { url }) => {
      relay.opened++;
      const token = new URL(url ?? "", "ws://relay").searchParams.get("token") ?? "";
      join(socket, ports.get(token) ?? 0);
    });
    return relay;
  }

  get port(): number {
    return (this.#sockets.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#sockets, "close");
    this.#sockets.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    await closed;
  }
}

function join(socket: WebSocket, port: number): void {
  const server = connect(port, "127.0.0.1");
  socket.on("message", (bytes: Buffer) => void server.write(bytes));
  socket.on("close", () => server.destroy());
  socket.on("error", () => server.destroy());
  server.on("data", (bytes) => socket.send(bytes));
  server.on("close", () => socket.close());
  server.on("error", () => socket.close());
}
