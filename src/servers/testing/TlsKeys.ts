import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";

const HASH_LENGTH = 32;
const TAG_LENGTH = 16;

export function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function hmac(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac("sha256", key).update(bytes).digest();
}

/** HKDF-Expand-Label (RFC 8446, section 7.1), of at most 32 bytes. */
export function expandLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([context.length]), context]);
  return hmac(secret, Buffer.concat([info, Buffer.from([1])])).subarray(0, length);
}

/** The next secret of the key schedule, from the one before and what comes in. */
export function nextSecret(before: Uint8Array | undefined, input: Uint8Array): Buffer {
  const salt = before === undefined ? Buffer.alloc(HASH_LENGTH) : expandLabel(before, "derived", sha256(), HASH_LENGTH);
  return hmac(salt, input);
}

/** One direction's records under TLS_CHACHA20_POLY1305_SHA256 (RFC 8446, section 5.2). */
export class RecordKeys {
  readonly #key: Buffer;
  readonly #iv: Buffer;
  #sequence = 0;

  constructor(trafficSecret: Uint8Array) {
    this.#key = expandLabel(trafficSecret, "key", Buffer.alloc(0), 32);
    this.#iv = expandLabel(trafficSecret, "iv", Buffer.alloc(0), 12);
  }

  /** A whole record. */
  seal(type: number, contents: Uint8Array): Buffer {
    const header = recordHeader(23, contents.length + 1 + TAG_LENGTH);
    const cipher = createCipheriv("chacha20-poly1305", this.#key, this.#nonce(), { authTagLength: TAG_LENGTH });
    cipher.setAAD(header, { plaintextLength: contents.length + 1 });
    const text = Buffer.concat([cipher.update(Buffer.concat([contents, Buffer.from([type])])), cipher.final()]);
    this.#sequence++;
    return Buffer.concat([header, text, cipher.getAuthTag()]);
  }

  /** The record's true type and contents, or undefined if it is not of these keys. */
  open(record: Uint8Array): { type: number; contents: Buffer } | undefined {
    const end = record.length - TAG_LENGTH;
    const decipher = createDecipheriv("chacha20-poly1305", this.#key, this.#nonce(), { authTagLength: TAG_LENGTH });
    decipher.setAAD(record.subarray(0, 5), { plaintextLength: end - 5 });
    decipher.setAuthTag(record.subarray(end));
    try {
      const text = Buffer.concat([decipher.update(record.subarray(5, end)), decipher.final()]);
      this.#sequence++;
      return { type: text.at(-1) ?? 0, contents: text.subarray(0, -1) };
    } catch {
      return undefined;
    }
  }

  #nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence) >>> 0, 8);
    return nonce;
  }
}

/** What stands before a record's contents. */
export function recordHeader(type: number, length: number): Buffer {
  return Buffer.from([type, 3, 3, length >> 8, length & 0xff]);
}
