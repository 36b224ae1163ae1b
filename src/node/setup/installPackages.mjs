import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "./checkout.mjs";
import { mayInstall } from "./mayInstall.mjs";
import { runCommand } from "./runCommand.mjs";

/**
 * Runs `npm ci` unless what package-lock.json names is installed.
 * @param {string} [folder] where that is, in the checkout: its top unless given
 * @param {readonly string[]} [options] of npm's
 * @throws Error that says what to do when npm fails
 */
export async function installPackages(folder = ".", options = []) {
  if (await installed(join(checkout, folder))) return;
  if (!mayInstall())
    throw new Error(`What ${join(folder, "package-lock.json")} names is not installed. Run npm ci there.`);
  console.log(`Installing the npm packages of ${join(folder, "package-lock.json")} …`);
  const args = ["ci", "--prefix", folder, "--include=dev", "--no-audit", "--no-fund", ...options];
  const npm = process.env.npm_execpath;
  const { ok, reason } = npm?.endsWith("npm-cli.js")
    ? await runCommand(process.execPath, [npm, ...args])
    : await runCommand(process.platform === "win32" ? "npm.cmd" : "npm", args);
  if (!ok) {
    throw new Error(`npm ci failed (${reason}). Check that the npm registry can be reached, then run this again.`);
  }
}

/**
 * Compares what npm says it installed with what is wanted: file times say nothing after a checkout or a copy.
 * @param {string} folder
 */
async function installed(folder) {
  const [wanted, present] = await Promise.all([
    packagesIn(join(folder, "package-lock.json")),
    // npm writes this one last, so it is missing after a broken-off installation.
    packagesIn(join(folder, "node_modules/.package-lock.json")),
  ]);
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    const found = present[path];
    // Optional ones are left out by npm where they are for another platform.
    return found ? found.version === version : optional === true;
  });
}

/**
 * @param {string} lockFile
 * @returns {Promise<Record<string, { version?: string, optional?: boolean }> | undefined>}
 */
async function packagesIn(lockFile) {
  try {
    return JSON.parse(await readFile(lockFile, "utf8")).packages;
  } catch {
    return undefined;
  }
}
