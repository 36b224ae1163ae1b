import { concatBytes } from "../base/bytes.ts";
import type { Clock } from "../base/Clock.ts";
import { type ByteStream, StreamFailure } from "./ByteStream.ts";
import { relayFailure } from "./relayFailure.ts";
import {
  FLAGS,
  FRAME_TYPES,
  type FrameHeader,
  FrameReader,
  INITIAL_WINDOW,
  MOST_STREAMS,
  writeHeader,
  YamuxError,
} from "./yamux.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** So much of a stream may come before it is read. One share's part of a segment is less, and so no reply waits for more room. */
const WINDOW = 1 * MiB;
/** Pieces that wait in a stream, before they are put together: each takes memory of its own, however small it is. */
const MOST_PIECES = 256;
/** A message to the relay has at most twice as much. */
const LARGEST_PAYLOAD = 32 * KiB;
/**
 * A network that has changed may swallow a connection without a word, and this one is all that leads to the relay. If nothing has come for so long while
 * something is awaited or sent, the relay is asked for a sign of life …
 */
const QUIET_MS = 3_000;
/** … and if none has come after so long, the connection is silent. Anything that comes is one. */
const SIGN_LIMIT_MS = 1_000;

/**
 * The page's side of one connection to a relay that carries many streams (docs/decisions/0026). What the relay says is not believed: a stream's
 * bytes are bounded, and a broken rule ends the connection and all streams with it.
 */
export class YamuxConnection {
  /** The relay says which of its servers it cannot reach, where it is asked. */
  readonly tellsAway: boolean;
  readonly #under: ByteStream;
  readonly #clock: Clock;
  readonly #fellSilent: () => void;
  readonly #streams = new Map<number, YamuxStream>();
  /** Those that have said nothing yet, too. */
  readonly #open = new Set<YamuxStream>();
  readonly #busy = new Set<YamuxStream>();
  #lastStream = -1;
  #sending: Promise<void> = Promise.resolve();
  #failure: StreamFailure | undefined;
  #isLeaving = false;
  /** What a ping wants to hear, until that has gone out. */
  #pong: number | undefined;
  #heardAt: number;
  /** Ends the wait for a sign of life. */
  #cancelWait: (() => void) | undefined;
  /** Ends the watch for silence, which goes on while something is awaited. */
  #cancelWatch: (() => void) | undefined;
  #isSilent = false;

  /** @param fellSilent is called when no sign of life has come while something is awaited. Where nothing is, the connection fails instead */
  constructor(under: ByteStream, clock: Clock, fellSilent: () => void, tellsAway = false) {
    this.tellsAway = tellsAway;
    this.#under = under;
    this.#clock = clock;
    this.#fellSilent = fellSilent;
    this.#heardAt = clock.now();
    under.rest(true);
    void this.#listen();
  }

  /** A stream may be opened. */
  get hasRoom(): boolean {
    return !this.#isLeaving && !this.#isSilent && this.#open.size < MOST_STREAMS;
  }

  /** One may be opened that nobody needs yet: half of all are for those who do. */
  get hasRoomAhead(): boolean {
    return this.hasRoom && this.#open.size < MOST_STREAMS / 2;
  }

  /** It takes no more streams: it has failed, or the relay has said so. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** It was asked for a sign of life and has given none: it may be lost, or the network stands still. It may wake. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Something is awaited from it. */
  get isBusy(): boolean {
    return this.#busy.size > 0;
  }

