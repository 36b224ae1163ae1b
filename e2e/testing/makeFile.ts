import { createCipheriv, createHash } from "node:crypto";
import { open } from "node:fs/promises";

const PIECE = 1024 * 1024;

/** Writes a file of noise, the same for the same name and size, and gives its SHA-256 in hexadecimal. */
export async function makeFile(path: string, size: number): Promise<string> {
  const noise = createCipheriv(
    "aes-128-ctr",
    createHash("md5")
      .update(path.split("/").at(-1) ?? "")
      .digest(),
    Buffer.alloc(16),
  );
  const hash = createHash("sha256");
  const file = await open(path, "w");
  try {
    for (let at = 0; at < size; at += PIECE) {
      const piece = noise.update(Buffer.alloc(Math.min(PIECE, size - at)));
      hash.update(piece);
      await file.write(piece);
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}
