import type { Duplex } from "node:stream";
import { ConnectionLimits } from "./ConnectionLimits.ts";

/** Even where few connections are allowed, a browser that opens more at once is to hear why they are refused. */
const LEAST = 100;
const LEAST_PER_ADDRESS = 50;

interface Pending {
  readonly late: NodeJS.Timeout;
  readonly leave: () => void;
}

/**
 * The sockets that are no connection to a server: those that have not said yet what they want, and those that are refused.
 * They are counted by address like connections, apart from these, and each ends within seconds.
 */
export class PendingSockets {
  readonly most: number;
  readonly #counts: ConnectionLimits;
  readonly #limit: number;
  readonly #pending = new Map<Duplex, Pending>();

  /**
   * @param most as for connections, and mostPerAddress too
   * @param limit how long each may stay, in milliseconds
   */
  constructor(most: number, mostPerAddress: number, limit: number) {
    this.most = Math.max(most, LEAST);
    this.#counts = new ConnectionLimits(this.most, Math.max(mostPerAddress, LEAST_PER_ADDRESS));
    this.#limit = limit;
  }

  get size(): number {
    return this.#pending.size;
  }

  /**
   * Takes a socket in, and destroys it where its address has too many already.
   * @param address whose it is; undefined where a proxy will say so
   * @returns whether it may stay
   */
  hold(socket: Duplex, address: string | undefined): boolean {
    // Nothing would tell of its end.
    if (socket.destroyed) return false;
    const entered = address === undefined ? () => undefined : this.#counts.enter(address);
    if (typeof entered === "string") {
      socket.destroy();
      return false;
    }
    const late = setTimeout(() => socket.destroy(), this.#limit);
    if (!this.#pending.has(socket)) socket.once("close", () => this.release(socket));
    this.#pending.set(socket, { late, leave: entered });
    return true;
  }

  /** Whose it is is known now, and that it is refused: it gets the same time again, to take the answer. */
  refuse(socket: Duplex, address: string): boolean {
    this.#leave(socket);
    return this.hold(socket, address);
  }

  /** The socket is a connection now, or gone. */
  release(socket: Duplex): void {
    this.#leave(socket);
    this.#pending.delete(socket);
  }

  /** Destroys all. */
  close(): void {
    for (const socket of this.#pending.keys()) socket.destroy();
  }

  #leave(socket: Duplex): void {
    const pending = this.#pending.get(socket);
    clearTimeout(pending?.late);
    pending?.leave();
  }
}