  /** Asks for a sign of life now: the network may have changed. */
  check(): void {
    if (this.#mayAsk) void this.send(this.#askForSign()).catch(() => undefined);
  }

  /** Another connection has taken its place. */
  leave(): void {
    this.#fail(new StreamFailure("replaced", "the connection to the relay said nothing and was replaced"));
  }

  /**
   * A stream to a server. It costs no round trip: the relay hears of it with the first bytes that are written, and why it failed is told when
   * it is read.
   *
   * @param token by which the relay knows the server
   */
  open(token: string): ByteStream {
    const stream = new YamuxStream(token, this);
    this.#open.add(stream);
    this.rest(stream, false);
    if (this.#failure !== undefined) stream.fail(this.#failure);
    return stream;
  }

  /** The id of a stream that begins. */
  begin(stream: YamuxStream): number {
    this.#lastStream += 2;
    this.#streams.set(this.#lastStream, stream);
    return this.#lastStream;
  }

  /** Resolves when there is room for more. @throws StreamFailure */
  send(...frames: readonly Uint8Array[]): Promise<void> {
    const isQuiet = this.#clock.now() - this.#heardAt >= QUIET_MS;
    const asks = isQuiet && this.#mayAsk ? [this.#askForSign()] : [];
    const bytes = concatBytes([...frames, ...asks]);
    this.#sending = this.#sending.then(() => this.#under.write(bytes));
    this.#sending.catch((error: unknown) => this.#fail(error));
    return this.#sending;
  }

  rest(stream: YamuxStream, isResting: boolean): void {
    if (isResting) this.#busy.delete(stream);
    else this.#busy.add(stream);
    this.#under.rest(!this.isBusy);
    if (this.isBusy && this.#failure === undefined) this.#cancelWatch ??= this.#watch(QUIET_MS);
    else this.#stopWatching();
  }

  over(stream: YamuxStream, id: number | undefined): void {
    this.#open.delete(stream);
    if (id !== undefined) this.#streams.delete(id);
    this.rest(stream, true);
  }

  async #listen(): Promise<void> {
    const reader = new FrameReader({
      begin: (header) => this.#begin(header),
      data: ({ stream }, piece) => this.#streams.get(stream)?.arrive(piece),
      end: (header) => this.#end(header),
    });
    try {
      for (;;) {
        const bytes = await this.#under.read();
        if (bytes === undefined) throw new StreamFailure("broke-off", "the relay closed the connection");
        this.#heardAt = this.#clock.now();
        this.#isSilent = false;
        this.#cancelWait?.();
        this.#cancelWait = undefined;
        reader.push(bytes);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** One that was asked for is not asked for again. */
  get #mayAsk(): boolean {
    return this.#cancelWait === undefined && this.#failure === undefined;
  }

  /** @returns the frame that asks */
  #askForSign(): Uint8Array {
    this.#cancelWait = this.#clock.after(SIGN_LIMIT_MS, () => {
      if (!this.isBusy) {
        this.#fail(new StreamFailure("broke-off", "the relay gave no sign of life"));
        return;
      }
      this.#isSilent = true;
      this.#fellSilent();
    });
    return writeHeader(SIGN_WANTED);
  }

  /** A server may say nothing for long, and the relay answers all the same. */
  #watch(ms: number): () => void {
    return this.#clock.after(ms, () => {
      const quiet = this.#clock.now() - this.#heardAt;
      if (quiet >= QUIET_MS) this.check();
      this.#cancelWatch = this.#watch(quiet >= QUIET_MS ? QUIET_MS : QUIET_MS - quiet);
    });
  }

  #stopWatching(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }

  #begin({ type, flags, stream: id, length }: FrameHeader): void {
    if (type === FRAME_TYPES.PING) {
      if (flags & FLAGS.SYN) this.#answerPing(length);
      return;
    }
    if (type === FRAME_TYPES.GO_AWAY) {
      this.#isLeaving = true;
      return;
    }
    if (flags & FLAGS.SYN || id % 2 === 0 || id > this.#lastStream) throw new YamuxError(`a stream of its own, ${id}`);
    // What comes for a stream that has been closed is nobody's: the relay did not know yet.
    const stream = this.#streams.get(id);
    if (type === FRAME_TYPES.DATA) stream?.expect(length);
    else if (!(flags & FLAGS.RST)) stream?.mayWrite(length);
  }

  #end({ type, flags, stream, length }: FrameHeader): void {
    if (flags & FLAGS.RST) {
      this.#streams.get(stream)?.fail(relayFailure(type === FRAME_TYPES.WINDOW ? length : 0));
    } else if (flags & FLAGS.FIN) this.#streams.get(stream)?.end();
  }

  /** One answer is under way at a time: nobody can make the page keep many. */
  #answerPing(value: number): void {
    const isSending = this.#pong !== undefined;
    this.#pong = value;
    if (isSending) return;
    const sent = this.send(writeHeader({ type: FRAME_TYPES.PING, flags: FLAGS.ACK, stream: 0, length: value }));
    const done = (): void => {
      this.#pong = undefined;
    };
    sent.then(done, done);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure =
      error instanceof StreamFailure
        ? error
        : new StreamFailure("broke-off", `the relay broke the rules of its protocol (${(error as Error).message})`);
    this.#isLeaving = true;
    this.#isSilent = false;
    this.#cancelWait?.();
    this.#stopWatching();
    for (const stream of this.#open) stream.fail(this.#failure);
    this.#under.close();
  }
}

const SIGN_WANTED = { type: FRAME_TYPES.PING, flags: FLAGS.SYN, stream: 0, length: 0 } as const;

