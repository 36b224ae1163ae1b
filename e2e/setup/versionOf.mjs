import { spawnSync } from "node:child_process";

/**
 * What a browser says of itself; undefined if it does not start.
 * @param {string} path
 */
export function versionOf(path) {
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 30_000 });
  return status === 0 && /\d/.test(stdout) ? stdout.trim() : undefined;
}
