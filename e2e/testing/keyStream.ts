import { createCipheriv, createHash } from "node:crypto";

/** SHA-256 of the plaintext of a file whose ciphertext is zeroes: of the key stream itself. */
export function sha256OfZeroes(key: Uint8Array, size: number): string {
  const cipher = createCipheriv("aes-128-ctr", key, new Uint8Array(16));
  const hash = createHash("sha256");
  const piece = new Uint8Array(1_000_000);
  for (let at = 0; at < size; at += piece.length) {
    hash.update(cipher.update(piece.subarray(0, Math.min(piece.length, size - at))));
  }
  return hash.digest("hex");
}
