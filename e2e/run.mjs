// `npm test`: sets up what the tests need, runs every check, goes on after a failure, and counts at the end. options.mjs has what can be left out.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "../src/node/setup/buildIfStale.mjs";
import { checkout } from "../src/node/setup/checkout.mjs";
import { installPackages } from "../src/node/setup/installPackages.mjs";
import { runCommand } from "../src/node/setup/runCommand.mjs";
import { readOptions, usage } from "./options.mjs";
import { installDebianPackages } from "./setup/installDebianPackages.mjs";
import { prepareFfmpeg } from "./setup/prepareFfmpeg.mjs";
import { prepareNginx } from "./setup/prepareNginx.mjs";
import { prepareTahoe } from "./setup/prepareTahoe.mjs";
import { prepareTlsBuild } from "./setup/prepareTlsBuild.mjs";
import { readPlaywrightReport, readVitestReport } from "./setup/TestResults.mjs";

const reports = ".cache/reports";
const vitestReport = `${reports}/vitest.json`;
const playwrightReport = `${reports}/playwright.json`;

/** @type {string[]} */
const failed = [];
/** @type {string[]} */
const skipped = [];
/** @type {string[]} */
const flaky = [];
/** @type {string[]} */
const missing = [];
/** @type {import("./setup/TestResults.mjs").TestTime[]} */
const times = [];
let passed = 0;

const options = understood();
const isPartial = options.only.length > 0 || options.projects.length > 0;
// Setups look at it in the place where they install.
if (!options.mayInstall) process.env.GRIDFETCH_NO_SETUP = "1";

