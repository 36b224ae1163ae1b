import type { Page } from "puppeteer-core";
import { formatCap } from "../../src/formats/formatCap.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { segmentsOnDisk } from "../testing/cacheDatabase.ts";
import { pause } from "../testing/chance.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";

const MB = 1_000_000;
/** Of the files that `placeLarge` makes. */
const SEGMENT = 131_073;
const BLOCK = SEGMENT / 3;

test("after the browser was killed a seek costs its blocks, and no byte of a hash tree again", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  // Two pages of every hash tree.
  const url = gridUrl(formatCap(await demo.placeLarge(60 * MB, 11)));
  await openControlledTab(tab, demo.appUrl);
  demo.grid.reset();
  await readAt(tab, url, 0);
  expect(await sent(demo, 0)).toBeGreaterThan(4 * BLOCK);
  await readAt(tab, url, 40 * MB);
  await remembered();

  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openControlledTab(again, demo.appUrl);
  demo.grid.reset();
  // A server that happens to be slow gets a rival, which costs more: not every time.
  const costs: number[] = [];
  for (const at of [3, 7, 12, 18, 24, 45]) {
    const before = await sent(demo, 0);
    await readAt(again, url, at * MB);
    costs.push(await sent(demo, before));
  }
  expect(Math.min(...costs)).toBe(3 * BLOCK);
});

test("after the browser was killed, what was read is there with all servers down", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const url = gridUrl(formatCap(await demo.placeLarge(20 * MB, 12)));
  await openControlledTab(tab, demo.appUrl);
  const first = await hashOf(tab, url, 5 * MB, 9 * MB);
  await expect.poll(() => segmentsOnDisk(tab)).toBeGreaterThanOrEqual(4 * MB);
  await remembered();
  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openControlledTab(again, demo.appUrl);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  expect(await hashOf(again, url, 5 * MB, 9 * MB)).toBe(first);
  expect(await hashOf(again, url, 15 * MB, 16 * MB)).toBe("410");
});

test("after the browser was killed, servers that were down are not asked while others do", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const down = [0, 1, 2, 3, 4];
  const urls: string[] = [];
  for (let seed = 20; seed < 28; seed++) urls.push(gridUrl(formatCap(await demo.placeLarge(1 * MB, seed))));
  await openControlledTab(tab, demo.appUrl);
  for (const server of down) demo.grid.setDials(server, { down: true });
  for (const url of urls.slice(1)) await readAt(tab, url, 0);
  await remembered();
  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openControlledTab(again, demo.appUrl);
  demo.grid.reset();
  await readAt(again, urls[0]!, 0);
  expect(down.map((server) => demo.grid.status()[server]!.counters.requests)).toEqual([0, 0, 0, 0, 0]);
});

test("seeking back in one life asks no server", async ({ tab, demo }) => {
  const url = gridUrl(formatCap(await demo.placeLarge(20 * MB, 13)));
  await openControlledTab(tab, demo.appUrl);
  const first = await hashOf(tab, url, 2 * MB, 10 * MB);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  expect(await hashOf(tab, url, 2 * MB, 10 * MB)).toBe(first);
});

test("a worker that is ended while it remembers leaves nothing wrong behind", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(browserUnderTest.kind !== "chromium", "Chromium alone can be told to end a worker");
  const url = gridUrl(formatCap(await demo.placeLarge(10 * MB, 14)));
  await openControlledTab(tab, demo.appUrl);
  for (let i = 0; i < 12; i++) {
    const read = hashOf(tab, url, 0, 10 * MB).catch(() => "ended");
    await pause(130 * i);
    await browserUnderTest.stopWorkers(tab);
    await read;
  }
  const whole = await hashOf(tab, url, 0, 10 * MB);
  await tab.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name ?? "");
  });
  await browserUnderTest.stopWorkers(tab);
  expect(await hashOf(tab, url, 0, 10 * MB)).toBe(whole);
});

function gridUrl(cap: string): string {
  return `/uri/${encodeURIComponent(cap)}`;
}

/** What is verified is written within half a second. */
function remembered(): Promise<void> {
  return pause(3_000);
}

/** Reads one byte. */
async function readAt(tab: Page, url: string, at: number): Promise<void> {
  const status = await tab.evaluate(
    async (url, at) => {
      const response = await fetch(url, { headers: { Range: `bytes=${at}-${at}` }, cache: "no-store" });
      return `${response.status} ${(await response.arrayBuffer()).byteLength}`;
    },
    url,
    at,
  );
  expect(status).toBe("206 1");
}

/** SHA-256 of the bytes from `from` up to, not including, `to`; the status of an answer that is not 206. */
function hashOf(tab: Page, url: string, from: number, to: number): Promise<string> {
  return tab.evaluate(
    async (url, from, to) => {
      const response = await fetch(url, { headers: { Range: `bytes=${from}-${to - 1}` }, cache: "no-store" });
      if (response.status !== 206) return String(response.status);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
      return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
    url,
    from,
    to,
  );
}

/** Bytes that servers sent since they had sent `before`, once nothing more comes. */
async function sent(demo: DemoGrid, before: number): Promise<number> {
  for (;;) {
    const total = () => demo.grid.status().reduce((sum, { counters }) => sum + counters.bytesSent, 0);
    const now = total();
    await pause(200);
    if (total() === now) return now - before;
  }
}
