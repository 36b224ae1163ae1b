import type { Page } from "puppeteer-core";
import { type BrowserChoices, type BrowserKind, BrowserUnderTest } from "./BrowserUnderTest.ts";
import { test as withGrid } from "./demoGrid.ts";

export { expect } from "@playwright/test";

/**
 * `test` for specs in e2e/both/, which run in Chromium and in Firefox: with the demo grid of demoGrid.ts, a browser
 * with a profile of its own for each test, and a tab in it.
 */
export const test = withGrid.extend<
  { choices: BrowserChoices; browserUnderTest: BrowserUnderTest; tab: Page },
  { kind: BrowserKind }
>({
  kind: ["chromium", { option: true, scope: "worker" }],
  choices: [{}, { option: true }],
  browserUnderTest: async ({ kind, choices }, use) => {
    const browser = await BrowserUnderTest.start(kind, choices);
    try {
      await use(browser);
    } finally {
      await browser.close();
    }
  },
  tab: async ({ browserUnderTest }, use) => use(await browserUnderTest.newTab()),
});
