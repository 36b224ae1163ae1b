import { setMaxListeners } from "node:events";
import type { OnReadOpts, Socket } from "node:net";
import { Slots } from "../../base/Slots.ts";
import { connectPinned } from "../transport/connectPinned.ts";
import { connectToServer, type ServerAddress } from "./connectToServer.ts";
import { type LookUp, lookUp, lookUpPublic } from "./lookUpPublic.ts";
import type { RelayLog } from "./RelayLog.ts";
import type { RelayTargets } from "./RelayTargets.ts";

export interface ProvenServersOptions {
  /** May servers have loopback, link-local and private addresses? */
  readonly allowPrivate: boolean;
  /** For looking a name up, and for connecting to an address, in milliseconds. */
  readonly connect: number;
  /** How long a proof counts, in milliseconds. */
  readonly proof?: number;
  readonly lookUp?: LookUp;
  readonly log: RelayLog;
}

const PROOF_MS = 10 * 60_000;
/** A server that has just failed to prove its key is not asked again at each stranger's wish. */
const RETRY_MS = 1_000;
/** Handshakes at once, when all servers are asked. */
const AT_ONCE = 16;
/** Of a name's addresses. */
const MOST_ADDRESSES = 4;

/**
 * The servers of a relay's list, which is other people's word. Before a stranger gets a connection to one, the relay has made a
 * TLS handshake of its own with it and seen that it owns the key which the list names. The address that was looked up and
 * has proven so is the one that is connected to: a name that leads elsewhere later leads nobody there.
 */
export class ProvenServers implements RelayTargets {
  readonly #options: ProvenServersOptions;
  readonly #stopped = new AbortController();
  readonly #again: NodeJS.Timeout;
  #servers: ReadonlyMap<string, ProvenServer> = new Map();

  constructor(servers: ReadonlyMap<string, readonly ServerAddress[]>, options: ProvenServersOptions) {
    this.#options = options;
    // Every server listens that is being asked or waits for it.
    setMaxListeners(0, this.#stopped.signal);
    this.replace(servers);
    this.#again = setInterval(() => void this.proveAll(), options.proof ?? PROOF_MS);
    this.#again.unref();
  }

  has(tlsId: string): boolean {
    return this.#servers.has(tlsId);
  }

  get size(): number {
    return this.#servers.size;
  }

  /** How many have proven their keys. */
  get proven(): number {
    return [...this.#servers.values()].filter(({ isProven }) => isProven).length;
  }

  get away(): readonly string[] {
    return [...this.#servers].filter(([, { isAway }]) => isAway).map(([tlsId]) => tlsId);
  }

  async connect(tlsId: string, signal: AbortSignal, onread?: OnReadOpts): Promise<Socket> {
    const server = this.#servers.get(tlsId);
    if (server === undefined) throw new Error("the server has left the list");
    return server.connect(signal, onread);
  }

  /** Takes another list. Servers that stay keep their proofs; connections that are open are not touched. */
  replace(servers: ReadonlyMap<string, readonly ServerAddress[]>): void {
    const before = this.#servers;
    const entries = [...servers].map(([tlsId, addresses]) => {
      const old = before.get(tlsId);
      const stays = old !== undefined && JSON.stringify(old.addresses) === JSON.stringify(addresses);
      return [tlsId, stays ? old : new ProvenServer(tlsId, addresses, this.#options, this.#stopped.signal)] as const;
    });
    this.#servers = new Map(entries);
  }

  /** Has every server prove its key, now. What comes of it is in the log, and in the result by TLS id where it failed. */
  async proveAll(): Promise<ReadonlyMap<string, Error>> {
    const slots = new Slots(AT_ONCE);
    const failures = new Map<string, Error>();
    const proofs = [...this.#servers].map(async ([tlsId, server]) => {
      const release = await slots.take(this.#stopped.signal);
      await server.prove().catch((error: Error) => failures.set(tlsId, error));
      release();
    });
    await Promise.allSettled(proofs);
    return failures;
  }

  close(): void {
    clearInterval(this.#again);
    this.#stopped.abort(new Error("the relay is being stopped"));
  }
}

class ProvenServer {
  readonly addresses: readonly ServerAddress[];
  readonly #tlsId: string;
  readonly #options: ProvenServersOptions;
  readonly #stopped: AbortSignal;
  #place: ServerAddress | undefined;
  #failure: { readonly error: Error; readonly at: number } | undefined;
  /** One for all who wait. */
  #proving: Promise<ServerAddress> | undefined;

  constructor(tlsId: string, addresses: readonly ServerAddress[], options: ProvenServersOptions, stopped: AbortSignal) {
    this.#tlsId = tlsId;
    this.addresses = addresses;
    this.#options = options;
    this.#stopped = stopped;
  }

  get isProven(): boolean {
    return this.#place !== undefined;
  }

  /** It was asked to prove its key, and has not. */
  get isAway(): boolean {
    return this.#failure !== undefined;
  }

  async connect(signal: AbortSignal, onread: OnReadOpts | undefined): Promise<Socket> {
    const place = this.#place;
    if (place !== undefined) {
      try {
        return await connectToServer([place], this.#options.connect, signal, onread);
      } catch {
        signal.throwIfAborted();
        // It may have moved, and has to prove its key there.
        if (this.#place === place) this.#place = undefined;
      }
    }
    return connectToServer([await this.#provenPlace()], this.#options.connect, signal, onread);
  }

  async #provenPlace(): Promise<ServerAddress> {
    if (this.#place !== undefined) return this.#place;
    const { error, at } = this.#failure ?? {};
    if (error !== undefined && at !== undefined && performance.now() - at < RETRY_MS) throw error;
    return this.prove();
  }

  /** Makes a handshake with one of its addresses after the other until one has the key. */
  prove(): Promise<ServerAddress> {
    this.#proving ??= this.#proveAny().then(
      (place) => this.#succeed(place),
      (error: Error) => this.#fail(error),
    );
    return this.#proving;
  }

  async #proveAny(): Promise<ServerAddress> {
    let failure = new Error("the list has no address for it");
    for (const listed of this.addresses) {
      try {
        return await this.#proveAt(listed);
      } catch (error) {
        failure = error as Error;
      }
    }
    throw failure;
  }

  async #proveAt({ host, port }: ServerAddress): Promise<ServerAddress> {
    const { connect: limit, allowPrivate, lookUp: look = lookUp } = this.#options;
    const found = await within(limit, allowPrivate ? look(host) : lookUpPublic(host, look));
    let failure = new Error(`${host} has no address`);
    for (const address of found.slice(0, MOST_ADDRESSES)) {
      try {
        const { socket } = await connectPinned({ tlsId: this.#tlsId, host, port }, this.#stopped, address);
        socket.on("error", () => undefined);
        socket.destroy();
        return { host: address, port };
      } catch (error) {
        failure = error as Error;
      }
    }
    throw failure;
  }

  #succeed(place: ServerAddress): ServerAddress {
    if (this.#place === undefined) {
      this.#options.log("proven", { server: this.#tlsId, address: place.host, port: place.port });
    }
    this.#proving = undefined;
    this.#failure = undefined;
    this.#place = place;
    return place;
  }

  #fail(error: Error): never {
    if (this.#failure?.error.message !== error.message && !this.#stopped.aborted) {
      this.#options.log("unproven", { server: this.#tlsId, why: error.message });
    }
    this.#proving = undefined;
    this.#failure = { error, at: performance.now() };
    this.#place = undefined;
    throw error;
  }
}

/** A look-up cannot be called off, but need not be waited for. */
async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error("its name could not be looked up in time")), limit);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(late));
}
