import {
  constants,
  createCipheriv,
  createHash,
  createPublicKey,
  createSecretKey,
  KeyObject,
  verify,
} from "node:crypto";

/**
 * crypto.subtle's digest, AES-CTR and RSA-PSS, computed inside the call. The real ones answer from another thread, at a moment that
 * virtual time knows nothing of, and two runs of one seed would differ.
 */
export const synchronousCrypto: Pick<SubtleCrypto, "digest" | "decrypt" | "importKey" | "verify"> = {
  async digest(_algorithm, data) {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return copyOf(createHash("sha256").update(bytes).digest());
  },
  async decrypt(algorithm, key, data) {
    const { counter } = algorithm as AesCtrParams;
    const cipher = createCipheriv("aes-128-ctr", keyOf(key), counter as Uint8Array);
    return copyOf(cipher.update(data as Uint8Array));
  },
  async importKey(format: string, data: unknown) {
    const bytes = Buffer.from(data as Uint8Array);
    const key =
      format === "spki" ? createPublicKey({ key: bytes, format: "der", type: "spki" }) : createSecretKey(bytes);
    return key as unknown as CryptoKey;
  },
  async verify(_algorithm, key, signature, data) {
    const pss = { key: keyOf(key), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    return verify("sha256", data as Uint8Array, pss, signature as Uint8Array);
  },
};

function keyOf(key: CryptoKey): KeyObject {
  return key instanceof KeyObject ? key : KeyObject.from(key);
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
