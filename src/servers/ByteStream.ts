import type { UnreachableWhy } from "../base/GridError.ts";

/**
 * Bytes to and from one peer, as over TCP. One reader and one writer at a time.
 * After a failure, and after `close`, both calls reject; a wait that is under way then ends at once.
 */
export interface ByteStream {
  /**
   * The next bytes, one or more; undefined when the peer has ended its side.
   * @throws StreamFailure
   */
  read(): Promise<Uint8Array | undefined>;

  /**
   * Takes bytes to be sent. Resolves when there is room for more, which is the sender's backpressure.
   * @throws StreamFailure
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;

  /** Says whether something is awaited from the peer, or nothing for now: a program may end in the latter case. */
  rest(isResting: boolean): void;

  /** Ends it both ways. Calling it late or twice does nothing. */
  close(): void;
}

/** A stream over a WebSocket of its own. */
export interface SocketByteStream extends ByteStream {
  /** The subprotocol that the other side chose, "" for none. */
  readonly protocol: string;
}

/**
 * Makes a stream to a WebSocket's other side; rejects with StreamFailure, or the signal's reason.
 * @param protocols the subprotocols that are offered. Where the other side chooses none of them a browser makes no connection
 */
export type Connect = (url: string, signal: AbortSignal, protocols: readonly string[]) => Promise<SocketByteStream>;

/** Why a stream ended or was never made. `message` is a reason in words, without secrets. */
export class StreamFailure extends Error {
  override readonly name = "StreamFailure";
  readonly why: UnreachableWhy;

  constructor(why: UnreachableWhy, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.why = why;
  }
}
