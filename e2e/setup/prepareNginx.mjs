import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { installDebianPackages } from "./installDebianPackages.mjs";

/**
 * Makes sure of an nginx, for tests of the configuration that `gridfetch proxy-config` makes.
 * @returns {Promise<{ path: string } | { missing: string }>} its program, or why there is none
 */
export async function prepareNginx() {
  let path = findNginx();
  if (path === undefined && (await installDebianPackages(["nginx-light"]))) path = findNginx();
  return path === undefined ? { missing: "nginx is not installed" } : { path };
}

function findNginx() {
  // Debian has it where only root's PATH leads.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];
  const candidates = folders.map((folder) => join(folder, "nginx"));
  return candidates.find((path) => spawnSync(path, ["-v"], { timeout: 30_000 }).status === 0);
}
