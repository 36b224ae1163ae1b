import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A port as a Tahoe-LAFS before 1.19 has it: a TLS client never hears a word, a request without TLS is answered. */
export class FoolscapPort {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("data", (bytes) => {
        if (bytes.toString().startsWith("GET ")) socket.end("HTTP/1.1 500 Internal Server Error: see logs\r\n\r\n");
      });
    });
  }

  static async open(): Promise<FoolscapPort> {
    const port = new FoolscapPort();
    port.#server.listen(0, "127.0.0.1");
    await once(port.#server, "listening");
    return port;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
