import { concatBytes } from "../base/bytes.ts";
import { type ByteStream, StreamFailure } from "./ByteStream.ts";

const CR = 0x0d;
const LF = 0x0a;

/** Takes lines and runs of bytes out of a stream. */
export class ByteReader {
  readonly #stream: ByteStream;
  #left: Uint8Array = new Uint8Array();
  /** A read that began while nothing was asked for. */
  #watch: Promise<Uint8Array | undefined> | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Bytes that came and were not taken. */
  get left(): number {
    return this.#left.length;
  }

  /** Waits for a byte. False at the stream's end. */
  async hasMore(): Promise<boolean> {
    return this.#left.length > 0 || this.#fill();
  }

  /** The next bytes, 1 to `most` of them, as they come; undefined at the stream's end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    if (!(await this.hasMore())) return undefined;
    const taken = this.#left.subarray(0, most);
    this.#left = this.#left.subarray(taken.length);
    return taken;
  }

  /**
   * The next line as ISO 8859-1, without the CR and LF that end it.
   *
   * @param limit to its length in bytes
   * @throws StreamFailure if it is longer, ends otherwise, or the stream ends in it
   */
  async line(limit: number): Promise<string> {
    let searched = 0;
    for (;;) {
      const end = this.#left.indexOf(LF, searched);
      if (end > limit + 1 || (end < 0 && this.#left.length > limit + 1)) {
        throw new StreamFailure("not-http", `a line is longer than ${limit} bytes`);
      }
      if (end >= 0) {
        if (this.#left[end - 1] !== CR) throw new StreamFailure("not-http", "a line does not end with CR and LF");
        const line = this.#left.subarray(0, end - 1);
        this.#left = this.#left.subarray(end + 1);
        return String.fromCharCode(...line);
      }
      searched = this.#left.length;
      if (!(await this.#fill())) throw new StreamFailure("broke-off", "the connection ended in the middle of a reply");
    }
  }

  /**
   * Calls back when the stream ends, fails or brings something although nothing is read: it is of no more use then. Reading
   * goes on as if this had not been called, and ends the watch.
   */
  watch(spoilt: () => void): void {
    const watch = this.#stream.read();
    this.#watch = watch;
    const tell = (): void => {
      if (this.#watch === watch) spoilt();
    };
    watch.then(tell, tell);
  }

  /** False at the stream's end. */
  async #fill(): Promise<boolean> {
    const watch = this.#watch;
    this.#watch = undefined;
    const more = await (watch ?? this.#stream.read());
    if (more === undefined) return false;
    this.#left = this.#left.length === 0 ? more : concatBytes([this.#left, more]);
    return true;
  }
}
