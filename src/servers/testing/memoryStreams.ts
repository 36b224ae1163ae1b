import { type ByteStream, StreamFailure } from "../ByteStream.ts";

/** One direction. */
class Pipe {
  readonly #pieces: Uint8Array[] = [];
  #isEnded = false;
  #wake = (): void => {};

  push(bytes: Uint8Array): void {
    if (this.#isEnded) throw new StreamFailure("broke-off", "the stream was closed");
    if (bytes.length > 0) this.#pieces.push(bytes.slice());
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async next(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0) {
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#pieces.shift();
  }
}

/** The two ends of a connection without network. Closing an end ends both directions, after what was written. */
export function memoryStreams(): [ByteStream, ByteStream] {
  const [there, back] = [new Pipe(), new Pipe()];
  return [endOf(there, back), endOf(back, there)];
}

function endOf(out: Pipe, into: Pipe): ByteStream {
  let isClosed = false;
  return {
    async read() {
      const bytes = isClosed ? undefined : await into.next();
      if (isClosed) throw new StreamFailure("broke-off", "the stream was closed");
      return bytes;
    },
    async write(bytes) {
      if (isClosed) throw new StreamFailure("broke-off", "the stream was closed");
      out.push(bytes);
    },
    rest: () => undefined,
    close() {
      isClosed = true;
      out.end();
      into.end();
    },
  };
}