try {
  await installPackages();
  // The libraries that the browser tests give grid URLs. Optional are binaries, and scripts do no more than greet.
  await installPackages("e2e/readers", ["--omit=optional", "--ignore-scripts"]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
rmSync(join(checkout, reports), { recursive: true, force: true });
const env = await prepareEnvironment();

if (!isPartial) {
  await check("lint and format", () =>
    runTool("@biomejs/biome/bin/biome", [
      "ci",
      "--error-on-warnings",
      `--colors=${process.stdout.isTTY ? "force" : "off"}`,
    ]),
  );
  await check("types", () => runTool("typescript/bin/tsc", ["-b"]));
}
await check("build", build);
if (options.projects.length === 0) {
  await runTests(
    "unit and interop tests",
    "vitest/vitest.mjs",
    [
      ...["run", "--reporter=default", "--reporter=json", `--outputFile.json=${vitestReport}`],
      ...(isPartial ? ["--passWithNoTests"] : []),
      ...options.only,
    ],
    () => readVitestReport(join(checkout, vitestReport)),
  );
}
if (env.GRIDFETCH_CHROMIUM) {
  await runTests(
    "browser tests",
    "@playwright/test/cli.js",
    [
      ...["test", "--config", "e2e/playwright.config.ts"],
      ...(isPartial ? ["--pass-with-no-tests"] : []),
      ...options.projects.map((project) => `--project=${project}`),
      ...options.only,
    ],
    () => readPlaywrightReport(join(checkout, playwrightReport)),
  );
}
if (isPartial && passed === 0 && failed.length === 0) failed.push("no test is in such a file and browser");
summarize();

function understood() {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}

/** A browser and a Tahoe-LAFS for the tests. What cannot be had is noted, and the rest goes on. */
async function prepareEnvironment() {
  /** @type {Record<string, string>} */
  const found = process.stdout.isTTY ? {} : { NO_COLOR: "1" };
  try {
    // Not imported above: it stands on packages that installPackages has just brought.
    const { findChromium } = await import("./setup/findChromium.mjs");
    const { installChromium } = await import("./setup/installChromium.mjs");
    let chromium = findChromium();
    if (!chromium) {
      await installChromium();
      chromium = findChromium();
    }
    if (!chromium) throw new Error("No Chromium was found or could be installed; set GRIDFETCH_CHROMIUM to one.");
    console.log(`Browser: ${chromium.version} (${chromium.path})`);
    found.GRIDFETCH_CHROMIUM = chromium.path;
  } catch (error) {
    failed.push(`browser tests: ${error instanceof Error ? error.message : error}`);
  }
  try {
    const { findFirefox } = await import("./setup/findFirefox.mjs");
    let firefox = findFirefox();
    // Debian only recommends FFmpeg's libraries along with it.
    if (!firefox && (await installDebianPackages(["firefox-esr", "libavcodec-extra"]))) firefox = findFirefox();
    if (!firefox)
      throw new Error("no Firefox that plays MP4 was found or could be installed; set GRIDFETCH_FIREFOX to one");
    console.log(`Second browser: ${firefox.version} (${firefox.path})`);
    found.GRIDFETCH_FIREFOX = firefox.path;
  } catch (error) {
    missing.push(`browser tests in Firefox: ${error instanceof Error ? error.message : error}`);
  }
  const { findWebKit, webKitPackages } = await import("./setup/findWebKit.mjs");
  let webKit = findWebKit();
  if (!webKit && (await installDebianPackages(webKitPackages))) webKit = findWebKit();
  if (webKit) {
    console.log(`Third browser: ${webKit.version}`);
    found.GRIDFETCH_WEBKIT = webKit.version;
  } else missing.push("browser tests in WebKit: no WebKitGTK that can be driven was found or could be installed");
  const tahoe = await prepareTahoe();
  if ("bin" in tahoe) found.GRIDFETCH_TAHOE = tahoe.bin;
  else missing.push(`tests against a real Tahoe-LAFS: ${tahoe.missing}`);
  await prepareTlsBuild();
  const ffmpeg = await prepareFfmpeg();
  if ("path" in ffmpeg) found.GRIDFETCH_FFMPEG = ffmpeg.path;
  else missing.push(`tests of HLS and DASH on real servers: ${ffmpeg.missing}`);
  const nginx = await prepareNginx();
  if ("path" in nginx) found.GRIDFETCH_NGINX = nginx.path;
  else missing.push(`tests of nginx as a proxy: ${nginx.missing}`);
  return found;
}

/**
 * @param {string} name
 * @param {() => Promise<{ ok: boolean, reason: string }>} run
 */
async function check(name, run) {
  console.log(`\n== ${name}`);
  const { ok, reason } = await run();
  if (!ok) failed.push(`${name} (${reason})`);
}

/**
 * @param {string} name
 * @param {string} program
 * @param {readonly string[]} args
 * @param {() => import("./setup/TestResults.mjs").TestResults | undefined} read
 */
async function runTests(name, program, args, read) {
  console.log(`\n== ${name}`);
  const { ok, reason } = await runTool(program, args);
  const results = read();
  passed += results?.passed ?? 0;
  skipped.push(...(results?.skipped ?? []));
  flaky.push(...(results?.flaky ?? []));
  failed.push(...(results?.failed ?? []));
  times.push(...(results?.times ?? []));
  // Never green by silence: no report, no test, or a failing exit that no test explains.
  if (!results || (ok && results.passed === 0 && !isPartial) || (!ok && results.failed.length === 0))
    failed.push(`${name} (${reason})`);
}

/** @param {string} program @param {readonly string[]} args */
function runTool(program, args) {
  return runCommand(process.execPath, [join(checkout, "node_modules", program), ...args], { env, minutes: 70 });
}

function summarize() {
  console.log("\n== the slowest twenty tests, in seconds");
  times.sort((one, other) => other.seconds - one.seconds);
  for (const { name, seconds } of times.slice(0, 20)) console.log(`${seconds.toFixed(1).padStart(6)} ${name}`);
  console.log("\n== summary");
  for (const reason of missing) console.log(`SKIPPED ${reason}`);
  for (const name of skipped) console.log(`skipped: ${name}`);
  for (const name of flaky) console.log(`FLAKY, passed when it was run again: ${name}`);
  for (const name of failed) console.log(`FAILED: ${name}`);
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
