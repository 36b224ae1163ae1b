import type { OnReadOpts, Socket } from "node:net";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import { INITIAL_WINDOW } from "../../servers/yamux.ts";
import { GrowingBytes } from "./GrowingBytes.ts";
import { errorCode, type RelayedEnd } from "./RelayedConnection.ts";
import type { RelayLimits } from "./relayLimits.ts";

/** More than any TLS id has. */
const LONGEST_TOKEN = 100;
const NEWLINE = 0x0a;

/** A server that a stream may lead to. */
export interface StreamTarget {
  /** Makes the TCP connection, paused. */
  connect(signal: AbortSignal, onread: OnReadOpts): Promise<Socket>;
  /** Hears that the stream is over, and the server's connection closed. */
  over(end: RelayedEnd): void;
}

/** The connection that carries a stream. */
export interface StreamCarrier {
  /** Where the server's bytes are put, so many at most. What is there is valid until the next read of any stream. */
  room(most: number): Uint8Array;
  /** The server that is known by a token, or an answer of the relay's own, or the code that says why there is none. */
  find(token: string): StreamTarget | Uint8Array | number;
  connected(stream: RelayedStream): void;
  /** Takes bytes of the server. They are copied. @returns whether the stream may read on now */
  bringBack(stream: RelayedStream, bytes: Uint8Array): boolean;
  /** The server has taken so many bytes of the page. */
  passedOn(stream: RelayedStream, bytes: number): void;
  /** The server has ended its side. */
  serverEnded(stream: RelayedStream): void;
  /** The stream is over. @param code why, where the page has to be told */
  over(stream: RelayedStream, code: number | undefined): void;
}

/** One stream of a multiplexed connection: bytes between a page and a storage server's TCP connection. */
export class RelayedStream {
  readonly id: number;
  /** Resolves when the server's side is closed, too. */
  readonly gone: Promise<void>;
  /** So much the page takes. In bytes. */
  credit = INITIAL_WINDOW;
  /** So much the page may send. */
  window = INITIAL_WINDOW;
  readonly #carrier: StreamCarrier;
  readonly #limits: RelayLimits;
  readonly #connecting = new AbortController();
  #idle: NodeJS.Timeout;
  #token = "";
  #target: StreamTarget | undefined;
  #server: Socket | undefined;
  /** Of the page, for the server. */
  readonly #outgoing = new GrowingBytes();
  #isPassingOn = false;
  #hasPageEnded = false;
  #isOver = false;
  #code: number = SOCKET_CODES.SERVER_ENDED;
  #error: string | undefined;
  #toServer = 0;
  #fromServer = 0;
  #resolveGone = (): void => {};

  constructor(id: number, carrier: StreamCarrier, limits: RelayLimits) {
    this.id = id;
    this.#carrier = carrier;
    this.#limits = limits;
    this.#idle = setTimeout(() => this.fail(RELAY_CODES.IDLE), limits.firstByte);
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
  }

  /** Takes bytes of the page: the token first. They are copied. */
  passOn(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#target !== undefined) this.#keep(bytes);
    else this.#readToken(bytes);
  }

  /** The page will send no more. */
  pageEnded(): void {
    this.#hasPageEnded = true;
    this.#passOnAll();
  }

  pause(): void {
    this.#server?.pause();
  }

  /** Reads from the server, if the page takes something. */
  resume(): void {
    if (this.credit > 0 && !this.#isOver) this.#server?.resume();
  }

  /** Ends it, and tells the page why. */
  fail(code: number): void {
    this.#end(code, code);
  }

  /** Ends it without a word: the page has ended it, or hears the reason otherwise. */
  drop(code: number): void {
    this.#end(code, undefined);
  }

  #readToken(bytes: Uint8Array): void {
    const end = bytes.indexOf(NEWLINE);
    this.#token += Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
    if (this.#token.length > LONGEST_TOKEN) this.fail(RELAY_CODES.UNKNOWN_SERVER);
    else if (end >= 0) this.#begin(bytes.subarray(end + 1));
  }

  #begin(first: Uint8Array): void {
    this.#carrier.passedOn(this, this.#token.length + 1);
    const target = this.#carrier.find(this.#token);
    if (typeof target === "number") {
      this.fail(target);
      return;
    }
    if (target instanceof Uint8Array) {
      this.#answer(target);
      return;
    }
    this.#target = target;
    this.#wait(this.#limits.idle);
    if (first.length > 0) this.#keep(first);
    void this.#connect(target);
  }

