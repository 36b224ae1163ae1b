import { readFile } from "node:fs/promises";

/** Beside the built programs, and where the sources have it. */
const PLACES = ["./gridfetch-tls.wasm", "../../servers/tls/gridfetch-tls.wasm"];

/** The TLS module, from its file. */
export async function loadTls(): Promise<Uint8Array<ArrayBuffer>> {
  for (const place of PLACES) {
    const bytes = await readFile(new URL(place, import.meta.url)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (bytes !== undefined) return new Uint8Array(bytes);
  }
  throw new Error("gridfetch-tls.wasm is missing");
}
