import { setMaxListeners } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { GridError } from "../../base/GridError.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "../../servers/HttpTransport.ts";
import type { Nurl } from "../../servers/parseNurl.ts";
import { PinnedAgent, type PinnedRequestOptions } from "./PinnedAgent.ts";
import { Slots } from "./Slots.ts";

/** Measured on a real server: four connections reach its full speed. Requests are never pipelined, which breaks it. */
const CONNECTIONS = 4;

/**
 * A storage server that is named by a NURL, over TLS with its pinned key.
 *
 * @param name of the server, for errors
 */
export function pinnedTlsTransport(nurl: Nurl, name: string): HttpTransport {
  const agent = new PinnedAgent(nurl);
  const slots = new Slots(CONNECTIONS);
  return {
    async request(request) {
      // Many requests may share one signal, and Node would warn of a leak.
      setMaxListeners(0, request.signal);
      const release = await slots.take(request.signal);
      return send(request, nurl, agent, name, release);
    },
  };
}

function send(
  request: HttpRequest,
  nurl: Nurl,
  agent: PinnedAgent,
  name: string,
  release: () => void,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const { method, path, signal, body } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, mutable(value)]));
    const failed = (error: Error) => (signal.aborted ? signal.reason : unreachable(name, error));
    const { host, port } = nurl;
    const options: PinnedRequestOptions = { host, port, method, path, headers, agent, signal, connectSignal: signal };
    const outgoing: ClientRequest = httpsRequest(options);
    outgoing.on("error", (error) => reject(failed(error)));
    // Comes once the reply is read to its end, or the connection is gone.
    outgoing.on("close", release);
    outgoing.on("response", (incoming) => resolve(replyOf(incoming, failed)));
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
  return new GridError("SERVER_UNREACHABLE", { server, reason }, `Server ${server} could not be reached: ${reason}.`, {
    cause,
  });
}
