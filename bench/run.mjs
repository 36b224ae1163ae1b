// `npm run bench`: sets up what the bench needs, builds it and runs it. `npm run bench -- --quick` takes two minutes.
import { join } from "node:path";
import { prepareNginx } from "../e2e/setup/prepareNginx.mjs";
import { prepareTahoe } from "../e2e/setup/prepareTahoe.mjs";
import { buildIfStale } from "../src/node/setup/buildIfStale.mjs";
import { checkout } from "../src/node/setup/checkout.mjs";
import { installPackages } from "../src/node/setup/installPackages.mjs";
import { runCommand } from "../src/node/setup/runCommand.mjs";

await installPackages();
// What is shipped, which one part measures as it is.
await buildIfStale();
const node = process.execPath;
const vite = join(checkout, "node_modules/vite/bin/vite.js");
const built = await runCommand(node, [
  vite,
  "build",
  "--app",
  "--logLevel",
  "warn",
  "--config",
  "bench/vite.config.ts",
]);
if (!built.ok) throw new Error(`The build failed (${built.reason}); the lines above say why.`);

/** @type {Record<string, string>} */
const env = {
  // Else Playwright has Chromium keep a copy of every answer that a Service Worker fetches, of up to some 20 MB each: 0.7 s of the
  // worker's 2.4 s for 256 MiB, which nobody's browser spends who has no DevTools open.
  PLAYWRIGHT_DISABLE_SERVICE_WORKER_NETWORK: "1",
};
// Not imported above: it stands on packages that installPackages has just brought.
const { findChromium } = await import("../e2e/setup/findChromium.mjs");
const { installChromium } = await import("../e2e/setup/installChromium.mjs");
if (!findChromium()) await installChromium().catch((error) => console.error(String(error)));
const chromium = findChromium();
if (chromium) {
  env.GRIDFETCH_CHROMIUM = chromium.path;
  env.GRIDFETCH_CHROMIUM_VERSION = chromium.version;
}
if (!process.env.GRIDFETCH_TAHOE) {
  const tahoe = await prepareTahoe();
  if ("bin" in tahoe) env.GRIDFETCH_TAHOE = tahoe.bin;
  else env.GRIDFETCH_TAHOE_MISSING = tahoe.missing;
}
const nginx = await prepareNginx();
if ("path" in nginx) env.GRIDFETCH_NGINX = nginx.path;
const { ok, reason } = await runCommand(node, ["dist/bench/bench.js", ...process.argv.slice(2)], { env });
if (!ok) console.error(`The bench ${reason}.`);
process.exitCode = ok ? 0 : 1;
