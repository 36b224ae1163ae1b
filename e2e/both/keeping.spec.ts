import { createCipheriv, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { formatCap } from "../../src/formats/formatCap.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { sha256, sha256OfFile } from "../testing/inPage.ts";
import { makeFile } from "../testing/makeFile.ts";
import { addPlayer, playFor, seekPlayer, shownTenth } from "../testing/player.ts";
import { total } from "../testing/total.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const FILM = "gridfetch-sample.webm";
const film = readFileSync(fileURLToPath(new URL(`../../src/node/demo/samples/${FILM}`, import.meta.url)));
const MB = 1_000_000;
const GB = 1_000_000_000;

let folder: string;
let app: AppServer;
test.beforeEach(async ({ demo, tab }) => {
  folder = await mkdtemp(join(demo.folder, "keeping-"));
  app = await startClientApp(demo, folder);
  await openClientTab(tab, app);
});
test.afterEach(() => app.close().catch(() => undefined));

test("a film whose keeping was killed goes on by itself; with all servers and the web server gone it plays, seeks and downloads", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const { cap } = demo.sample(FILM);
  slowDown(demo, 80_000);
  await tab.evaluate((cap) => window.grid.keep(cap).then(() => undefined), cap);
  await expect.poll(() => keptBytes(tab, cap), { timeout: 60_000 }).toBeGreaterThan(0);
  expect(await keptBytes(tab, cap)).toBeLessThan(film.length);
  await browserUnderTest.restart("kill");

  const again = await browserUnderTest.newTab();
  await openClientTab(again, app);
  expect(await keptBytes(again, cap)).toBeGreaterThan(0);
  demo.grid.reset();
  await kept(again, cap);

  // A worker that knows nothing of the grid.
  await browserUnderTest.restart("close");
  const offline = await browserUnderTest.newTab();
  await openClientTab(offline, app);
  await allGone(demo);
  if (browserUnderTest.kind === "chromium") await browserUnderTest.stopWorkers(offline);
  const url = await offline.evaluate((cap) => window.grid.url(cap, { filename: "film.webm" }), cap);
  await addPlayer(offline, "film", "video", url);
  await playFor(offline, "film", 2);
  await seekPlayer(offline, "film", 270.05);
  expect(await shownTenth(offline, "film")).toBe(2700);
  await offline.evaluate((cap) => {
    const url = window.grid.url(cap, { filename: "kept.webm", download: true });
    window.grid.download(url, () => undefined);
  }, cap);
  expect(await sha256OfFile(await browserUnderTest.downloaded("kept.webm"))).toBe(sha256(film));
});

test("two tabs that keep one file share the work, and both hear of it", async ({ browserUnderTest, tab, demo }) => {
  const size = 12 * MB;
  const cap = formatCap(await demo.placeLarge(size, 71));
  const other = await browserUnderTest.newTab();
  await openClientTab(other, app);
  const hear = (cap: string) =>
    (async () => {
      const events = window.grid.keepEvents();
      await window.grid.keep(cap);
      for await (const event of events) if (event.state === "kept") return event;
      return undefined;
    })();
  const heard = await Promise.all([tab.evaluate(hear, cap), other.evaluate(hear, cap)]);
  expect(heard).toEqual([heard[0], heard[0]]);
  expect(heard[0]).toMatchObject({ size, keptBytes: size, state: "kept" });
  expect(total(demo, "bytesSent")).toBeLessThan(1.5 * size);
});

test("pausing, going on and removing: what is on disk is in use, and gone", async ({ tab, demo }) => {
  const path = join(folder, "noise.bin");
  await makeFile(path, 6 * MB);
  const cap = await demo.put(path);
  slowDown(demo, 300_000);
  const id = await tab.evaluate(async (cap) => (await window.grid.keep(cap)).id, cap);
  await expect.poll(() => keptBytes(tab, cap), { timeout: 60_000 }).toBeGreaterThan(0);
  await tab.evaluate((id) => window.grid.pauseKeeping(id), id);
  const paused = await tab.evaluate((cap) => window.grid.keepOf(cap), cap);
  expect(paused?.state).toBe("paused");
  expect(paused?.keptBytes).toBeLessThan(6 * MB);

  demo.grid.reset();
  await tab.evaluate((id) => window.grid.resumeKeeping(id), id);
  await kept(tab, cap);
  expect(await stored(tab)).toBeGreaterThan(5);
  const { usage, quota } = await tab.evaluate(() => window.grid.storage());
  if (await tab.evaluate(() => "storage" in navigator)) {
    expect(usage).toBeGreaterThan(5 * MB);
    expect(quota).toBeGreaterThan(usage ?? 0);
  } else expect([usage, quota]).toEqual([undefined, undefined]);

  await tab.evaluate((id) => window.grid.removeKept(id), id);
  expect(await tab.evaluate(() => window.grid.keeps())).toEqual([]);
  expect(await stored(tab)).toBe(0);
});

