import { createCipheriv, createHash, KeyObject } from "node:crypto";

/**
 * crypto.subtle's digest and AES-CTR, computed inside the call. The real ones answer from another thread, at a moment that
 * virtual time knows nothing of, and two runs of one seed would differ.
 */
export const synchronousCrypto: Pick<SubtleCrypto, "digest" | "decrypt"> = {
  async digest(_algorithm, data) {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return copyOf(createHash("sha256").update(bytes).digest());
  },
  async decrypt(algorithm, key, data) {
    const { counter } = algorithm as AesCtrParams;
    const cipher = createCipheriv("aes-128-ctr", KeyObject.from(key), counter as Uint8Array);
    return copyOf(cipher.update(data as Uint8Array));
  },
};

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
