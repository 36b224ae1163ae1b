import { type ByteStream, StreamFailure } from "./ByteStream.ts";
import type { TlsProgress, TlsSession } from "./TlsSession.ts";

/** Ciphertext that is handed to the module at once, and plaintext: its memory never shrinks. */
const MOST_AT_ONCE = 256 * 1024;

/**
 * TLS over a stream. Resolves when the server has proven that it owns the pinned key, and so nothing can be written before.
 * The stream and the session are the result's from now on; both are closed if the handshake fails.
 *
 * @throws StreamFailure that tells a wrong key, an impostor and what is no TLS 1.3 apart
 */
export async function openTlsStream(session: TlsSession, under: ByteStream): Promise<ByteStream> {
  const stream = new TlsStream(session, under);
  try {
    await stream.handshake();
    return stream;
  } catch (error) {
    stream.close();
    throw error;
  }
}

class TlsStream implements ByteStream {
  readonly #session: TlsSession;
  readonly #under: ByteStream;
  /** Ciphertext that came and was not processed. */
  #ciphertext: Uint8Array = new Uint8Array();
  /** Plaintext that came together with the end of the handshake. */
  #early: Uint8Array = new Uint8Array();
  #isEnded = false;
  /** Reading sends, too (answers to key updates), and what was encrypted first must go first. */
  #sending: Promise<void> = Promise.resolve();

  constructor(session: TlsSession, under: ByteStream) {
    this.#session = session;
    this.#under = under;
  }

  async handshake(): Promise<void> {
    let progress = await this.#take(this.#session.start());
    while (!progress.isReady) {
      const ciphertext = await this.#nextCiphertext();
      if (ciphertext === undefined || progress.isClosed) {
        throw new StreamFailure("broke-off", "the connection was closed during the TLS handshake");
      }
      progress = await this.#take(this.#session.receive(ciphertext));
    }
    this.#early = progress.received;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#early.length > 0) {
      const early = this.#early;
      this.#early = new Uint8Array();
      return early;
    }
    while (!this.#isEnded) {
      const ciphertext = await this.#nextCiphertext();
      // An end that the server did not sign is no harm: HTTP says how long each reply is.
      if (ciphertext === undefined) break;
      const progress = await this.#take(this.#session.receive(ciphertext));
      this.#isEnded = progress.isClosed;
      if (progress.received.length > 0) return progress.received;
    }
    this.#isEnded = true;
    return undefined;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let at = 0; at < bytes.length; at += MOST_AT_ONCE) {
      await this.#take(this.#session.send(bytes.subarray(at, at + MOST_AT_ONCE)));
    }
  }

  rest(isResting: boolean): void {
    this.#under.rest(isResting);
  }

  close(): void {
    this.#under.close();
    this.#session.free();
  }

  async #nextCiphertext(): Promise<Uint8Array | undefined> {
    if (this.#ciphertext.length === 0) {
      const more = await this.#under.read();
      if (more === undefined) return undefined;
      this.#ciphertext = more;
    }
    const part = this.#ciphertext.subarray(0, MOST_AT_ONCE);
    this.#ciphertext = this.#ciphertext.subarray(MOST_AT_ONCE);
    return part;
  }

  /** Sends what has to be sent, the alert of a failure too. */
  async #take(progress: TlsProgress): Promise<TlsProgress> {
    const { outgoing, failure } = progress;
    if (outgoing.length > 0) this.#sending = this.#sending.then(() => this.#under.write(outgoing));
    // That failure is the story, not that its alert could not be sent.
    if (failure !== undefined) {
      await this.#sending.catch(() => undefined);
      throw failure;
    }
    await this.#sending;
    return progress;
  }
}
