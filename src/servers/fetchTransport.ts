import { GridError } from "../base/GridError.ts";
import type { HttpReply, HttpRequest, HttpTransport } from "./HttpTransport.ts";

/**
 * A server that `fetch` can reach: same origin, or one that answers with CORS headers.
 *
 * @param url its root, absolute, to which request paths are appended; it may have a path of its own (a proxy's)
 * @param name of the server, for errors
 */
export function fetchTransport(url: string, name: string): HttpTransport {
  const root = url.replace(/\/+$/, "");
  return { request: (request) => requestByFetch(root, name, request) };
}

async function requestByFetch(root: string, name: string, request: HttpRequest): Promise<HttpReply> {
  const { method, path, signal, body } = request;
  const headers = headersOf(request);
  request.signal.throwIfAborted();
  let response: Response;
  try {
    response = await fetch(root + path, { method, headers, signal, ...(body && { body }), ...POLICY });
  } catch (error) {
    throw signal.aborted ? signal.reason : unreachable(name, "the request failed", error);
  }
  return {
    status: response.status,
    header: (key) => response.headers.get(key) ?? undefined,
    body: { [Symbol.asyncIterator]: () => bodyIterator(response.body, name, signal) },
  };
}

const POLICY = {
  // In the default mode Chromium takes parallel ranges of one URL one after the other (measured: 16 ranges at 100 ms
  // round trip take 1.7 s instead of 0.2 s).
  cache: "no-store",
  // With "omit" browsers open connections of their own beside those that the page has to the same origin. No other origin gets cookies,
  // and the proxy on the app's own passes none on.
  credentials: "same-origin",
  // A redirect would take the Authorization header and the trust in this server elsewhere.
  redirect: "error",
  referrerPolicy: "no-referrer",
} as const;

function headersOf(request: HttpRequest): Headers {
  const headers = new Headers();
  for (const [key, value] of Object.entries(request.headers)) {
    for (const line of typeof value === "string" ? [value] : value) headers.append(key, line);
  }
  return headers;
}

// By hand and not the stream's own iterator, which Safari lacks; and not a generator, whose `return` does nothing before
// the first `next`.
function bodyIterator(
  stream: ReadableStream<Uint8Array> | null,
  name: string,
  signal: AbortSignal,
): AsyncIterator<Uint8Array, undefined> {
  const reader = stream?.getReader();
  const { aborted, settle } = whenAborted(signal);
  return {
    async next() {
      try {
        const { done, value } = (await Promise.race([reader?.read(), aborted])) ?? { done: true, value: undefined };
        if (done) settle();
        return done ? { done, value: undefined } : { done, value };
      } catch (error) {
        settle();
        throw signal.aborted ? signal.reason : unreachable(name, "the connection broke off", error);
      }
    },
    async return() {
      // A stream that has failed already has nothing left to stop, and rejects.
      await Promise.race([reader?.cancel(), aborted]).catch(() => undefined);
      settle();
      return { done: true, value: undefined };
    },
  };
}

/**
 * Rejects when the signal is aborted, until `settle` is called. Node 20's fetch leaves a read pending for ever whose
 * signal is aborted just as the body ends.
 */
function whenAborted(signal: AbortSignal): { aborted: Promise<never>; settle: () => void } {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
  });
  // Heard by whoever reads then; nobody may be.
  aborted.catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return { aborted, settle: () => signal.removeEventListener("abort", stop) };
}

function unreachable(server: string, what: string, cause: unknown): GridError<"SERVER_UNREACHABLE"> {
  const detail = causeOf(cause);
  const reason = detail === undefined ? what : `${what} (${detail})`;
  return new GridError("SERVER_UNREACHABLE", { server, reason }, `Server ${server} could not be read: ${reason}.`, {
    cause,
  });
}

/** Node's `fetch` tells the system's error code; a browser tells nothing. */
function causeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
