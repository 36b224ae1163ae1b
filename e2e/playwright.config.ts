import { defineConfig } from "@playwright/test";
import { findChromium } from "./setup/findChromium.mjs";
import { findFirefox } from "./setup/findFirefox.mjs";
import { findWebKit } from "./setup/findWebKit.mjs";
import type { BrowserKind } from "./testing/BrowserUnderTest.ts";

const chromium = findChromium();
if (!chromium) throw new Error("No Chromium was found. `npm test` installs one; or set GRIDFETCH_CHROMIUM to one.");
// Playwright's worker processes read this file again: spare them the search.
process.env.GRIDFETCH_CHROMIUM = chromium.path;
const firefox = findFirefox();
if (firefox) process.env.GRIDFETCH_FIREFOX = firefox.path;
const webKit = findWebKit();
if (webKit) process.env.GRIDFETCH_WEBKIT = webKit.version;

export default defineConfig<object, { kind: BrowserKind }>({
  testDir: ".",
  testMatch: "**/*.spec.ts",
  outputDir: "../.cache/playwright",
  reporter: [["list"], ["json", { outputFile: "../.cache/reports/playwright.json" }]],
  forbidOnly: process.env.CI !== undefined,
  // A browser that a busy machine has kept waiting gets one more chance, and the test is named as flaky.
  retries: process.env.CI === undefined ? 0 : 1,
  // Every worker has a browser and a grid of its own. Many tests wait for slow servers more than they compute: two go well
  // on two cores.
  workers: 2,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  globalTimeout: 68 * 60_000,
  projects: [
    { name: "chromium", testIgnore: "both/**" },
    { name: "both-chromium", testMatch: "both/**/*.spec.ts", use: { kind: "chromium" } },
    // `npm test` says loudly that these are missing where there is no Firefox, or no WebKit.
    ...(firefox ? [{ name: "both-firefox", testMatch: "both/**/*.spec.ts", use: { kind: "firefox" as const } }] : []),
    ...(webKit
      ? [
          {
            name: "both-webkit",
            // docs/browsers.md names what is left out, here and by a skip, and says why.
            testMatch: "both/**/*.spec.ts",
            testIgnore: "both/abandoned.spec.ts",
            use: { kind: "webkit" as const },
          },
        ]
      : []),
  ],
  use: {
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium.path,
      args: [
        // Chromium's sandbox refuses to start as root, as in a container.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        "--autoplay-policy=no-user-gesture-required",
        // Nothing but the test's own traffic: no look-ups of Google's hosts, no updates, no sync.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--disable-gpu",
        "--no-first-run",
      ],
    },
  },
});
