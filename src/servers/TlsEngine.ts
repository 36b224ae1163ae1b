import { GridError } from "../base/GridError.ts";
import { SharedTask } from "../base/SharedTask.ts";
import { StreamFailure } from "./ByteStream.ts";
import { TlsSession } from "./TlsSession.ts";
import type { TlsExports } from "./tlsExports.ts";

/** Gives the bytes of gridfetch-tls.wasm. */
export type LoadTls = (signal: AbortSignal) => Promise<ArrayBuffer | Uint8Array<ArrayBuffer>>;

/** SHA-256 */
const PIN_LENGTH = 32;

/**
 * TLS 1.3 to servers whose keys are pinned: rustls, compiled to WebAssembly from `rust/`. Nothing is loaded before the first
 * session; all sessions share one instance.
 */
export class TlsEngine {
  readonly #load: LoadTls;
  #instance: SharedTask<TlsExports> | undefined;

  /** @param load gives the module. Called again after it has failed. */
  constructor(load: LoadTls) {
    this.#load = load;
  }

  /**
   * A session with the server whose SubjectPublicKeyInfo has this SHA-256, before its first byte.
   *
   * @throws StreamFailure "no-module", or the signal's reason
   */
  async open(pin: Uint8Array, signal: AbortSignal): Promise<TlsSession> {
    if (pin.length !== PIN_LENGTH) throw defect(`a pin of ${pin.length} bytes`);
    const instance = this.#wanted();
    const startAnew = (): void => {
      if (this.#instance === instance) this.#instance = undefined;
    };
    return new TlsSession(await instance.join(signal), pin, startAnew);
  }

  /** Loads the module, so that the first session finds it. Never rejects. */
  async warm(): Promise<void> {
    await this.#wanted()
      .join(new AbortController().signal)
      .catch(() => undefined);
  }

  #wanted(): SharedTask<TlsExports> {
    if (this.#instance === undefined || this.#instance.isAbandoned) {
      this.#instance = new SharedTask((wanted) => this.#start(wanted));
    }
    return this.#instance;
  }

  async #start(signal: AbortSignal): Promise<TlsExports> {
    try {
      return await instantiate(await this.#load(signal));
    } catch (cause) {
      const reason = "gridfetch-tls.wasm could not be loaded; it has to be beside the worker, and WebAssembly allowed";
      throw new StreamFailure("no-module", reason, { cause });
    }
  }
}

// Not compiled from a stream: that wants a content type that not every web server knows.
async function instantiate(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<TlsExports> {
  const fillRandom = (at: number, length: number): void => {
    crypto.getRandomValues(new Uint8Array(exports.memory.buffer, at, length));
  };
  const { instance } = await WebAssembly.instantiate(bytes, { env: { fill_random: fillRandom } });
  const exports = instance.exports as unknown as TlsExports;
  return exports;
}

function defect(reason: string): GridError<"INTERNAL"> {
  return new GridError("INTERNAL", { reason }, `A defect in gridfetch: ${reason}.`);
}
