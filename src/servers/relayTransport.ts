import { GridError } from "../base/GridError.ts";
import { Slots } from "../base/Slots.ts";
import { StreamFailure } from "./ByteStream.ts";
import { ConnectionPool } from "./ConnectionPool.ts";
import { decodeTlsId } from "./decodeTlsId.ts";
import { HttpConnection, Unanswered } from "./HttpConnection.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";
import { isRepeatable } from "./isRepeatable.ts";
import { openTlsStream } from "./openTlsStream.ts";
import type { RelayOptions } from "./RelayOptions.ts";
import { CONNECTIONS } from "./serverConnections.ts";

/**
 * A storage server behind a relay that moves bytes between a WebSocket and the server: TLS is spoken through it, so it
 * sees neither requests nor replies, and nothing is sent before the server has proven to own the key that its NURL names.
 * Errors tell which part of the way failed (`details.why`).
 */
export function relayTransport(options: RelayOptions): HttpTransport {
  const way = new RelayWay(options);
  return { request: (request) => way.request(request) };
}

class RelayWay {
  readonly #options: RelayOptions;
  readonly #url: string;
  readonly #host: string;
  readonly #slots = new Slots(CONNECTIONS);
  readonly #connections: ConnectionPool;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { relay, nurl, clock } = options;
    const url = new URL(relay);
    url.searchParams.set("token", nurl.tlsId);
    this.#url = url.href;
    this.#host = `${nurl.host.includes(":") ? `[${nurl.host}]` : nurl.host}:${nurl.port}`;
    this.#connections = new ConnectionPool((signal) => this.#connect(signal), clock);
  }

  async request(request: HttpRequest): Promise<HttpReply> {
    const release = await this.#slots.take(request.signal);
    try {
      return await this.#send(request, release);
    } catch (error) {
      release();
      throw this.#failed(error, request.signal);
    }
  }

  async #send(request: HttpRequest, release: () => void): Promise<HttpReply> {
    const connection = await this.#connections.take(request.signal);
    const { isFresh } = connection;
    try {
      return await this.#sendOn(connection, request, release);
    } catch (error) {
      // The server closed it while it idled. What may be done twice is asked again, on a connection that is new.
      const mayRepeat = !isFresh && error instanceof Unanswered && isRepeatable(request);
      if (!mayRepeat || request.signal.aborted) throw error;
    }
    return this.#sendOn(await this.#connect(request.signal), request, release);
  }

  async #sendOn(connection: HttpConnection, request: HttpRequest, release: () => void): Promise<HttpReply> {
    const { signal } = request;
    let isOver = false;
    const abort = (): void => connection.close();
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", abort);
      this.#connections.give(connection);
      release();
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      const { head, body } = await connection.send(request, this.#host);
      signal.throwIfAborted();
      if (connection.isUsable) end();
      const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
        try {
          const { done, value } = isOver ? ENDED : await body.next();
          if (!done) return { done: false, value };
          end();
          return ENDED;
        } catch (error) {
          connection.close();
          end();
          throw this.#failed(error, signal);
        }
      };
      const leave = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
        end();
        return ENDED;
      };
      return {
        status: head.status,
        header: (name) => head.headers.get(name),
        body: { [Symbol.asyncIterator]: () => ({ next, return: leave }) },
      };
    } catch (error) {
      signal.removeEventListener("abort", abort);
      connection.close();
      throw error;
    }
  }

  /** A connection whose other side has proven who it is. */
  async #connect(signal: AbortSignal): Promise<HttpConnection> {
    const { connect, tls, nurl } = this.#options;
    const session = await tls.open(decodeTlsId(nurl.tlsId), signal);
    try {
      const stream = await connect(this.#url, signal);
      const abort = (): void => stream.close();
      signal.addEventListener("abort", abort, { once: true });
      try {
        signal.throwIfAborted();
        return new HttpConnection(await openTlsStream(session, stream));
      } catch (error) {
        stream.close();
        throw error;
      } finally {
        signal.removeEventListener("abort", abort);
      }
    } catch (error) {
      session.free();
      throw error;
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

const ENDED = { done: true, value: undefined } as const;
