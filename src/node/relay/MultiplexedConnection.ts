import type { WebSocket } from "ws";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import {
  FLAGS,
  FRAME_TYPES,
  type FrameHeader,
  FrameReader,
  GO_AWAY,
  HEADER_LENGTH,
  INITIAL_WINDOW,
  MOST_STREAMS,
  writeHeader,
  YamuxError,
} from "../../servers/yamux.ts";
import { GrowingBytes } from "./GrowingBytes.ts";
import { RelayedStream, type StreamCarrier, type StreamTarget } from "./RelayedStream.ts";
import type { RelayLimits } from "./relayLimits.ts";
import { terminateLate } from "./terminateLate.ts";

const KIB = 1024;
/** What waits for servers that take nothing, of all streams: then the page has to wait. One alone never makes it wait. */
const MOST_FOR_SERVERS = 2 * INITIAL_WINDOW;
/** What a stream may always add to a message. */
const LEAST_SHARE = 16 * KIB;
const LARGEST_READ = 64 * KIB;
/** The page hears that more may be sent when so much was taken. */
const WINDOW_STEP = INITIAL_WINDOW / 2;

/** All streams read into it, one after the other. */
const shared = new Uint8Array(LARGEST_READ);
const headerBytes = new Uint8Array(HEADER_LENGTH);

/**
 * A page's WebSocket that carries many streams, each to a server (docs/decisions/0026). One message is under way at a time; meanwhile up to `waiting` bytes
 * are read for the next one, a fair share from each stream that has some. A stream whose page takes nothing costs no bytes.
 */
export class MultiplexedConnection implements StreamCarrier {
  /** Resolves with the close code when the page's side is closed: the relay's own if it closed first. */
  readonly ended: Promise<number>;
  /** Resolves when all servers' connections are closed, too. */
  readonly gone: Promise<void>;
  readonly #client: WebSocket;
  readonly #find: (token: string) => StreamTarget | Uint8Array | number;
  readonly #limits: RelayLimits;
  readonly #reader: FrameReader;
  readonly #streams = new Map<number, RelayedStream>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #outgoing = new GrowingBytes();
  /** What servers have yet to take, and what they took that the page does not know of; by stream. */
  readonly #forServers = new Map<RelayedStream, { waiting: number; taken: number }>();
  #forServersBytes = 0;
  /** What each stream has in the next message. */
  readonly #shares = new Map<RelayedStream, number>();
  #share: number;
  #lastStream = 0;
  #idle: NodeJS.Timeout;
  #due: NodeJS.Immediate | undefined;
  #isSending = false;
  #closing: { readonly code: number; readonly reason: string } | undefined;

