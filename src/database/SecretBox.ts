import type { DBSchema } from "idb";
import { utf8 } from "../base/bytes.ts";
import type { Database, Migration } from "./openDatabase.ts";

const ALGORITHM = "AES-GCM";
/** NIST SP 800-38D, section 8.2.2: random nonces of 96 bits, far fewer than 2^32 under one key. */
const NONCE_LENGTH = 12;
const KEY = "key";

/** Bytes that only the same browser profile can read. */
export interface Sealed {
  readonly nonce: Uint8Array<ArrayBuffer>;
  readonly ciphertext: ArrayBuffer;
}

/** The store that a database needs for its SecretBox. */
export interface SecretBoxSchema extends DBSchema {
  keys: { key: string; value: CryptoKey };
}

/** Makes that store. */
export const makeKeyStore: Migration = (database) => {
  database.createObjectStore("keys");
};

/**
 * Encrypts what is kept in a database under a key that is kept beside it and cannot be taken out: who copies the files of a
 * browser profile, or asks a page's script for them, does not get the secrets as text. Whoever controls the profile's
 * browser can still use the key.
 */
export class SecretBox {
  readonly #database: Database<SecretBoxSchema>;

  constructor(database: Database<SecretBoxSchema>) {
    this.#database = database;
  }

  /**
   * Reads the key, for all that is sealed or opened at one moment. It is read again for the next: the database may have been
   * deleted by then, and the key with it. What was sealed is gone in that case, too.
   * @throws GridError STORE_UNAVAILABLE, also where the browser stores no keys; STORE_FULL
   */
  async unlock(): Promise<UnlockedBox> {
    return new UnlockedBox(await this.#key());
  }

  /** What is there may be something else: a browser that cannot read a key any more gives null. */
  async #key(): Promise<CryptoKey> {
    const known = await this.#database.read(["keys"], (transaction) => transaction.objectStore("keys").get(KEY));
    if (known instanceof CryptoKey) return known;
    const made = await crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, ["encrypt", "decrypt"]);
    return this.#database.write(["keys"], async (transaction) => {
      const keys = transaction.objectStore("keys");
      // Another worker, an update of this one say, may have been faster.
      const present = await keys.get(KEY);
      if (present instanceof CryptoKey) return present;
      await keys.put(made, KEY);
      return made;
    });
  }
}

/** A SecretBox whose key was read. */
export class UnlockedBox {
  readonly #key: CryptoKey;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** @param context what the text is: it opens under the same words only */
  async seal(text: string, context: string): Promise<Sealed> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
    return { nonce, ciphertext: await crypto.subtle.encrypt(parameters(nonce, context), this.#key, utf8(text)) };
  }

  /** The text, or undefined if it was sealed with another key (the database was deleted in between) or changed. */
  async open({ nonce, ciphertext }: Sealed, context: string): Promise<string | undefined> {
    try {
      return new TextDecoder().decode(await crypto.subtle.decrypt(parameters(nonce, context), this.#key, ciphertext));
    } catch {
      return undefined;
    }
  }
}

function parameters(nonce: Uint8Array<ArrayBuffer>, context: string): AesGcmParams {
  return { name: ALGORITHM, iv: nonce, additionalData: utf8(context) };
}
