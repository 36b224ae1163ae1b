import { join } from "node:path";
import { checkout } from "../../src/node/setup/checkout.mjs";
import { mayInstall } from "../../src/node/setup/mayInstall.mjs";
import { runCommand } from "../../src/node/setup/runCommand.mjs";
import { installDebianPackages } from "./installDebianPackages.mjs";

/** Installs a Chromium: Debian's where that may be done, else playwright's own. Whether that worked is seen by looking. */
export async function installChromium() {
  if (await installDebianPackages(["chromium"])) return;
  if (!mayInstall()) return;
  const playwright = join(checkout, "node_modules/@playwright/test/cli.js");
  await runCommand(process.execPath, [playwright, "install", "chromium"]);
}
