import { StreamFailure } from "./ByteStream.ts";
import type { TlsExports } from "./tlsExports.ts";

/** What came of bytes that were given to a session. */
export interface TlsProgress {
  /** Plaintext from the server; never any before `isReady`. */
  readonly received: Uint8Array<ArrayBuffer>;
  /** Ciphertext that has to be sent, before anything of a later call. */
  readonly outgoing: Uint8Array<ArrayBuffer>;
  /** The server has proven that it owns the pinned key. */
  readonly isReady: boolean;
  /** The server has said that nothing more will come. */
  readonly isClosed: boolean;
  /** Why the session cannot go on; `outgoing` then tells the server. */
  readonly failure?: StreamFailure;
}

/** States as the module numbers them, and why a session failed. */
const READY = 1;
const CLOSED = 2;
const FIRST_FAILURE = 16;
const FAILURES: Readonly<Record<number, (words: string) => StreamFailure>> = {
  17: () => new StreamFailure("wrong-key", "its TLS key is not the one that its NURL names"),
  18: (words) => new StreamFailure("impostor", `its TLS certificate cannot be used (${words})`),
  19: () => new StreamFailure("impostor", "it shows the right TLS key without owning it"),
  20: () => new StreamFailure("impostor", "it shows no TLS certificate"),
  22: () => new StreamFailure("impostor", "it does not prove that it owns its TLS key"),
  21: () => new StreamFailure("not-tls", "it does not speak TLS 1.3"),
};

/** One TLS connection: turns bytes into bytes, sends and waits for nothing itself. `free` it in the end. */
export class TlsSession {
  readonly #module: TlsExports;
  readonly #broken: () => void;
  #session: number;

  /**
   * @param pin 32 bytes
   * @param broken is told when the module can no longer be used
   */
  constructor(module: TlsExports, pin: Uint8Array, broken: () => void) {
    this.#module = module;
    this.#broken = broken;
    const at = module.pin_new();
    new Uint8Array(module.memory.buffer).set(pin, at);
    this.#session = module.session_new(at);
    if (this.#session === 0) throw new StreamFailure("not-tls", "the TLS module cannot begin a session");
  }

  /** What there is to send first. */
  start(): TlsProgress {
    return this.#run((module, session) => module.session_receive(session));
  }

  /** Takes ciphertext from the server. */
  receive(ciphertext: Uint8Array): TlsProgress {
    return this.#run((module, session) => {
      const at = module.session_room(session, ciphertext.length);
      new Uint8Array(module.memory.buffer).set(ciphertext, at);
      return module.session_receive(session);
    });
  }

  /** Encrypts. Fails, with nothing to send, before the session is ready. */
  send(plaintext: Uint8Array): TlsProgress {
    return this.#run((module, session) => {
      const at = module.session_sending_room(session, plaintext.length);
      new Uint8Array(module.memory.buffer).set(plaintext, at);
      return module.session_send(session);
    });
  }

  /** Frees the module's memory. Calling it twice does nothing; any other call then fails. */
  free(): void {
    const session = this.#session;
    this.#session = 0;
    if (session !== 0) this.#guard(() => this.#module.session_free(session));
  }

  #run(step: (module: TlsExports, session: number) => number): TlsProgress {
    const session = this.#session;
    if (session === 0) throw new StreamFailure("broke-off", "the connection was closed");
    return this.#guard(() => {
      const module = this.#module;
      const state = step(module, session);
      const received = this.#copy(module.session_received(session), module.session_received_length(session));
      module.session_received_clear(session);
      const outgoing = this.#copy(module.session_outgoing(session), module.session_outgoing_length(session));
      module.session_outgoing_clear(session);
      return {
        received,
        outgoing,
        isReady: state === READY,
        isClosed: state === CLOSED,
        ...(state >= FIRST_FAILURE && { failure: this.#failureOf(state) }),
      };
    });
  }

  #failureOf(state: number): StreamFailure {
    const module = this.#module;
    const words = this.#copy(module.session_words(this.#session), module.session_words_length(this.#session));
    const text = new TextDecoder().decode(words);
    return FAILURES[state]?.(text) ?? new StreamFailure("not-tls", `the TLS connection failed (${text})`);
  }

  #copy(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#module.memory.buffer, at, length).slice() as Uint8Array<ArrayBuffer>;
  }

  /** A trap leaves the module's memory in no state to go on from. */
  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      this.#session = 0;
      this.#broken();
      throw new StreamFailure("not-tls", "the TLS module failed", { cause });
    }
  }
}