  /** No longer than what a page takes at once. */
  #answer(bytes: Uint8Array): void {
    this.#carrier.connected(this);
    if (bytes.length > 0) this.#carrier.bringBack(this, bytes);
    this.#carrier.serverEnded(this);
    this.drop(SOCKET_CODES.SERVER_ENDED);
  }

  async #connect(target: StreamTarget): Promise<void> {
    const onread: OnReadOpts = {
      // Node asks for the room after each read, for the next one. It wants some in any case.
      buffer: () => this.#carrier.room(Math.max(1, this.credit)),
      callback: (length, buffer) => this.#bringBack(buffer.subarray(0, length)),
    };
    try {
      const server = await target.connect(this.#connecting.signal, onread);
      this.#server = server;
      if (this.#isOver) this.#leaveServer();
      else this.#join(server);
    } catch (error) {
      this.#error ??= errorCode(error);
      this.fail(RELAY_CODES.SERVER_UNREACHABLE);
      this.#close();
    }
  }

  #join(server: Socket): void {
    let hasEnded = false;
    server.on("end", () => {
      hasEnded = true;
      this.#carrier.serverEnded(this);
    });
    server.on("error", (error) => {
      this.#error ??= errorCode(error);
      this.fail(RELAY_CODES.SERVER_BROKE_OFF);
    });
    server.once("close", () => {
      if (hasEnded) this.drop(SOCKET_CODES.SERVER_ENDED);
      else this.fail(RELAY_CODES.SERVER_BROKE_OFF);
      this.#close();
    });
    this.#carrier.connected(this);
    this.#passOnAll();
    this.resume();
  }

  #keep(bytes: Uint8Array): void {
    this.#outgoing.add(bytes);
    this.#toServer += bytes.length;
    this.#idle.refresh();
    this.#passOnAll();
  }

  #passOnAll(): void {
    const server = this.#server;
    if (this.#isPassingOn || server === undefined || !server.writable) return;
    if (this.#outgoing.length === 0) {
      if (this.#hasPageEnded) server.end();
      return;
    }
    const bytes = this.#outgoing.take();
    this.#isPassingOn = true;
    // The callback comes when the system has taken the bytes, which a slow server's connection does not.
    server.write(bytes, (error) => {
      this.#isPassingOn = false;
      if (error || this.#isOver) return;
      this.#idle.refresh();
      this.#carrier.passedOn(this, bytes.length);
      this.#passOnAll();
    });
  }

  #bringBack(bytes: Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#idle.refresh();
    this.#fromServer += bytes.length;
    this.credit -= bytes.length;
    return this.#carrier.bringBack(this, bytes) && this.credit > 0;
  }

  #wait(limit: number): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.fail(RELAY_CODES.IDLE), limit);
  }

  #end(code: number, told: number | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#code = code;
    this.#outgoing.take();
    clearTimeout(this.#idle);
    this.#carrier.over(this, told);
    this.#connecting.abort(new Error("the stream is over"));
    if (this.#target === undefined) this.#close();
    else this.#leaveServer();
  }

  #leaveServer(): void {
    this.#server?.on("error", () => undefined);
    this.#server?.once("close", () => this.#close());
    this.#server?.destroy();
  }

  #close(): void {
    this.#target?.over({
      code: this.#code,
      ...(this.#error !== undefined && { error: this.#error }),
      toServer: this.#toServer,
      fromServer: this.#fromServer,
    });
    this.#target = undefined;
    this.#resolveGone();
  }
}
