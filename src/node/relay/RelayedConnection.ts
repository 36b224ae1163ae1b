import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import type { RelayLimits } from "./relayLimits.ts";
import { terminateLate } from "./terminateLate.ts";

/** What became of a connection. */
export interface RelayedEnd {
  /** The close code: the relay's own if it closed first, else what the browser said. */
  readonly code: number;
  /** Why the server could not be connected to or broke off, as the system says it: `ECONNREFUSED`, say. */
  readonly error?: string;
  /** In bytes. */
  readonly toServer: number;
  readonly fromServer: number;
}

/** So many pieces wait, however small they are: each costs memory of its own. */
const MOST_PIECES = 64;

/**
 * Moves bytes between a browser's WebSocket and a TCP connection to a storage server. What one side does not take is not
 * read from the other, so a slow side costs `waiting` bytes twice and a message, whatever is on offer.
 */
export class RelayedConnection {
  /** Resolves when the browser's side is closed; the server's follows within `linger`. */
  readonly ended: Promise<RelayedEnd>;
  /** Resolves when both sides are. */
  readonly gone: Promise<void>;
  readonly #client: WebSocket;
  readonly #limits: RelayLimits;
  readonly #connecting = new AbortController();
  #idle: NodeJS.Timeout;
  #isFirst = true;
  #server: Socket | undefined;
  /** Of the browser, for the server. */
  #outgoing: Buffer[] = [];
  #messages = 0;
  #isPassingOn = false;
  /** Of the server, for the browser. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #due: NodeJS.Immediate | undefined;
  #isSending = false;
  #closing: { readonly code: number; readonly reason: string } | undefined;
  #error: string | undefined;
  #toServer = 0;
  #fromServer = 0;

  /** @param connect makes the TCP connection, paused */
  constructor(client: WebSocket, connect: (signal: AbortSignal) => Promise<Socket>, limits: RelayLimits) {
    this.#client = client;
    this.#limits = limits;
    this.#idle = setTimeout(() => this.#giveUp(), limits.idle);
    // What the browser sends meanwhile waits in its own connection.
    client.pause();
    client.on("message", (data: Buffer, isBinary) => (isBinary ? this.#passOn(data) : this.#refuseText()));
    // A broken rule of the protocol; the close that follows says which, and whoever breaks rules may not hear it.
    client.on("error", () => terminateLate(client, limits.linger));
    this.ended = new Promise((resolve) => client.on("close", (code) => resolve(this.#leave(code))));
    const connected = this.#connect(connect);
    this.gone = Promise.all([this.ended, connected]).then(() => this.#serverGone());
  }

  /** Closes both sides once what is under way has gone out, or when that takes too long. */
  close(code: number, reason: string): void {
    this.#closing ??= { code, reason };
    this.#closeWhenSent();
    terminateLate(this.#client, this.#limits.linger);
  }

  async #connect(connect: (signal: AbortSignal) => Promise<Socket>): Promise<void> {
    try {
      const server = await connect(this.#connecting.signal);
      this.#server = server;
      if (this.#connecting.signal.aborted) server.destroy();
      else this.#join(server);
    } catch (error) {
      this.#error = errorCode(error);
      this.close(RELAY_CODES.SERVER_UNREACHABLE, "The server could not be connected to");
    }
  }

  #join(server: Socket): void {
    server.on("data", (bytes) => this.#bringBack(bytes));
    server.on("end", () => this.#finish(SOCKET_CODES.SERVER_ENDED, "The server closed the connection"));
    server.on("error", (error) => {
      this.#error = errorCode(error);
      this.#finish(RELAY_CODES.SERVER_BROKE_OFF, "The connection to the server broke");
    });
    server.resume();
    this.#client.resume();
    this.#wait(this.#limits.firstByte);
  }

  #passOn(data: Buffer): void {
    // An empty message is no part of a stream. It must not cost memory, nor keep the connection open.
    if (data.length === 0) return;
    this.#moved();
    // Read on only to hear the browser's close frame: nothing is kept for a server that takes no more.
    if (!this.#server?.writable || this.#closing !== undefined) return;
    this.#toServer += data.length;
    this.#outgoing.push(data);
    // Thousands of messages may have come at once.
    if (++this.#messages % MOST_PIECES === 0) this.#outgoing.push(joined(this.#outgoing.splice(-MOST_PIECES)));
    // What was read together is passed on together: a write costs memory, too.
    this.#client.pause();
    if (!this.#isPassingOn) setImmediate(() => this.#passOnAll());
    this.#isPassingOn = true;
  }

  #passOnAll(): void {
    if (this.#outgoing.length === 0) {
      this.#isPassingOn = false;
      this.#client.resume();
      return;
    }
    const bytes = joined(this.#outgoing);
    this.#outgoing = [];
    // The callback comes when the system has taken the bytes, which a slow server's connection does not.
    this.#server?.write(bytes, (error) => {
      if (error) return;
      this.#moved();
      this.#passOnAll();
    });
  }

  #refuseText(): void {
    this.close(SOCKET_CODES.TEXT, "Text frames are not supported");
  }

  #bringBack(bytes: Buffer): void {
    this.#moved();
    this.#fromServer += bytes.length;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= this.#limits.waiting || this.#waiting.length >= MOST_PIECES) this.#server?.pause();
    // After all that is there to be read now: a browser takes few large messages faster than many small ones.
    this.#due ??= setImmediate(() => {
      this.#due = undefined;
      this.#send();
    });
  }

  /** One message at a time, with all that waits. */
  #send(): void {
    if (this.#isSending) return;
    if (this.#waitingBytes === 0) {
      this.#closeWhenSent();
      return;
    }
    const message = joined(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#isSending = true;
    // The callback comes when the system has taken the bytes, which a slow browser's connection does not.
    this.#client.send(message, { binary: true }, (error) => {
      this.#isSending = false;
      if (error) return;
      this.#moved();
      this.#send();
    });
    this.#server?.resume();
  }

  /** The server has no more to say; what it said goes out first, however slowly the browser takes it. */
  #finish(code: number, reason: string): void {
    this.#closing ??= { code, reason };
    this.#closeWhenSent();
  }

  #closeWhenSent(): void {
    if (this.#closing === undefined || this.#isSending || this.#waitingBytes > 0) return;
    // A paused WebSocket would not hear the answer.
    this.#client.resume();
    this.#client.close(this.#closing.code, this.#closing.reason);
  }

  /** Bytes have come or gone. */
  #moved(): void {
    if (this.#isFirst) this.#wait(this.#limits.idle);
    else this.#idle.refresh();
    this.#isFirst = false;
  }

  #wait(limit: number): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#giveUp(), limit);
  }

  #giveUp(): void {
    // Whoever does not take what waits would not take the reason either.
    if (this.#isSending) {
      this.#closing ??= { code: RELAY_CODES.IDLE, reason: "" };
      this.#client.terminate();
    } else this.close(RELAY_CODES.IDLE, "Nothing came for too long");
  }

  #serverGone(): Promise<void> {
    const server = this.#server;
    return new Promise((resolve) => {
      if (server === undefined || server.closed) resolve();
      else server.once("close", () => resolve());
    });
  }

  /** The browser's side is closed. */
  #leave(code: number): RelayedEnd {
    clearTimeout(this.#idle);
    this.#connecting.abort(new Error("the browser has left"));
    const server = this.#server;
    this.#waiting = [];
    if (server !== undefined) {
      // What was sent before the close frame is the server's; a connection that broke off may have lost some already.
      if (code === SOCKET_CODES.NO_CLOSE) server.destroy();
      else server.end(joined(this.#outgoing));
      // Nobody reads its answer, and it must not wait for that.
      server.removeAllListeners("data").resume();
      const late = setTimeout(() => server.destroy(), this.#limits.linger);
      server.once("close", () => clearTimeout(late));
    }
    this.#outgoing = [];
    return {
      code: this.#closing?.code ?? code,
      ...(this.#error !== undefined && { error: this.#error }),
      toServer: this.#toServer,
      fromServer: this.#fromServer,
    };
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** As the system says it, where it does. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "failed";
}