test.describe("with little room on disk", () => {
  // In KiB, for everything; an origin may have a fifth, but never less than 10 MiB.
  test.use({ choices: { firefoxPreferences: { "dom.quotaManager.temporaryStorage.fixedLimit": 20_480 } } });

  test("keeping fails clearly, what was kept stays and serves, and it goes on after room was made", async ({
    browserUnderTest,
    tab,
    demo,
  }) => {
    // Its devtools' quota changes what `estimate()` says, and 24 MB went into IndexedDB under one of 12 MB.
    test.skip(browserUnderTest.kind !== "firefox", "Firefox alone can be told to have little room");
    const path = join(folder, "large-for-it.bin");
    await makeFile(path, 7 * MB);
    const content = readFileSync(path);
    const cap = await demo.put(path);
    await tab.evaluate(putBallast, 6 * MB);
    const id = await tab.evaluate(async (cap) => (await window.grid.keep(cap)).id, cap);
    const keep = async () => tab.evaluate((cap) => window.grid.keepOf(cap), cap);
    await expect.poll(async () => (await keep())?.state, { timeout: 90_000 }).toBe("failed");
    const failed = await keep();
    expect(failed).toMatchObject({ reason: { code: "STORE_FULL" } });
    expect(failed?.keptBytes).toBeLessThan(7 * MB);

    await tab.evaluate(() => {
      indexedDB.deleteDatabase("ballast");
    });
    await tab.evaluate((id) => window.grid.resumeKeeping(id), id);
    await kept(tab, cap);
    for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
    const hash = await tab.evaluate(hashOf, cap);
    expect(hash).toBe(sha256(content));
  });

  test("what was merely read leaves for a file that is kept", async ({ browserUnderTest, tab, demo }) => {
    test.skip(browserUnderTest.kind !== "firefox", "Firefox alone can be told to have little room");
    const caps: string[] = [];
    for (const name of ["read.bin", "kept.bin"]) {
      await makeFile(join(folder, name), 7 * MB);
      caps.push(await demo.put(join(folder, name)));
    }
    const [read, wanted] = caps as [string, string];
    await tab.evaluate(hashOf, read);
    const usage = () => tab.evaluate(async () => (await window.grid.storage()).usage ?? 0);
    await expect.poll(usage, { timeout: 30_000 }).toBeGreaterThan(6 * MB);
    await tab.evaluate((cap) => window.grid.keep(cap).then(() => undefined), wanted);
    const state = () => tab.evaluate(async (cap) => (await window.grid.keepOf(cap))?.state, wanted);
    await expect.poll(state, { timeout: 90_000 }).not.toBe("keeping");
    expect(await state()).toBe("kept");
  });
});

test.describe("a large file", () => {
  test.describe.configure({ timeout: 900_000 });

  test("of 1 GB, kept, browser restarted, everything gone: its download is right", async ({
    browserUnderTest,
    tab,
    demo,
  }) => {
    test.skip(browserUnderTest.kind === "webkit", "slow, and a film does the same there");
    const cap = await demo.placeLarge(GB, 74);
    const text = formatCap(cap);
    await tab.evaluate((cap) => window.grid.keep(cap).then(() => undefined), text);
    await kept(tab, text, 600_000);
    await browserUnderTest.restart("kill");
    const offline = await browserUnderTest.newTab();
    await openClientTab(offline, app);
    await allGone(demo);
    await offline.evaluate((cap) => {
      window.grid.download(window.grid.url(cap, { filename: "large.bin", download: true }), () => undefined);
    }, text);
    const path = await browserUnderTest.downloaded("large.bin", 600);
    expect(await sha256OfFile(path)).toBe(sha256OfZeroes(cap.key, GB));
  });
});

test("a worker that is ended again and again while it keeps a file goes on each time", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(browserUnderTest.kind !== "chromium", "Chromium alone can be told to end a worker");
  const cap = await demo.placeLarge(40 * MB, 75);
  const text = formatCap(cap);
  slowDown(demo, 1_500_000);
  await tab.evaluate((cap) => window.grid.keep(cap).then(() => undefined), text);
  for (let i = 0; i < 6; i++) {
    await pause(100 + 370 * i);
    await browserUnderTest.stopWorkers(tab);
    // As the page does every ten seconds: a worker that is spoken to goes on.
    await tab.evaluate(() => window.client.connect().then(() => undefined));
  }
  demo.grid.reset();
  await kept(tab, text);
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
  expect(await tab.evaluate(hashOf, text)).toBe(sha256OfZeroes(cap.key, 40 * MB));
});

