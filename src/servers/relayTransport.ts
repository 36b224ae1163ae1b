import type { Clock } from "../base/Clock.ts";
import { GridError } from "../base/GridError.ts";
import { Slots } from "../base/Slots.ts";
import { unlessAborted } from "../base/wait.ts";
import { StreamFailure } from "./ByteStream.ts";
import { ConnectionPool, type ConnectionSource } from "./ConnectionPool.ts";
import { HttpConnection, Unanswered } from "./HttpConnection.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";
import { isRepeatable } from "./isRepeatable.ts";
import { openTlsStream } from "./openTlsStream.ts";
import { decodeTlsId, type Nurl } from "./parseNurl.ts";
import type { SharedRelay } from "./Relays.ts";
import { CONNECTIONS } from "./serverConnections.ts";
import type { TlsEngine } from "./TlsEngine.ts";

/**
 * What is left of a reply that nobody wants any more is read to its end if it is no more than this and comes within so many milliseconds: it is
 * mostly on its way already, and its connection serves the next request without a handshake.
 */
const MOST_LEFT_OVER = 256 * 1024;
const LEFT_OVER_LIMIT = 1_000;

/** How a server is reached through a relay. */
interface RelayOptions {
  /** One for all servers behind it. */
  readonly relay: SharedRelay;
  /** Whose key is pinned. The relay decides which host that is; the one that is named here goes into the Host header. */
  readonly nurl: Nurl;
  /** Of the server, for errors. */
  readonly name: string;
  /** One for all servers. */
  readonly tls: TlsEngine;
  readonly clock: Clock;
}

/**
 * A storage server behind a relay that moves bytes between a WebSocket and the server: TLS is spoken through it, so it
 * sees neither requests nor replies, and nothing is sent before the server has proven to own the key that its NURL names.
 * Errors tell which part of the way failed (`details.why`).
 */
export function relayTransport(options: RelayOptions): HttpTransport {
  const way = new RelayWay(options);
  return {
    request: (request) => way.request(request),
    warm: (isLikely) => void way.warm(isLikely),
    way: () => way.open(),
    isAway: () => way.isAway,
  };
}

type Exchange = Awaited<ReturnType<HttpConnection["send"]>>;

/** A request's place among those that may be under way. */
interface Place {
  readonly release: () => void;
  /** The request has been left, and what is left of its reply has the place. */
  isKept: boolean;
}

