/** What a relay allows. All times in milliseconds. */
export interface RelayLimits {
  /** Connections of pages in all: WebSockets. */
  readonly connections: number;
  /** Connections of one address. Several people may share one. It is never more than what this leaves free of all. */
  readonly connectionsPerAddress: number;
  /** Streams in all, in the connections that carry several. An address gets no more of them than it leaves free. */
  readonly streams: number;
  /** For a socket to say what it wants, and for one that is refused to take the answer. */
  readonly admission: number;
  /** For a page to say the first byte: in TLS the client speaks first. */
  readonly firstByte: number;
  /** How long a connection may stand on which nothing moves. Storage servers close theirs after 60 s. */
  readonly idle: number;
  /** For connecting to a server. */
  readonly connect: number;
  /** How long bytes may take that are under way when a side closes, and all that is open when the relay stops. */
  readonly linger: number;
  /** A message from a browser, in bytes. A reader's requests have less than a thousand. */
  readonly message: number;
  /**
   * Bytes from a server that wait while the last message goes out, before its connection is paused. They go out as one
   * message: a browser takes few large ones faster than many small ones.
   */
  readonly waiting: number;
}

/**
 * A page has one connection, or with a relay that speaks as websockify does a few to each server of a grid: 200 are as many readers behind one address, or 5 of ten
 * servers. In its connection it has 20 streams to ten servers, and 64 at most.
 */
export const defaultRelayLimits: RelayLimits = {
  connections: 1000,
  connectionsPerAddress: 200,
  streams: 4000,
  admission: 5_000,
  firstByte: 10_000,
  idle: 120_000,
  connect: 10_000,
  linger: 5_000,
  message: 1024 * 1024,
  waiting: 256 * 1024,
};
