import type { Page } from "puppeteer-core";
import { WebKitPage } from "./webkit/WebKitPage.ts";

/** The text that each frame of a tab shows, as the browser itself sees it, whatever the frame's origin. */
export async function textsInFrames(tab: Page | WebKitPage): Promise<string[]> {
  if (tab instanceof WebKitPage) return tab.textsInFrames();
  const frames = tab.frames().slice(1);
  return Promise.all(
    frames.map((frame) => frame.evaluate(() => document.documentElement.textContent ?? "").catch(() => "")),
  );
}
