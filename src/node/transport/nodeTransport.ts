import { setMaxListeners } from "node:events";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { GridError } from "../../base/GridError.ts";
import { Slots } from "../../base/Slots.ts";
import { StreamFailure } from "../../servers/ByteStream.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "../../servers/HttpTransport.ts";
import { isRepeatable } from "../../servers/isRepeatable.ts";
import { CONNECTIONS } from "../../servers/serverConnections.ts";

/** What one server's requests go out by. */
export interface NodeHttp {
  /** `request` of node:http or node:https. */
  request(options: NodeRequestOptions): ClientRequest;
  /** Server and agent. */
  readonly options: RequestOptions;
  /** What stands before each request's path. */
  readonly root: string;
}

/** Node keeps nothing of a request's signal for its agent, so it comes under a name of its own. */
export interface NodeRequestOptions extends RequestOptions {
  /** Ends the wait for a connection. */
  readonly connectSignal?: AbortSignal;
}

/**
 * Requests by Node's own HTTP client. Its `fetch` is not used: in Node 20 it waits for ever on a connection that is closed as
 * soon as it is made, and has no bound on connections.
 *
 * @param name of the server, for errors
 */
export function nodeTransport(http: NodeHttp, name: string): HttpTransport {
  const slots = new Slots(CONNECTIONS);
  return {
    async request(request) {
      // Many requests may share one signal, and Node would warn of a leak.
      setMaxListeners(0, request.signal);
      const release = await slots.take(request.signal);
      return send(request, http, name, release);
    },
  };
}

function send(request: HttpRequest, http: NodeHttp, name: string, release: () => void): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const { method, path, signal, body } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, mutable(value)]));
    const failed = (error: Error) => (signal.aborted ? signal.reason : unreachable(name, error));
    const outgoing = http.request({ ...http.options, method, path: http.root + path, headers, connectSignal: signal });
    // Not Node's own `signal` option: it destroys the connection with an error, and if the reply ends in the same moment
    // nobody listens for that error any more, which ends the process.
    const stop = () => outgoing.destroy();
    signal.addEventListener("abort", stop, { once: true });
    let bytesBefore: number | undefined;
    let isRepeated = false;
    outgoing.on("socket", (socket) => {
      bytesBefore = socket.bytesRead;
    });
    outgoing.on("error", (error) => {
      // The server closed an idle connection just before it was used again. Each repetition uses up one such connection.
      const isUnanswered = outgoing.reusedSocket && outgoing.socket?.bytesRead === bytesBefore;
      isRepeated = isUnanswered && !signal.aborted && isRepeatable(request);
      if (isRepeated) resolve(send(request, http, name, release));
      else reject(failed(error));
    });
    outgoing.on("response", (incoming) => resolve(replyOf(incoming, failed)));
    // Comes once the reply is read to its end, or the connection is gone.
    outgoing.on("close", () => {
      signal.removeEventListener("abort", stop);
      if (!isRepeated) release();
    });
    outgoing.end(body);
  });
}

function replyOf(incoming: IncomingMessage, failed: (error: Error) => unknown): HttpReply {
  // An error while nobody reads is told to the next who does.
  incoming.on("error", () => undefined);
  return {
    status: incoming.statusCode ?? 0,
    header(name) {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    body: { [Symbol.asyncIterator]: () => bodyIterator(incoming, failed) },
  };
}

// Not the stream's own iterator, whose `return` does nothing before the first `next`.
function bodyIterator(
  incoming: IncomingMessage,
  failed: (error: Error) => unknown,
): AsyncIterator<Uint8Array, undefined> {
  const chunks: AsyncIterator<Buffer> = incoming[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        const { done, value } = await chunks.next();
        return done ? { done, value: undefined } : { done: false, value };
      } catch (error) {
        throw failed(error as Error);
      }
    },
    async return() {
      incoming.destroy();
      return { done: true, value: undefined };
    },
  };
}

function mutable(value: string | readonly string[]): string | string[] {
  return typeof value === "string" ? value : [...value];
}

function unreachable(server: string, cause: Error): GridError<"SERVER_UNREACHABLE"> {
  const reason = "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  const why = cause instanceof StreamFailure ? { why: cause.why } : {};
  const message = `Server ${server} could not be reached: ${reason}.`;
  return new GridError("SERVER_UNREACHABLE", { server, reason, ...why }, message, { cause });
}
