import type { Page } from "puppeteer-core";

/** Clicks a link that it puts on the page, as a person would. */
export async function clickLink(tab: Page, href: string): Promise<void> {
  await tab.evaluate((href) => {
    const link = document.createElementNS("http://www.w3.org/1999/xhtml", "a") as HTMLAnchorElement;
    link.href = href;
    document.documentElement.append(link);
    link.click();
  }, href);
}
