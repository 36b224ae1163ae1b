import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

export const readersFolder = fileURLToPath(new URL("../readers/", import.meta.url));

/** The readers' page, with the workers and WebAssembly of the packages beside it: no other server is asked. */
export async function buildReadersPage(outDir: string): Promise<void> {
  if (!existsSync(join(readersFolder, "node_modules")))
    throw new Error("Install the readers first: npm ci --prefix e2e/readers --ignore-scripts");
  await build({
    configFile: false,
    root: join(readersFolder, "page"),
    logLevel: "error",
    build: { outDir, emptyOutDir: false, assetsInlineLimit: 0, minify: false, target: "es2022" },
    worker: { format: "es" },
  });
}
