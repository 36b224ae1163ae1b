import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GridError } from "../../base/GridError.ts";
import { type Terminal, tell } from "./Terminal.ts";

/** Where the build puts the ready-made worker; this program is in dist/node/ then. */
const BUILT = new URL("../app/", import.meta.url);

/**
 * Copies the ready-made Service Worker and what it loads into the folder that an app serves at its root.
 * @throws GridError BAD_CONFIG if there is nothing to copy; what the system says of the folder
 */
export async function installCommand(folder: string, terminal: Terminal): Promise<void> {
  const from = fileURLToPath(BUILT);
  const names = (await readdir(from).catch(() => []))
    .filter((name) => /^gridfetch-.*\.(?:js|wasm|txt)$/.test(name))
    .sort();
  if (!names.includes("gridfetch-worker.js")) {
    const reason = `${from} has no gridfetch-worker.js: build gridfetch first`;
    throw new GridError("BAD_CONFIG", { reason }, `There is nothing to install: ${reason}.`);
  }
  await mkdir(folder, { recursive: true });
  for (const name of names) {
    await copyFile(join(from, name), join(folder, name));
    tell(terminal, join(folder, name));
  }
}
