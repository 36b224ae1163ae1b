import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readTimeCode } from "./readTimeCode.ts";
import { type DemoGrid, expect, test } from "./testing/demoGrid.ts";
import { fetchInPage, openApp, openQuietPage, seek, sha256 } from "./testing/inPage.ts";
import { makeFile } from "./testing/makeFile.ts";
import { seededRandom } from "./testing/seededRandom.ts";
import { total } from "./testing/total.ts";

const NAME = "gridfetch-sample.webm";
const content = readFileSync(fileURLToPath(new URL(`../src/node/demo/samples/${NAME}`, import.meta.url)));

test("two servers down and one corrupt: every picture and every byte is right", async ({ page, demo }) => {
  demo.grid.setDials(0, { down: true });
  demo.grid.setDials(4, { down: true });
  demo.grid.setDials(7, { corrupt: "all" });
  await openApp(page);
  await page.getByRole("link", { name: NAME, exact: true }).click();
  const random = seededRandom(3);
  for (let i = 0; i < 10; i++) {
    const tenths = Math.floor(random() * 2990);
    await page.locator("video").evaluate(seek, tenths / 10 + 0.05);
    expect(await page.locator("video").evaluate(readTimeCode)).toBe(tenths);
  }
  const whole = await fetchInPage(page, `/uri/${demo.sample(NAME).cap}`);
  expect([whole.status, whole.sha256]).toEqual([200, sha256(content)]);
});

test("of seven servers that lie in all their shares none is believed", async ({ page, demo }) => {
  for (let server = 0; server < 7; server++) demo.grid.setDials(server, { corrupt: "data" });
  await openApp(page);
  const whole = await fetchInPage(page, `/uri/${demo.sample(NAME).cap}`);
  expect([whole.status, whole.sha256]).toEqual([200, sha256(content)]);
  await expect.poll(() => total(demo, "corruptionReports")).toBeGreaterThan(0);
});

test("one share less than needed: the status, the page and the player's notice say so", async ({ page, demo }) => {
  keepServers(demo, 2);
  await openApp(page);
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("cannot be shown", { timeout: 60_000 });
  await expect(notice).toContainText("2 of the 3 shares that are needed were found");

  const got = await fetchInPage(page, `/uri/${demo.sample(NAME).cap}`, { headers: { Range: "bytes=1000-1999" } });
  expect([got.status, got.headers["content-type"]]).toEqual([410, "text/plain; charset=utf-8"]);
  expect(got.headers["content-range"]).toBe(undefined);
  expect(got.text).toMatch(/^NotEnoughSharesError: 2 of the 3 shares/);
  for (const { name } of demo.grid.status()) expect(got.text).toContain(name);
  expect(got.text).not.toContain(demo.sample(NAME).cap.split(":")[2]);
});

test("while no server answers the page says that it waits", async ({ page, demo }) => {
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { hang: true });
  await openApp(page);
  const waiting = page.getByText("Waiting for the grid…");
  await expect(waiting).toBeVisible();
  demo.grid.reset();
  await page.reload();
  await expect
    .poll(() => page.locator("video").evaluate(({ readyState }: HTMLVideoElement) => readyState))
    .toBeGreaterThan(0);
  await expect(waiting).toBeHidden();
});

test("the same file plays as soon as the servers are back", async ({ page, demo }) => {
  keepServers(demo, 2);
  await openApp(page);
  await expect(page.getByRole("alert")).toBeVisible({ timeout: 60_000 });
  demo.grid.reset();
  await page.getByRole("link", { name: NAME, exact: true }).click();
  await expect(page.getByRole("alert")).toBeHidden();
  await page.locator("video").evaluate(seek, 200.05);
  expect(await page.locator("video").evaluate(readTimeCode)).toBe(2000);
});

test.describe("a longer file", () => {
  const SIZE = 30_000_000;
  let cap: string;
  let hash: string;

  test.beforeAll(async ({ demo }) => {
    const path = join(demo.folder, "longer.bin");
    hash = await makeFile(path, SIZE);
    cap = await demo.put(path);
  });

  test.beforeEach(async ({ page, demo }) => {
    await openQuietPage(page);
    for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 300_000 });
  });

  test("whose servers go away in the middle errors, and is never a short success", async ({ page, demo }) => {
    const outcome = page.evaluate(readAll, `/uri/${cap}`);
    await expect.poll(() => total(demo, "bytesSent")).toBeGreaterThan(3_000_000);
    keepServers(demo, 2);
    expect(await outcome).toMatchObject({ status: 200, whole: false });
  });

  test("is right although a server hangs from the middle on", async ({ page, demo }) => {
    for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 3_000_000 });
    const got = fetchInPage(page, `/uri/${cap}`);
    await expect.poll(() => total(demo, "bytesSent")).toBeGreaterThan(3_000_000);
    demo.grid.setDials(busiest(demo), { hang: true });
    expect((await got).sha256).toBe(hash);
  });

  test("is no longer fetched once its tab is closed", async ({ page, demo, context }) => {
    // The browser and its worker stay.
    const other = await context.newPage();
    await openQuietPage(other);
    await page.evaluate(startReading, `/uri/${cap}`);
    await expect.poll(() => total(demo, "bytesSent")).toBeGreaterThan(2_000_000);
    await page.close();
    await expectSilence(demo);
    expect(total(demo, "bytesSent")).toBeLessThan(SIZE);
  });

  for (const [how, when] of [
    ["cancel", "its reader cancels"],
    ["abort", "its request is aborted"],
  ] as const) {
    test(`is no longer fetched once ${when}`, async ({ page, demo }) => {
      await page.evaluate(startReading, `/uri/${cap}`);
      await expect.poll(() => total(demo, "bytesSent")).toBeGreaterThan(2_000_000);
      await page.evaluate((how) => (window as unknown as Reading)[how](), how);
      await expectSilence(demo);
      expect(total(demo, "bytesSent")).toBeLessThan(SIZE);
    });
  }
});

/** All servers but the last so many go down. */
function keepServers(demo: DemoGrid, count: number): void {
  const servers = demo.grid.status().length;
  for (let server = 0; server < servers - count; server++) demo.grid.setDials(server, { down: true });
}

function busiest(demo: DemoGrid): number {
  const sent = demo.grid.status().map(({ counters }) => counters.bytesSent);
  return sent.indexOf(Math.max(...sent));
}

/** Nothing is under way soon after, long before the file's end, and nothing starts again. */
async function expectSilence(demo: DemoGrid): Promise<void> {
  await expect.poll(() => total(demo, "activeRequests"), { timeout: 5_000 }).toBe(0);
  const before = [total(demo, "requests"), total(demo, "bytesSent")];
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect([total(demo, "requests"), total(demo, "bytesSent")]).toEqual(before);
}

/** What `startReading` leaves in the page. */
interface Reading {
  cancel(): void;
  abort(): void;
}

/** Reads on and on, in the page. */
async function startReading(url: string): Promise<void> {
  const stop = new AbortController();
  const response = await fetch(url, { signal: stop.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const readOn = async () => {
    while (!(await reader.read()).done);
  };
  readOn().catch(() => undefined);
  Object.assign(window, { cancel: () => void reader.cancel(), abort: () => stop.abort() });
}

async function readAll(url: string): Promise<{ status: number; whole: boolean }> {
  const response = await fetch(url);
  const whole = await response.arrayBuffer().then(
    () => true,
    () => false,
  );
  return { status: response.status, whole };
}
