import type { Page } from "puppeteer-core";

/**
 * Opens a page of the app's origin that reads nothing itself, and waits until the worker controls it. The page is that of a file
 * that is not there: plain text, which browsers show as an HTML document.
 */
export async function openControlledTab(
  tab: Page,
  appUrl: string,
  workerUrl = "/gridfetch-worker.js?tahoe-forms",
): Promise<void> {
  await tab.goto(new URL("quiet", appUrl).href);
  await tab.evaluate(async (workerUrl) => {
    await navigator.serviceWorker.register(workerUrl);
    while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 20));
  }, workerUrl);
}
