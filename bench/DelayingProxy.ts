import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes TCP connections on to a port, each byte later by half a round trip, in both directions. It bounds no bandwidth. */
export class DelayingProxy {
  readonly #server: Server;

  private constructor(port: number, delay: number) {
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      for (const socket of [near, far]) socket.setNoDelay();
      delayed(near, far, delay);
      delayed(far, near, delay);
    });
  }

  /**
   * @param port on loopback, where the connections go
   * @param roundTrip in milliseconds
   */
  static async start(port: number, roundTrip: number): Promise<DelayingProxy> {
    const proxy = new DelayingProxy(port, roundTrip / 2);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}

function delayed(from: Socket, to: Socket, ms: number): void {
  // Timers of one length fire in the order in which they were set: bytes stay in order.
  from.on("data", (bytes) => setTimeout(() => to.writable && to.write(bytes), ms));
  from.on("end", () => setTimeout(() => to.end(), ms));
  from.on("error", () => to.destroy());
  from.on("close", () => setTimeout(() => to.destroy(), ms));
}
