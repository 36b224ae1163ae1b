import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { readTimeCode } from "./readTimeCode.ts";
import { expect, test } from "./testing/demoGrid.ts";
import { openApp, seek } from "./testing/inPage.ts";
import { seededRandom } from "./testing/seededRandom.ts";

const SEED = 20_26;

for (const name of ["gridfetch-sample.webm", "gridfetch-sample.mp4"]) {
  test.describe(name, () => {
    test.beforeEach(async ({ page, demo }) => {
      await openApp(page);
      const { type } = demo.sample(name);
      const canPlay = await page.evaluate((type) => document.createElement("video").canPlayType(type), type);
      test.skip(canPlay === "", `this Chromium does not play ${type}`);
      await page.getByRole("link", { name, exact: true }).click();
      await expect(page.getByRole("figure").getByText(name)).toBeVisible();
    });

    test("plays, all of it through the worker", async ({ page }) => {
      const strayed: string[] = [];
      page.on("response", (response) => {
        if (isGridPath(response.url()) && !response.fromServiceWorker()) strayed.push(new URL(response.url()).pathname);
      });
      await page.locator("video").evaluate((video: HTMLVideoElement) => video.play());
      await expect.poll(() => currentTime(page), { timeout: 60_000 }).toBeGreaterThan(3);
      const shown = await page.locator("video").evaluate(readTimeCode);
      expect(Math.abs(shown / 10 - (await currentTime(page)))).toBeLessThan(2);
      expect(strayed).toEqual([]);
      expect(await page.locator("video").evaluate((video: HTMLVideoElement) => video.duration)).toBeCloseTo(300, 0);
    });

    test("shows the right picture at ten random points", async ({ page }) => {
      const random = seededRandom(SEED);
      const points = Array.from({ length: 10 }, () => Math.floor(random() * 2990));
      const shown: number[] = [];
      for (const tenths of points) {
        await page.locator("video").evaluate(seek, tenths / 10 + 0.05);
        shown.push(await page.locator("video").evaluate(readTimeCode));
      }
      expect(shown).toEqual(points);
    });
  });
}

test("other kinds of files are shown as what they are", async ({ page }) => {
  await openApp(page);
  const show = (name: string) => page.getByRole("link", { name, exact: true }).click();

  await show("hills.jpg");
  const widthOf = () => page.locator("#stage img").evaluate((image: HTMLImageElement) => image.naturalWidth);
  await expect.poll(widthOf).toBe(1280);

  await show("melody.mp3");
  const audio = page.locator("#stage audio");
  await expect.poll(() => audio.evaluate((element: HTMLAudioElement) => element.duration)).toBeGreaterThan(19);

  await show("letter.txt");
  await expect(page.locator("#stage pre")).toContainText("Hello from the grid");

  await show("shares.svg");
  await expect.poll(widthOf).toBeGreaterThan(100);
  await expect(page.getByRole("alert")).toBeHidden();
});

test("a cap of one's own is opened by what it holds, also without a name", async ({ page, demo }) => {
  await openApp(page);
  const open = async (cap: string) => {
    await page.getByLabel("Cap", { exact: true }).fill(cap);
    await page.getByRole("button", { name: "Open" }).click();
  };
  await open(demo.sample("gridfetch-sample.webm").cap);
  await expect(page.getByRole("figure").getByText("file.webm")).toBeVisible();
  await page.locator("video").evaluate(seek, 77.75);
  expect(await page.locator("video").evaluate(readTimeCode)).toBe(777);

  await open("URI:LIT:nbswy3dpfqqgo4tjmq");
  await expect(page.locator("#stage pre")).toHaveText("hello, grid");

  await open("URI:CHK:nonsense");
  await expect(page.getByRole("alert")).toContainText("This is not a cap that can be used");
});

test("a text that is empty is shown so, and one that is cut says so", async ({ page, demo }) => {
  const path = join(demo.folder, "long.txt");
  await writeFile(path, "0123456789abcde\n".repeat(20_000));
  const cap = await demo.put(path);
  await openApp(page);
  const open = async (cap: string) => {
    await page.getByLabel("Cap", { exact: true }).fill(cap);
    await page.getByLabel("Name").fill("a.txt");
    await page.getByRole("button", { name: "Open" }).click();
  };
  await open("URI:LIT:");
  await expect(page.locator("#stage")).toContainText("This file is empty.");
  await open(cap);
  await expect(page.locator("#stage pre")).toContainText("This is only its beginning.");
  await expect(page.getByRole("alert")).toBeHidden();
});

test("a cap that answers late does not replace one that was opened after it", async ({ page, demo }) => {
  const path = join(demo.folder, "late.txt");
  await writeFile(path, "late ".repeat(1_000));
  const late = await demo.put(path);
  await openApp(page);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { latency: 1_000 });
  const answered = page.waitForResponse(
    (response) => response.headers()["content-disposition"]?.includes("late.txt") ?? false,
  );
  for (const [cap, name] of [
    [late, "late.txt"],
    ["URI:LIT:nbswy3dpfqqgo4tjmq", "soon.txt"],
  ] as const) {
    await page.getByLabel("Cap", { exact: true }).fill(cap);
    await page.getByLabel("Name").fill(name);
    await page.getByRole("button", { name: "Open" }).click();
  }
  await expect(page.locator("figcaption strong")).toHaveText("soon.txt");
  await answered;
  await page.waitForTimeout(500);
  await expect(page.locator("figcaption strong")).toHaveText("soon.txt");
});

function currentTime(page: Page): Promise<number> {
  return page.locator("video").evaluate((video: HTMLVideoElement) => video.currentTime);
}

function isGridPath(url: string): boolean {
  return /^\/(?:uri|cap|file|named|grid)\//.test(new URL(url).pathname);
}
