import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import { sha256OfFile } from "../testing/inPage.ts";
import { makeFile } from "../testing/makeFile.ts";

declare const window: ClientWindow & typeof globalThis;

const MB = 1_000_000;

let folder: string;
let app: AppServer;
test.beforeEach(async ({ demo, tab }) => {
  folder = await mkdtemp(join(demo.folder, "hidden-"));
  app = await startClientApp(demo, folder);
  await openClientTab(tab, app);
});
test.afterEach(() => app.close().catch(() => undefined));

// Firefox ends a worker some time after the last word from a page, streaming or not, and a download that is cut so looks complete. Here that time is a
// third of what it is, and a hidden page's timers come later than that.
test.use({
  choices: {
    firefoxPreferences: {
      "dom.min_background_timeout_value": 60_000,
      "dom.min_background_timeout_value_without_budget_throttling": 60_000,
      "dom.serviceWorkers.idle_timeout": 10_000,
      "dom.serviceWorkers.idle_extended_timeout": 15_000,
    },
  },
});

test("a download goes on to its end in a hidden tab whose timers do not run", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(browserUnderTest.kind !== "firefox", "Only Firefox can be told to throttle timers so.");
  test.setTimeout(240_000);
  const path = join(folder, "long.bin");
  const hash = await makeFile(path, 12 * MB);
  const cap = await demo.put(path);
  for (const index of demo.grid.status().keys()) demo.grid.setDials(index, { bandwidth: 0.08 * MB });
  await tab.evaluate((cap) => {
    const url = window.grid.url(cap, { filename: "long.bin", download: true });
    window.grid.download(url, () => undefined);
  }, cap);
  const front = await browserUnderTest.newTab();
  await front.bringToFront();
  expect(await tab.evaluate(() => document.visibilityState)).toBe("hidden");
  const timer = tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1_000, "came")));
  const later = front.evaluate(() => new Promise((resolve) => setTimeout(resolve, 15_000, "is late")));
  expect(await Promise.race([timer, later])).toBe("is late");
  expect(await sha256OfFile(await browserUnderTest.downloaded("long.bin", 200))).toBe(hash);
});
