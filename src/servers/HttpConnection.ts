import { ByteReader } from "./ByteReader.ts";
import { type ByteStream, StreamFailure } from "./ByteStream.ts";
import type { HttpRequest } from "./HttpTransport.ts";
import { encodeRequest, type Framing, type ReplyHead, readFields, readHead } from "./httpHead.ts";

/** A chunk's size in hexadecimal, and extensions that mean nothing here. */
const LONGEST_CHUNK_LINE = 1024;

/** A connection ended before a byte of the reply came: perhaps the server closed it just before it was asked. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
  override readonly cause: StreamFailure;

  constructor(cause: StreamFailure) {
    super(cause.message);
    this.cause = cause;
  }
}

/**
 * HTTP/1.1 (RFC 9112) over a stream: one request after the other, never a second before the reply to the first was read
 * to its end, since real storage servers break on that.
 */
export class HttpConnection {
  readonly #stream: ByteStream;
  readonly #reader: ByteReader;
  #isUsable = true;
  #isFresh = true;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#reader = new ByteReader(stream);
  }

  /** Another request may be sent. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** It has neither served nor idled: if it fails, then not because the server grew tired of it. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /**
   * Sends a request and reads the head of its reply. The connection is usable again once `body` was read to its end; at once
   * if there is none.
   *
   * @param host for the Host header
   * @throws Unanswered if the connection ended before a byte of the reply came
   * @throws StreamFailure for all else
   */
  async send(request: HttpRequest, host: string): Promise<{ head: ReplyHead; body: AsyncIterator<Uint8Array, void> }> {
    this.#isUsable = false;
    this.#isFresh = false;
    this.#stream.rest(false);
    let isWritten = false;
    // Not waited for: a reply may come before the request was taken, a refusal say.
    this.#stream.write(encodeRequest(request, host)).then(
      () => {
        isWritten = true;
      },
      () => undefined,
    );
    await this.#untilAnswered();
    const head = await readHead(this.#reader);
    const end = (): void => {
      // Bytes after the reply's end belong to nothing that was asked.
      this.#isUsable = head.staysOpen && isWritten && this.#reader.left === 0;
    };
    const { framing } = head;
    if (framing.kind === "length" && framing.length === 0) end();
    return { head, body: this.#body(framing, end) };
  }

  /** Calls back when the idle connection is of no more use: the server has closed it, say. */
  watchIdle(spoilt: () => void): void {
    this.#isFresh = false;
    this.#stream.rest(true);
    this.#reader.watch(() => {
      this.#isUsable = false;
      spoilt();
    });
  }

  close(): void {
    this.#isUsable = false;
    this.#stream.close();
  }

  async #untilAnswered(): Promise<void> {
    try {
      if (await this.#reader.hasMore()) return;
    } catch (cause) {
      throw cause instanceof StreamFailure && cause.why === "broke-off" ? new Unanswered(cause) : cause;
    }
    throw new Unanswered(new StreamFailure("broke-off", "the connection was closed before a reply came"));
  }

  async *#body(framing: Framing, end: () => void): AsyncGenerator<Uint8Array, void, void> {
    if (framing.kind === "chunked") yield* this.#chunks();
    else yield* this.#counted(framing.length);
    end();
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const line = await this.#reader.line(LONGEST_CHUNK_LINE);
      const [, digits] = /^([0-9A-Fa-f]{1,13})[\t ]*(?:;[\t -~\x80-\xff]*)?$/.exec(line) ?? [];
      if (digits === undefined) throw new StreamFailure("not-http", "a chunk's size is malformed");
      const size = Number.parseInt(digits, 16);
      if (size === 0) break;
      yield* this.#counted(size);
      if ((await this.#reader.line(0)) !== "") throw new StreamFailure("not-http", "a chunk is longer than its size");
    }
    await readFields(this.#reader);
  }

  async *#counted(length: number): AsyncGenerator<Uint8Array, void, void> {
    for (let left = length; left > 0; ) {
      const piece = await this.#reader.some(left);
      if (piece === undefined) throw new StreamFailure("broke-off", "the connection ended in the middle of a reply");
      left -= piece.length;
      yield piece;
    }
  }
}
