import type { Clock } from "../base/Clock.ts";
import { type SocketByteStream, StreamFailure } from "./ByteStream.ts";
import { SOCKET_CODES } from "./relayCodes.ts";
import { relayFailure } from "./relayFailure.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * What came and was not read. A WebSocket cannot be told to wait, so this is bounded by asking for bounded ranges
 * (`requestBytes`); a peer that sends far more than any reply has is let go.
 */
const MOST_WAITING = 8 * MiB;
/** Messages: an empty one, too, takes memory. */
const MOST_MESSAGES = 65_536;
/** No more is sent while this much waits to go out … */
const MOST_BUFFERED = 1 * MiB;
/** … which nothing tells the end of, so one has to look. Milliseconds. */
const LOOK_AGAIN = 10;

/** What is used of a WebSocket: the browser's, or that of the package ws. */
export interface Socket {
  binaryType: string;
  readonly protocol: string;
  readonly bufferedAmount: number;
  send(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number }) => void): void;
}

/** Where a platform can do more than a browser. */
export interface SocketTraits {
  /** Stops and restarts the arrival of messages: the sender then has to wait. */
  readonly flow?: { pause(): void; resume(): void };
  /** Whether the program may end although this connection is there. */
  readonly rest?: (isResting: boolean) => void;
  /** Why no WebSocket was made, if more is known than that. */
  readonly whyRefused?: () => StreamFailure | undefined;
}

/**
 * A stream over a WebSocket that is being opened: binary messages are the stream's bytes. Resolves when it is open.
 *
 * @throws StreamFailure with what its close code says, or the signal's reason
 */
export function socketStream(
  socket: Socket,
  clock: Clock,
  signal: AbortSignal,
  traits: SocketTraits = {},
): Promise<SocketByteStream> {
  const stream = new SocketStream(socket, clock, traits);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      stream.close();
      reject(signal.reason);
    };
    const settle = (): void => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    stream.opened.then(
      () => {
        settle();
        resolve(stream);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}

class SocketStream implements SocketByteStream {
  /** Rejects with StreamFailure. */
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #traits: SocketTraits;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isOpen = false;
  /** How it ended: undefined for an end without failure. */
  #end: { readonly failure: StreamFailure | undefined } | undefined;
  /** Wakes whoever waits for bytes, or for room. */
  #wakeReader = (): void => {};
  #wakeWriter = (): void => {};

  constructor(socket: Socket, clock: Clock, traits: SocketTraits) {
    this.#socket = socket;
    this.#clock = clock;
    this.#traits = traits;
    socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve, reject) => {
      socket.addEventListener("open", () => {
        this.#isOpen = true;
        resolve();
      });
      socket.addEventListener("close", ({ code }) => {
        this.#finish(this.#failureOf(code));
        reject(this.#end?.failure ?? new StreamFailure("broke-off", "the relay closed the connection at once"));
      });
    });
    // Those who wait for it hear it by themselves; after an abort nobody does.
    this.opened.catch(() => undefined);
    // What it was is told by the close event that follows.
    socket.addEventListener("error", () => undefined);
    socket.addEventListener("message", ({ data }) => this.#arrive(data));
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#end !== undefined) {
        if (this.#end.failure !== undefined) throw this.#end.failure;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    const bytes = this.#waiting.shift()!;
    this.#waitingBytes -= bytes.length;
    if (this.#waiting.length === 0) this.#traits.flow?.resume();
    return bytes;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#checkWritable();
    this.#socket.send(bytes);
    while (this.#socket.bufferedAmount > MOST_BUFFERED) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
        this.#clock.after(LOOK_AGAIN, resolve);
      });
      this.#checkWritable();
    }
  }

  close(): void {
    this.#finish(new StreamFailure("broke-off", "the connection was closed"));
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    // A paused socket does not see the other side's close frame.
    this.#traits.flow?.resume();
    this.#socket.close();
  }

  rest(isResting: boolean): void {
    this.#traits.rest?.(isResting);
  }

  #arrive(data: unknown): void {
    if (this.#end !== undefined) return;
    if (!(data instanceof ArrayBuffer)) {
      this.#giveUp("the relay sent text where bytes were expected");
      return;
    }
    if (data.byteLength === 0) return;
    this.#waiting.push(new Uint8Array(data));
    this.#waitingBytes += data.byteLength;
    if (this.#waitingBytes > MOST_WAITING || this.#waiting.length > MOST_MESSAGES) {
      this.#giveUp("far more came than was asked for");
      return;
    }
    if (this.#waitingBytes > MOST_BUFFERED) this.#traits.flow?.pause();
    this.#wakeReader();
  }

  #giveUp(reason: string): void {
    this.#finish(new StreamFailure("broke-off", reason));
    this.close();
  }

  #finish(failure: StreamFailure | undefined): void {
    this.#end ??= { failure };
    this.#wakeReader();
    this.#wakeWriter();
  }

  #checkWritable(): void {
    if (this.#end !== undefined) {
      throw this.#end.failure ?? new StreamFailure("broke-off", "the server closed the connection");
    }
  }

  #failureOf(code: number): StreamFailure | undefined {
    if (this.#isOpen && code === SOCKET_CODES.SERVER_ENDED) return undefined;
    if (!this.#isOpen) {
      const known = this.#traits.whyRefused?.();
      return known ?? new StreamFailure("relay-away", "the relay cannot be reached, or it refused the connection");
    }
    return relayFailure(code);
  }
}