  /** @param find the server that is known by a token, or an answer of the relay's own, or the code that says why there is none; it counts the stream */
  constructor(client: WebSocket, find: (token: string) => StreamTarget | Uint8Array | number, limits: RelayLimits) {
    this.#client = client;
    this.#find = find;
    this.#limits = limits;
    this.#share = limits.waiting;
    this.#reader = new FrameReader({
      begin: (header) => this.#begin(header),
      data: ({ stream }, piece) => this.#data(stream, piece),
      end: (header) => this.#finish(header),
    });
    this.#idle = setTimeout(() => this.#lookAtIdle(), limits.idle);
    client.on("message", (data: Buffer, isBinary) => (isBinary ? this.#hear(data) : this.#refuseText()));
    client.on("error", () => terminateLate(client, limits.linger));
    this.ended = new Promise((resolve) => client.on("close", (code) => resolve(this.#leave(code))));
    this.gone = this.ended.then(async () => void (await Promise.all(this.#leaving)));
  }

  /** How many streams are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Closes the page's side once what is under way has gone out, or when that takes too long. */
  close(code: number, reason: string): void {
    if (this.#closing !== undefined) return;
    this.#closing = { code, reason };
    for (const stream of this.#streams.values()) stream.drop(code);
    const isError = code === SOCKET_CODES.PROTOCOL_ERROR;
    const length = isError ? GO_AWAY.PROTOCOL_ERROR : GO_AWAY.NORMAL;
    this.#add({ type: FRAME_TYPES.GO_AWAY, flags: 0, stream: 0, length });
    terminateLate(this.#client, this.#limits.linger);
  }

  room(most: number): Uint8Array {
    return shared.subarray(0, most);
  }

  find(token: string): StreamTarget | Uint8Array | number {
    return this.#find(token);
  }

  connected({ id }: RelayedStream): void {
    this.#add({ type: FRAME_TYPES.WINDOW, flags: FLAGS.ACK, stream: id, length: 0 });
  }

  bringBack(stream: RelayedStream, bytes: Uint8Array): boolean {
    this.#add({ type: FRAME_TYPES.DATA, flags: 0, stream: stream.id, length: bytes.length }, bytes);
    const share = (this.#shares.get(stream) ?? 0) + bytes.length;
    this.#shares.set(stream, share);
    return share < this.#share && !this.#isFull;
  }

  passedOn(stream: RelayedStream, bytes: number): void {
    const count = this.#forServers.get(stream);
    if (count === undefined) return;
    count.waiting -= bytes;
    count.taken += bytes;
    this.#forServersBytes -= bytes;
    this.#listen();
    if (count.taken < WINDOW_STEP) return;
    this.#add({ type: FRAME_TYPES.WINDOW, flags: 0, stream: stream.id, length: count.taken });
    stream.window += count.taken;
    count.taken = 0;
  }

  serverEnded({ id }: RelayedStream): void {
    if (this.#streams.has(id)) this.#add({ type: FRAME_TYPES.WINDOW, flags: FLAGS.FIN, stream: id, length: 0 });
  }

  over(stream: RelayedStream, code: number | undefined): void {
    this.#streams.delete(stream.id);
    this.#shares.delete(stream);
    this.#forServersBytes -= this.#forServers.get(stream)?.waiting ?? 0;
    this.#forServers.delete(stream);
    this.#leaving.add(stream.gone);
    void stream.gone.then(() => this.#leaving.delete(stream.gone));
    this.#idle.refresh();
    if (code !== undefined) this.#reset(stream.id, code);
    this.#listen();
  }

  get #isFull(): boolean {
    return this.#outgoing.length >= this.#limits.waiting;
  }

  #hear(bytes: Buffer): void {
    // Read on only to hear the page's close frame.
    if (this.#closing !== undefined) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof YamuxError)) throw error;
      this.close(SOCKET_CODES.PROTOCOL_ERROR, error.message);
    }
  }

  #refuseText(): void {
    this.close(SOCKET_CODES.TEXT, "Text frames are not supported");
  }

  #begin({ type, flags, stream: id, length }: FrameHeader): void {
    if (type === FRAME_TYPES.PING) {
      if (flags & FLAGS.SYN) this.#add({ type, flags: FLAGS.ACK, stream: 0, length });
      return;
    }
    if (type === FRAME_TYPES.GO_AWAY) return;
    if (flags & FLAGS.SYN) this.#open(id);
    else if (id > this.#lastStream) throw new YamuxError(`a frame for stream ${id}, which was never opened`);
    const stream = this.#streams.get(id);
    // It has ended, and the page did not know yet.
    if (stream === undefined) return;
    if (type === FRAME_TYPES.DATA) {
      if (length > stream.window) throw new YamuxError(`more than may be sent on stream ${id}`);
      stream.window -= length;
    } else if (!(flags & FLAGS.RST)) {
      stream.credit += length;
      if (!this.#isFull) stream.resume();
    }
  }

  #open(id: number): void {
    if (id % 2 === 0 || id <= this.#lastStream) throw new YamuxError(`stream ${id} is opened out of turn`);
    this.#lastStream = id;
    this.#idle.refresh();
    if (this.#streams.size + this.#leaving.size >= MOST_STREAMS) {
      this.#reset(id, RELAY_CODES.TOO_MANY);
      return;
    }
    const stream = new RelayedStream(id, this, this.#limits);
    this.#streams.set(id, stream);
    this.#forServers.set(stream, { waiting: 0, taken: 0 });
  }

  #data(id: number, piece: Uint8Array): void {
    const stream = this.#streams.get(id);
    const count = stream && this.#forServers.get(stream);
    if (stream === undefined || count === undefined) return;
    count.waiting += piece.length;
    this.#forServersBytes += piece.length;
    stream.passOn(piece);
    this.#listen();
  }

  #finish({ flags, stream }: FrameHeader): void {
    if (flags & FLAGS.RST) this.#streams.get(stream)?.drop(SOCKET_CODES.PAGE_ENDED);
    else if (flags & FLAGS.FIN) this.#streams.get(stream)?.pageEnded();
  }

  #reset(id: number, code: number): void {
    this.#add({ type: FRAME_TYPES.WINDOW, flags: FLAGS.RST, stream: id, length: code });
  }

  #add(header: FrameHeader, payload?: Uint8Array): void {
    this.#outgoing.add(writeHeader(header, headerBytes));
    if (payload !== undefined) this.#outgoing.add(payload);
    if (this.#isFull) {
      for (const stream of this.#streams.values()) stream.pause();
      this.#listen();
    }
    // After all that is there to be read now: a browser takes few large messages faster than many small ones.
    this.#due ??= setImmediate(() => {
      this.#due = undefined;
      this.#send();
    });
  }

  /** One message at a time, with all that waits. */
  #send(): void {
    if (this.#isSending) return;
    if (this.#outgoing.length === 0) {
      this.#closeWhenSent();
      return;
    }
    this.#isSending = true;
    this.#idle.refresh();
    // The callback comes when the system has taken the bytes, which a slow browser's connection does not.
    this.#client.send(this.#outgoing.take(), { binary: true }, (error) => {
      this.#isSending = false;
      if (error) return;
      this.#idle.refresh();
      this.#send();
    });
    // There is room for one that had nothing so far.
    this.#share = Math.max(LEAST_SHARE, this.#limits.waiting / (this.#shares.size + 1));
    if (this.#shares.size <= 1) this.#share = this.#limits.waiting;
    this.#shares.clear();
    for (const stream of this.#streams.values()) stream.resume();
    this.#listen();
  }

  /** Reads from the page, unless what it sends would have to be kept. */
  #listen(): void {
    const isTooMuch = this.#isFull || this.#forServersBytes >= MOST_FOR_SERVERS;
    // A paused WebSocket does not hear that the page closes it.
    if (isTooMuch && this.#closing === undefined) this.#client.pause();
    else this.#client.resume();
  }

  #closeWhenSent(): void {
    if (this.#closing === undefined) return;
    this.#client.resume();
    this.#client.close(this.#closing.code, this.#closing.reason);
  }

  #lookAtIdle(): void {
    // Whoever does not take what waits would not take the reason either.
    if (this.#isSending) this.#client.terminate();
    else if (this.#streams.size > 0) this.#idle.refresh();
    else this.close(RELAY_CODES.IDLE, "Nothing came for too long");
  }

  /** The page's side is closed. */
  #leave(code: number): number {
    clearTimeout(this.#idle);
    const end = this.#closing?.code ?? code;
    this.#closing ??= { code, reason: "" };
    for (const stream of this.#streams.values()) stream.drop(end);
    return end;
  }
}
