import type { Page } from "puppeteer-core";

/** Has the tab, which the worker controls, note from now on which URLs the worker reads, for whomever. */
export async function noteReads(tab: Page): Promise<void> {
  await tab.evaluate(() => {
    const reads: string[] = [];
    Object.assign(window, { reads });
    navigator.serviceWorker.addEventListener("message", ({ data }) => {
      if (data?.kind === "read" && data.content.url !== undefined) reads.push(data.content.url);
    });
    navigator.serviceWorker.startMessages();
  });
}

/** Their paths so far, each once. */
export async function notedReads(tab: Page): Promise<string[]> {
  const urls = await tab.evaluate(() => (window as unknown as { reads: string[] }).reads);
  return [...new Set(urls.map((url) => new URL(url).pathname))];
}
