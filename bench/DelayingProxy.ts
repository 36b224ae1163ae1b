import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface Delay {
  /** In milliseconds. */
  readonly roundTrip: number;
  /** Opening a connection takes a round trip, as TCP does on a real way. */
  readonly handshake?: boolean;
}

/** Passes TCP connections on to a port, each byte later by half a round trip, in both directions. It bounds no bandwidth. */
export class DelayingProxy {
  readonly #server: Server;
  /** No byte arrives before. */
  #heldUntil = 0;

  private constructor(port: number, { roundTrip, handshake = false }: Delay) {
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      for (const socket of [near, far]) socket.setNoDelay();
      // On loopback a client writes at once what it would have written a round trip later.
      const begin = performance.now() + (handshake ? roundTrip : 0);
      delayed(near, far, () => Math.max(begin - performance.now(), this.#held, 0) + roundTrip / 2);
      delayed(far, near, () => this.#held + roundTrip / 2);
    });
  }

  /** @param port on loopback, where the connections go */
  static async start(port: number, delay: Delay): Promise<DelayingProxy> {
    const proxy = new DelayingProxy(port, delay);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** For so many milliseconds no byte arrives; then all do. Bytes that are under way already come. */
  standStill(ms: number): void {
    this.#heldUntil = performance.now() + ms;
  }

  get #held(): number {
    return Math.max(this.#heldUntil - performance.now(), 0);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}

/** @param delay what a byte that comes now is to wait, in milliseconds */
function delayed(from: Socket, to: Socket, delay: () => number): void {
  let last = 0;
  const later = (action: () => void): void => {
    // A byte never overtakes one before it.
    last = Math.max(last, performance.now() + delay());
    setTimeout(action, last - performance.now());
  };
  from.on("data", (bytes) => later(() => to.writable && to.write(bytes)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
}
