import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../../src/node/setup/checkout.mjs";
import { mayInstall } from "../../src/node/setup/mayInstall.mjs";
import { runCommand } from "../../src/node/setup/runCommand.mjs";
import { installDebianPackages } from "./installDebianPackages.mjs";

const requirements = join(checkout, "e2e/setup/tahoe-requirements.txt");
const venv = join(checkout, ".cache/tahoe-venv");
const bin = join(venv, process.platform === "win32" ? "Scripts" : "bin");
const stamp = join(venv, "gridfetch-requirements.sha256");

/**
 * Makes sure of a Python environment with Tahoe-LAFS in .cache/, for tests against a real grid.
 * @returns {Promise<{ bin: string } | { missing: string }>} the folder of its programs, or why there is none
 */
export async function prepareTahoe() {
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  if (read(stamp) === wanted && tahoeStarts()) return { bin };
  if (!mayInstall()) return { missing: "it is not installed in .cache/tahoe-venv" };
  console.log("Installing Tahoe-LAFS into .cache/tahoe-venv …");
  // Debian splits Python's venv off, and netifaces, which Tahoe-LAFS needs, comes as C source only.
  const debian = ["python3", "python3-venv", "python3-dev", "gcc", "libc6-dev"];
  let missing = await install();
  if (missing !== undefined && (await installDebianPackages(debian))) missing = await install();
  if (missing !== undefined) return { missing };
  writeFileSync(stamp, wanted);
  return { bin };
}

/** @returns {Promise<string | undefined>} what went wrong */
async function install() {
  const python = findPython();
  if (python === undefined) return "no Python 3.11 or newer was found";
  const made = await runCommand(python, ["-m", "venv", "--clear", venv]);
  if (!made.ok) return `python3 -m venv failed (${made.reason})`;
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  const installed = await runCommand(join(bin, "python"), pip);
  if (!installed.ok) return `pip could not install Tahoe-LAFS (${installed.reason})`;
  return tahoeStarts() ? undefined : "the installed tahoe program does not start";
}

function findPython() {
  // The system's own last: it is the one that installDebianPackages completes.
  return ["python3", "python", "/usr/bin/python3"].find((python) => {
    const ask = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    return spawnSync(python, ["-c", ask], { timeout: 30_000 }).status === 0;
  });
}

function tahoeStarts() {
  return spawnSync(join(bin, "tahoe"), ["--version"], { timeout: 60_000 }).status === 0;
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
