import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "./testing/demoGrid.ts";
import { openApp, openQuietPage, sha256OfFile } from "./testing/inPage.ts";
import { makeFile } from "./testing/makeFile.ts";
import { total } from "./testing/total.ts";

const SIZE = 200_000_000;

test.describe("200 MB", () => {
  test.describe.configure({ timeout: 300_000 });
  let cap: string;
  let hash: string;

  test.beforeAll(async ({ demo }) => {
    test.setTimeout(300_000);
    const path = join(demo.folder, "large.bin");
    hash = await makeFile(path, SIZE);
    cap = await demo.put(path);
  });

  test("come through a link, every byte right, under their name", async ({ page }) => {
    await openQuietPage(page);
    const name = "größe „200 MB“ 大.bin";
    const href = `/uri/${encodeURIComponent(cap)}?filename=${encodeURIComponent(name)}&save=true`;
    const started = page.waitForEvent("download");
    await page.evaluate(clickLink, [href] as const);
    const download = await started;
    expect(download.suggestedFilename()).toBe(name);
    expect(await download.failure()).toBe(null);
    expect(await sha256OfFile(await download.path())).toBe(hash);
  });

  test("fail visibly where the grid goes away in the middle", async ({ page, demo }) => {
    await openQuietPage(page);
    for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 1_000_000 });
    const started = page.waitForEvent("download");
    await page.evaluate(clickLink, [`/uri/${encodeURIComponent(cap)}?filename=large.bin&save=true`] as const);
    const download = await started;
    await expect.poll(() => total(demo, "bytesSent")).toBeGreaterThan(5_000_000);
    for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
    expect(await download.failure()).toBeTruthy();
  });
});

test("the app downloads by a frame, and says what stands in the way", async ({ page, demo }) => {
  const { cap } = demo.sample("melody.mp3");
  await openApp(page);
  const started = page.waitForEvent("download");
  await downloadButton(page, "melody.mp3").click();
  const download = await started;
  expect(download.suggestedFilename()).toBe("melody.mp3");
  expect(await download.failure()).toBe(null);

  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  await downloadButton(page, "leaflet.pdf").click();
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("leaflet.pdf could not be downloaded", { timeout: 60_000 });
  await expect(notice).toContainText("0 of the 3 shares");
  expect(await notice.textContent()).not.toContain(cap.split(":")[2]);
});

test("a download whose frame came past the worker begins all the same, and no notice shows the waiting page", async ({
  page,
}) => {
  await openApp(page);
  // The page keeps its worker; new documents find none until the waiting page has brought it back.
  await page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration())?.unregister()));
  const started = page.waitForEvent("download", { timeout: 60_000 });
  await downloadButton(page, "melody.mp3").click();
  const download = await started;
  expect(download.suggestedFilename()).toBe("melody.mp3");
  expect(await download.failure()).toBe(null);
  await expect(page.getByRole("alert")).toBeHidden();
});

test("a link with the download attribute, which Chromium sends past the worker, saves nothing in the file's place", async ({
  page,
  demo,
}) => {
  await openQuietPage(page);
  const started = page.waitForEvent("download");
  await page.evaluate(clickLink, [`/uri/${encodeURIComponent(demo.sample("melody.mp3").cap)}`, "melody.mp3"] as const);
  const download = await started;
  expect(download.suggestedFilename()).toBe("melody.mp3");
  expect(await download.failure()).toBeTruthy();
});

function downloadButton(page: Page, name: string) {
  return page.getByRole("listitem").filter({ hasText: name }).getByRole("link", { name: "Download" });
}

function clickLink([href, download]: readonly [href: string, download?: string]): void {
  const link = document.createElementNS("http://www.w3.org/1999/xhtml", "a") as HTMLAnchorElement;
  link.href = href;
  if (download !== undefined) link.download = download;
  document.documentElement.append(link);
  link.click();
}
