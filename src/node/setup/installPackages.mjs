import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "./checkout.mjs";
import { runCommand } from "./runCommand.mjs";

/**
 * Runs `npm ci` unless what package-lock.json names is installed.
 * @throws Error that says what to do when npm fails
 */
export async function installPackages() {
  if (await installed()) return;
  console.log("Installing the npm packages of package-lock.json …");
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund"];
  const npm = process.env.npm_execpath;
  const { ok, reason } = npm?.endsWith("npm-cli.js")
    ? await runCommand(process.execPath, [npm, ...args])
    : await runCommand(process.platform === "win32" ? "npm.cmd" : "npm", args);
  if (!ok) {
    throw new Error(`npm ci failed (${reason}). Check that the npm registry can be reached, then run this again.`);
  }
}

/** Compares what npm says it installed with what is wanted: file times say nothing after a checkout or a copy. */
async function installed() {
  const [wanted, present] = await Promise.all([
    packagesIn(join(checkout, "package-lock.json")),
    // npm writes this one last, so it is missing after a broken-off installation.
    packagesIn(join(checkout, "node_modules/.package-lock.json")),
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
