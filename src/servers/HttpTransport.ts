/** One HTTP request to one storage server. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** From the server's root, as in `/storage/v1/version`. */
  readonly path: string;
  /** A list is sent as so many header lines of that name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** The head of an answer, and its body to come. */
export interface HttpReply {
  readonly status: number;
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined;
  /** Unverified bytes, as they come. Abandoning the iteration (return) or the request's signal stops the transfer. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * How bytes reach one server: `fetch`, TLS with a pinned key, a WebSocket.
 * `request` resolves when the reply's head is there. It rejects with GridError SERVER_UNREACHABLE, or with the signal's
 * reason once that is aborted. It sets no time limit of its own: callers pass a signal that has one.
 */
export interface HttpTransport {
  request(request: HttpRequest): Promise<HttpReply>;
  /**
   * Makes ready what the first request would have to wait for, where there is such a thing. Nothing tells whether that succeeded.
   * @param isLikely whether there will probably be one; else only what it shares with other servers' is made ready
   */
  warm?(isLikely: boolean): void;
  /**
   * Opens what the way to this server has in common with others', where there is such a thing, and resolves when that is open or has failed.
   * A server is not late before.
   */
  way?(): Promise<void>;
  /** Says whoever leads to the server that it cannot be reached? It may be lying. */
  isAway?(): boolean;
}