test("a file whose last page is closed: a browser with Background Fetch brings the rest, another goes on at the next visit", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const size = 40 * MB;
  const cap = await demo.placeLarge(size, 76);
  const text = formatCap(cap);
  slowDown(demo, 100_000);
  await tab.evaluate((cap) => window.grid.keep(cap).then(() => undefined), text);
  await expect.poll(() => keptBytes(tab, text), { timeout: 60_000 }).toBeGreaterThan(0);
  const hasBackgroundFetch = await tab.evaluate(() => "BackgroundFetchManager" in window);
  expect(hasBackgroundFetch).toBe(browserUnderTest.kind === "chromium");
  const blank = await browserUnderTest.newTab();
  // The page is told what it would hand over two seconds after the file began to be kept, and then every ten: on a busy machine too
  // little of it is remembered the first time.
  if (hasBackgroundFetch) await pause(13_000);
  expect(await keptBytes(tab, text)).toBeLessThan(size / 2);
  // A busy Chromium refuses now and then what a page begins while it is being closed, and the next visit goes on: so this one hears of
  // its end a second before.
  await tab.evaluate(() => void dispatchEvent(new PageTransitionEvent("pagehide")));
  await pause(1_000);
  await tab.close();
  if (hasBackgroundFetch) {
    await browserUnderTest.stopWorkers(blank);
    demo.grid.reset();
    await expect.poll(() => total(demo, "bytesSent"), { timeout: 60_000 }).toBeGreaterThan(size);
    // Each of three shares whole, by one request.
    await expect.poll(() => total(demo, "activeRequests"), { timeout: 60_000 }).toBe(0);
    const asked = demo.grid.status().filter(({ counters }) => counters.bytesSent > size / 3);
    expect(asked.map(({ counters }) => counters.requests)).toEqual([1, 1, 1]);
    // For the browser to hand it over.
    await pause(3_000);
    for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
  } else demo.grid.reset();

  await openClientTab(blank, app);
  await kept(blank, text);
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
  expect(await blank.evaluate(hashOf, text)).toBe(sha256OfZeroes(cap.key, size));
});

/** SHA-256 of a file. In the page. */
async function hashOf(cap: string): Promise<string> {
  const bytes = await (await window.grid.open(cap)).bytes();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Fills a database of its own with noise. In the page. */
async function putBallast(size: number): Promise<void> {
  const noise = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(noise.subarray(at, Math.min(at + 65_536, size)));
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open("ballast", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("noise");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const transaction = database.transaction("noise", "readwrite");
  transaction.objectStore("noise").put(noise, 1);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  database.close();
}

/** Servers send no faster than this, in bytes a second, each. */
function slowDown(demo: DemoGrid, bandwidth: number): void {
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { bandwidth });
}

/** No server and no web server any more: all the network that there was. */
async function allGone(demo: DemoGrid): Promise<void> {
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
  await app.close();
}

function keptBytes(tab: Page, cap: string): Promise<number> {
  return tab.evaluate(async (cap) => (await window.grid.keepOf(cap))?.keptBytes ?? 0, cap);
}

async function kept(tab: Page, cap: string, timeout = 90_000): Promise<void> {
  const state = () => tab.evaluate(async (cap) => (await window.grid.keepOf(cap))?.state, cap);
  await expect.poll(state, { timeout }).toBe("kept");
}

/** Entries of kept files' content on disk. */
function stored(tab: Page): Promise<number> {
  return tab.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open("gridfetch-offline");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const database = opening.result;
          const counts = database.transaction("segments").objectStore("segments").count();
          counts.onsuccess = () => {
            database.close();
            resolve(counts.result);
          };
        };
      }),
  );
}

/** Of the plaintext of a file whose ciphertext is zeroes: the key stream itself. */
function sha256OfZeroes(key: Uint8Array, size: number): string {
  const cipher = createCipheriv("aes-128-ctr", key, new Uint8Array(16));
  const hash = createHash("sha256");
  const piece = new Uint8Array(MB);
  for (let at = 0; at < size; at += MB) hash.update(cipher.update(piece.subarray(0, Math.min(MB, size - at))));
  return hash.digest("hex");
}
