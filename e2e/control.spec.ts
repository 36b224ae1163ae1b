import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { readTimeCode } from "./readTimeCode.ts";
import { expect, test } from "./testing/demoGrid.ts";
import { openApp, seek, shiftReload } from "./testing/inPage.ts";

const builtApp = fileURLToPath(new URL("../dist/app", import.meta.url));

test("the first visit plays", async ({ page }) => {
  await page.goto("/");
  await page.locator("video").evaluate(seek, 50.05);
  expect(await page.locator("video").evaluate(readTimeCode)).toBe(500);
});

test("a shift-reload, which leaves the page without its worker, plays as well", async ({ page }) => {
  await openApp(page);
  for (const tenths of [1234, 321]) {
    await shiftReload(page);
    await page.locator("video").evaluate(seek, tenths / 10 + 0.05);
    expect(await page.locator("video").evaluate(readTimeCode)).toBe(tenths);
  }
});

test("a grid URL opens in a browser that has never seen the app", async ({ page, demo }) => {
  await page.goto(`/file/${encodeURIComponent(demo.sample("letter.txt").cap)}/@@named=/letter.txt`);
  await expect(page.locator("body")).toContainText("Hello from the grid");
  for (let i = 0; i < 2; i++) {
    await shiftReload(page);
    await expect(page.locator("body")).toContainText("Hello from the grid");
  }
});

test("two tabs play at once", async ({ page, context }) => {
  const other = await context.newPage();
  await Promise.all([openApp(page), openApp(other)]);
  await Promise.all([page.locator("video").evaluate(seek, 100.05), other.locator("video").evaluate(seek, 200.05)]);
  expect(await page.locator("video").evaluate(readTimeCode)).toBe(1000);
  expect(await other.locator("video").evaluate(readTimeCode)).toBe(2000);
});

test("a worker that was ended is started again in mid-play", async ({ page, demo }) => {
  await openApp(page);
  await page.locator("video").evaluate(seek, 20.05);
  const session = await page.context().newCDPSession(page);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  demo.grid.reset();
  await page.locator("video").evaluate(seek, 250.05);
  expect(await page.locator("video").evaluate(readTimeCode)).toBe(2500);
});

test("a browser without Service Workers is told so", async ({ page }) => {
  await page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "serviceWorker"));
  await page.goto("/");
  await expect(page.getByRole("alert")).toContainText("this browser has no Service Workers here");
});

test.describe("an app that is set up wrongly", () => {
  let folder: string;
  let app: AppServer;

  test.beforeAll(async ({ demo }) => {
    folder = join(demo.folder, "wrong");
    await cp(builtApp, folder, { recursive: true });
  });
  test.afterEach(() => app.close());

  test("without grid.json says that it is missing", async ({ page, demo }) => {
    app = await AppServer.start({ folder, port: 0, documents: {} });
    await page.goto(app.url);
    await expect(page.getByRole("alert")).toContainText("grid.json is not on the web server");
    await page.locator("#open").getByLabel("Cap", { exact: true }).fill(demo.sample("letter.txt").cap);
    await page.locator("#open").getByRole("button", { name: "Open" }).click();
    await expect(page.getByRole("alert")).toContainText("The list of the grid's servers belongs there");
  });

  test("without the worker's script says which one is missing", async ({ page }) => {
    await rm(join(folder, "app-worker.js"));
    app = await AppServer.start({ folder, port: 0, documents: {} });
    await page.goto(app.url);
    await expect(page.getByRole("alert")).toContainText("/app-worker.js is not on the web server");
    await page.goto(`${app.url}uri/URI:LIT:nbswy3dpfqqgo4tjmq`);
    await expect(page.getByRole("status")).toContainText("/app-worker.js is not on the web server");
    await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  });
});
