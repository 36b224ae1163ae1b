import type { Page } from "puppeteer-core";
import { expect, test } from "../testing/bothBrowsers.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";

test("a file is read, restarted browser or not", async ({ browserUnderTest, tab, demo }) => {
  const url = `/uri/${encodeURIComponent(demo.sample("melody.mp3").cap)}`;
  await openControlledTab(tab, demo.appUrl);
  const first = await sizeOf(tab, url);
  expect(first).toBeGreaterThan(100_000);
  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openControlledTab(again, demo.appUrl);
  expect(await sizeOf(again, url)).toBe(first);
});

function sizeOf(tab: Page, url: string): Promise<number> {
  return tab.evaluate(async (url) => (await (await fetch(url)).arrayBuffer()).byteLength, url);
}
