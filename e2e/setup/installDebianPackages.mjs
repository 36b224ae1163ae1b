import { spawnSync } from "node:child_process";
import { mayInstall } from "../../src/node/setup/mayInstall.mjs";
import { runCommand } from "../../src/node/setup/runCommand.mjs";

/**
 * Installs Debian packages, on a machine where this user may do so without being asked: root, with apt-get.
 * @param {readonly string[]} names
 * @returns {Promise<boolean>} are they there now?
 */
export async function installDebianPackages(names) {
  const canInstall = process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0;
  if (!canInstall || !mayInstall()) return false;
  console.log(`Installing Debian's ${names.join(", ")} …`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await runCommand("apt-get", ["update", "-qq"], { env });
  const { ok } = await runCommand("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...names], { env });
  return ok;
}