class YamuxStream implements ByteStream {
  readonly #token: string;
  readonly #carrier: YamuxConnection;
  #id: number | undefined;
  /** So much may be written before the relay says more. */
  #credit = INITIAL_WINDOW;
  /** So much may come. */
  #window = WINDOW;
  /** So much was read and may come again, which the relay does not know yet. */
  #read = 0;
  #waiting: Uint8Array[] = [];
  /** How it ended: undefined for an end without failure. */
  #end: { readonly failure: StreamFailure | undefined } | undefined;
  #isClosed = false;
  #wakeReader = (): void => {};
  #wakeWriter = (): void => {};

  constructor(token: string, carrier: YamuxConnection) {
    this.#token = token;
    this.#carrier = carrier;
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
    this.#read += bytes.length;
    if (this.#read >= WINDOW / 2 && this.#end === undefined) this.#giveRoom();
    return bytes;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#checkWritable();
    const first = this.#id === undefined ? this.#begin(bytes) : 0;
    for (let at = first; at < bytes.length; ) {
      while (this.#credit === 0) {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
        this.#checkWritable();
      }
      const part = bytes.subarray(at, at + Math.min(this.#credit, LARGEST_PAYLOAD));
      at += part.length;
      await this.#sendData(part);
      this.#checkWritable();
    }
  }

  rest(isResting: boolean): void {
    if (!this.#isClosed) this.#carrier.rest(this, isResting);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const isKnown = this.#id !== undefined && this.#end?.failure === undefined;
    if (isKnown) void this.#sendWindow(FLAGS.RST, 0);
    this.#carrier.over(this, this.#id);
    this.#waiting = [];
    this.#end = { failure: new StreamFailure("broke-off", "the connection was closed") };
    this.#wake();
  }

  /** So many bytes will come. @throws YamuxError */
  expect(length: number): void {
    if (length > this.#window || this.#end !== undefined) throw new YamuxError("more on a stream than it may send");
    this.#window -= length;
  }

  arrive(piece: Uint8Array): void {
    // A small piece must not keep the large message that it came in.
    this.#waiting.push(2 * piece.length < piece.buffer.byteLength ? piece.slice() : piece);
    if (this.#waiting.length > MOST_PIECES) this.#waiting = [concatBytes(this.#waiting)];
    this.#wakeReader();
  }

  mayWrite(more: number): void {
    this.#credit += more;
    this.#wakeWriter();
  }

  /** The server has ended its side. */
  end(): void {
    this.#end ??= { failure: undefined };
    this.#wake();
  }

  fail(failure: StreamFailure): void {
    if (this.#end?.failure === undefined) this.#end = { failure };
    this.#wake();
  }

  /** Tells the relay of the stream, together with the first bytes. @returns how many of them */
  #begin(bytes: Uint8Array): number {
    const id = this.#carrier.begin(this);
    this.#id = id;
    const first = bytes.subarray(0, LARGEST_PAYLOAD);
    const token = new TextEncoder().encode(`${this.#token}\n`);
    const length = token.length + first.length;
    this.#credit -= length;
    this.#forget(
      this.#carrier.send(
        writeHeader({ type: FRAME_TYPES.WINDOW, flags: FLAGS.SYN, stream: id, length: WINDOW - INITIAL_WINDOW }),
        writeHeader({ type: FRAME_TYPES.DATA, flags: 0, stream: id, length }),
        token,
        first,
      ),
    );
    return first.length;
  }

  #sendData(bytes: Uint8Array): Promise<void> {
    this.#credit -= bytes.length;
    const header = { type: FRAME_TYPES.DATA, flags: 0, stream: this.#id!, length: bytes.length };
    return this.#carrier.send(writeHeader(header), bytes);
  }

  #giveRoom(): void {
    this.#window += this.#read;
    this.#sendWindow(0, this.#read);
    this.#read = 0;
  }

  #sendWindow(flags: number, length: number): void {
    const header = { type: FRAME_TYPES.WINDOW, flags, stream: this.#id!, length };
    this.#forget(this.#carrier.send(writeHeader(header)));
  }

  /** What cannot be sent is told to all streams. */
  #forget(sent: Promise<void>): void {
    sent.catch(() => undefined);
  }

  #wake(): void {
    this.#wakeReader();
    this.#wakeWriter();
  }

  #checkWritable(): void {
    if (this.#end !== undefined) {
      throw this.#end.failure ?? new StreamFailure("broke-off", "the server closed the connection");
    }
  }
}
