import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "./checkout.mjs";
import { runCommand } from "./runCommand.mjs";

const sources = ["src", "public", "vite.config.ts", "package-lock.json"];
const results = [
  "dist/app/index.html",
  "dist/app/gridfetch-worker.js",
  "dist/app/app-worker.js",
  "dist/node/demo.js",
  "dist/node/gridfetch.js",
];

/**
 * Builds dist/ when a source is newer than it.
 * @throws Error when the build fails
 */
export async function buildIfStale() {
  const [changed, built] = await Promise.all([
    Promise.all(sources.map((path) => newest(join(checkout, path)))),
    Promise.all(results.map((path) => timeOf(join(checkout, path)))),
  ]);
  if (Math.min(...built) > Math.max(...changed)) return;
  console.log("Building the app, the Service Worker and the Node programs …");
  const { ok, reason } = await build();
  if (!ok) throw new Error(`The build failed (${reason}); the lines above say why.`);
}

/** Builds dist/, showing warnings and errors only. */
export function build() {
  const vite = join(checkout, "node_modules/vite/bin/vite.js");
  return runCommand(process.execPath, [vite, "build", "--app", "--logLevel", "warn"]);
}

/**
 * The newest time in a folder, its own and its folders' included, so that a removed file counts as well.
 * @param {string} path
 * @returns {Promise<number>}
 */
async function newest(path) {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const times = entries.map((entry) => {
    const inner = join(path, entry.name);
    return entry.isDirectory() ? newest(inner) : timeOf(inner);
  });
  return Math.max(await timeOf(path), ...(await Promise.all(times)));
}

/** @param {string} path */
async function timeOf(path) {
  const found = await stat(path).catch(() => undefined);
  return found?.mtimeMs ?? 0;
}
