import { createCipheriv, createHash, KeyObject } from "node:crypto";
import { vi } from "vitest";

/**
 * Makes crypto.subtle's digest and AES-CTR compute inside the call. The real ones answer from another thread, at a
 * moment that virtual time knows nothing of, and two runs of one seed would differ.
 */
export function installSynchronousCrypto(): void {
  vi.spyOn(crypto.subtle, "digest").mockImplementation(async (_algorithm, data) => {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    return copyOf(createHash("sha256").update(bytes).digest());
  });
  vi.spyOn(crypto.subtle, "decrypt").mockImplementation(async (algorithm, key, data) => {
    const { counter } = algorithm as AesCtrParams;
    const cipher = createCipheriv("aes-128-ctr", KeyObject.from(key), counter as Uint8Array);
    return copyOf(cipher.update(data as Uint8Array));
  });
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