class RelayWay {
  readonly #options: RelayOptions;
  readonly #host: string;
  readonly #slots = new Slots(CONNECTIONS);
  readonly #connections: ConnectionPool;
  #hasAnswered = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { nurl, relay, clock } = options;
    this.#host = `${nurl.host.includes(":") ? `[${nurl.host}]` : nurl.host}:${nurl.port}`;
    const source: ConnectionSource = {
      open: (signal) => this.#connect(signal),
      get mayOpenAhead() {
        return relay.mayOpenAhead;
      },
    };
    this.#connections = new ConnectionPool(source, clock);
  }

  get isAway(): boolean {
    const { relay, nurl } = this.#options;
    return relay.isAway(nurl.tlsId);
  }

  async request(request: HttpRequest): Promise<HttpReply> {
    const release = await this.#slots.take(request.signal);
    const place: Place = { release, isKept: false };
    try {
      return await this.#send(request, place);
    } catch (error) {
      if (!place.isKept) release();
      throw this.#failed(error, request.signal);
    }
  }

  /** Never rejects. */
  async warm(isLikely: boolean): Promise<void> {
    const { relay, tls, nurl } = this.#options;
    void tls.warm();
    await relay.warm(nurl.tlsId);
    if (relay.mayOpenAhead && (this.#hasAnswered || isLikely)) this.#connections.warm();
  }

  /** TLS and the connection to the relay. Never rejects. */
  async open(): Promise<void> {
    const { relay, tls, nurl } = this.#options;
    await Promise.all([tls.warm(), relay.ready(nurl.tlsId)]);
  }

  async #send(request: HttpRequest, place: Place): Promise<HttpReply> {
    for (;;) {
      try {
        return await this.#sendOnce(request, place);
      } catch (error) {
        // The silent connection's successor is there already.
        if (!wasReplaced(error) || !isRepeatable(request) || request.signal.aborted) throw error;
      }
    }
  }

  async #sendOnce(request: HttpRequest, place: Place): Promise<HttpReply> {
    const connection = await this.#connections.take(request.signal);
    const { isFresh } = connection;
    try {
      return await this.#sendOn(connection, request, place);
    } catch (error) {
      if (wasReplaced(error)) throw error;
      // The server closed it while it idled. What may be done twice is asked again, on a connection that is new.
      const mayRepeat = !isFresh && error instanceof Unanswered && isRepeatable(request);
      if (!mayRepeat || request.signal.aborted) throw error;
    }
    return this.#sendOn(await this.#connect(request.signal), request, place);
  }

  async #sendOn(connection: HttpConnection, request: HttpRequest, place: Place): Promise<HttpReply> {
    const { signal } = request;
    let state: "open" | "ended" | "left" = "open";
    let received = 0;
    const exchange = connection.send(request, this.#host);
    const giveBack = (): void => {
      this.#connections.give(connection);
      place.release();
    };
    const end = (): void => {
      if (state !== "open") return;
      state = "ended";
      signal.removeEventListener("abort", leave);
      giveBack();
    };
    const leave = (): void => {
      if (state !== "open") return;
      state = "left";
      place.isKept = true;
      signal.removeEventListener("abort", leave);
      const isBack = this.#connections.expect();
      void this.#finish(connection, exchange, request, received).then(giveBack).then(isBack);
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      const { head, body } = await unlessAborted(exchange, signal);
      this.#hasAnswered = true;
      this.#options.relay.answered(this.#options.nurl.tlsId);
      if (connection.isUsable) end();
      const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
        if (state === "ended") return ENDED;
        try {
          signal.throwIfAborted();
          if (state === "left") return ENDED;
          const { done, value } = await unlessAborted(body.next(), signal);
          received += value?.length ?? 0;
          if (!done) return { done: false, value };
          end();
          return ENDED;
        } catch (error) {
          if (state === "open") connection.close();
          end();
          throw this.#failed(error, signal);
        }
      };
      return {
        status: head.status,
        header: (name) => head.headers.get(name),
        body: {
          [Symbol.asyncIterator]: () => ({
            next,
            async return() {
              leave();
              return ENDED;
            },
          }),
        },
      };
    } catch (error) {
      signal.removeEventListener("abort", leave);
      if (state === "open") connection.close();
      throw error;
    }
  }

  /** Reads what is left of a reply that nobody wants, if it is little; else closes the connection. Never rejects. */
  async #finish(connection: HttpConnection, exchange: Promise<Exchange>, request: HttpRequest, received: number) {
    const close = (): void => connection.close();
    const cancel = this.#options.clock.after(LEFT_OVER_LIMIT, close);
    try {
      let most = MOST_LEFT_OVER;
      if (request.method !== "GET" || rangeLength(request) - received > most) return;
      const { head, body } = await exchange;
      if (head.framing.kind === "length" && head.framing.length - received > most) return;
      while (most >= 0) {
        const { done, value } = await body.next();
        if (done) break;
        most -= value.length;
      }
    } catch {
      // It has failed, or took too long.
    } finally {
      cancel();
      if (!connection.isUsable) close();
    }
  }

  /** A connection whose other side has proven who it is. */
  async #connect(signal: AbortSignal): Promise<HttpConnection> {
    const { relay, tls, nurl } = this.#options;
    const loading = tls.open(decodeTlsId(nurl.tlsId), signal);
    const connecting = relay.open(nurl.tlsId, signal);
    const close = (): void => {
      loading.then((session) => session.free(), ignore);
      connecting.then((stream) => stream.close(), ignore);
    };
    signal.addEventListener("abort", close, { once: true });
    try {
      const [session, stream] = await Promise.all([loading, connecting]);
      signal.throwIfAborted();
      return new HttpConnection(await openTlsStream(session, stream));
    } catch (error) {
      close();
      throw error;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  #failed(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const failure = error instanceof Unanswered ? error.cause : error;
    if (failure instanceof StreamFailure) return this.#unreachable(failure.message, failure);
    return error;
  }

  #unreachable(reason: string, cause: StreamFailure): GridError<"SERVER_UNREACHABLE"> {
    const server = this.#options.name;
    return new GridError(
      "SERVER_UNREACHABLE",
      { server, reason, why: cause.why },
      `Server ${server} could not be reached through its relay: ${reason}.`,
      { cause },
    );
  }
}

/** Did its connection say nothing until another took its place? */
function wasReplaced(error: unknown): boolean {
  return error instanceof StreamFailure && error.why === "replaced";
}

/** How many bytes a request asks for; 0 where it does not say. */
function rangeLength({ headers }: HttpRequest): number {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(`${headers.Range}`) ?? [];
  return first === undefined ? 0 : Number(last) - Number(first) + 1;
}

function ignore(): void {}

const ENDED = { done: true, value: undefined } as const;
