import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { faultsOfCache } from "../testing/cacheDatabase.ts";
import { amidWorkerDeaths, pause, SHORT_LIVES, withChance } from "../testing/chance.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { sha256OfFile } from "../testing/inPage.ts";
import { sha256OfZeroes } from "../testing/keyStream.ts";
import { placeKnown } from "../testing/placeKnown.ts";
import { addPlayer, playFor, seekPlayer, shownTenth } from "../testing/player.ts";
import { readAndCompare } from "../testing/readAndCompare.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const MB = 1_000_000;

let app: AppServer;
test.beforeAll(async ({ demo }) => {
  app = await startClientApp(demo, join(demo.folder, "chaos-app"));
});
test.afterAll(() => app.close());

test.describe("while the worker is ended at random moments", () => {
  test.use({ choices: SHORT_LIVES });
  test.skip(({ kind }) => kind === "webkit", "Nothing ends a worker of WebKit's while its page is open");

  test("every read of a page comes to its end, and is right", ({ browserUnderTest, tab, demo }) =>
    withChance(async (random) => {
      await openClientTab(tab, app);
      const size = 100 * MB;
      const { key, cap } = await placeKnown(demo, size, 31);
      limitBandwidth(demo, 2 * MB);
      const ranges = Array.from({ length: 8 }, () => [Math.floor(random() * size), Math.floor(random() * 4 * MB)]);
      const reading = tab.evaluate(readAndCompare, key, cap, ranges as [number, number][]);
      expect(await amidWorkerDeaths(browserUnderTest, tab, reading, random)).toEqual([]);
    }));

  test("an answer is the right bytes, or the beginning of them", ({ browserUnderTest, tab, demo }) =>
    withChance(async (random) => {
      await openClientTab(tab, app);
      const size = 100 * MB;
      const { key, cap } = await placeKnown(demo, size, 32);
      // An answer takes four seconds, and a life in Firefox two.
      limitBandwidth(demo, 700_000);
      const starts = Array.from({ length: 3 }, () => Math.floor(random() * (size - 8 * MB)));
      const reading = tab.evaluate(fetchAndCompare, key, cap, starts, 8 * MB);
      const outcomes = await amidWorkerDeaths(browserUnderTest, tab, reading, random);
      // Firefox ends a body that was cut as if it were whole.
      const allowed = browserUnderTest.kind === "firefox" ? ["whole", "broken", "short"] : ["whole", "broken"];
      for (const outcome of outcomes) expect(allowed).toContain(outcome);
      expect(outcomes.some((outcome) => outcome !== "whole")).toBe(true);
    }));

  test("a file is kept offline in the end, and read without a grid", ({ browserUnderTest, tab, demo }) =>
    withChance(async (random) => {
      await openClientTab(tab, app);
      const { key, cap } = await placeKnown(demo, 8 * MB, 35);
      limitBandwidth(demo, MB);
      await tab.evaluate((cap) => window.grid.keep(cap).then(() => undefined), cap);
      // A worker that is ended in mid-answer is asked again.
      const stateOf = async (cap: string) => (await window.grid.keepOf(cap).catch(() => undefined))?.state;
      const keeping = expect.poll(() => tab.evaluate(stateOf, cap), { timeout: 90_000 }).toBe("kept");
      // Each life has to find the file anew before it gets on: some are long enough.
      await amidWorkerDeaths(browserUnderTest, tab, keeping, random, [800, 3_000]);
      for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
      expect(await tab.evaluate(readAndCompare, key, cap, [[0, 8 * MB]] as [number, number][])).toEqual([]);
    }));

  test("a film plays on, and every seek shows its picture", ({ browserUnderTest, tab, demo }) =>
    withChance(async (random) => {
      await openClientTab(tab, app);
      const film = await tab.evaluate(
        (cap) => window.grid.url(cap, { filename: "film.webm" }),
        demo.sample("gridfetch-sample.webm").cap,
      );
      await addPlayer(tab, "film", "video", film);
      const watch = async () => {
        for (let i = 0; i < 3; i++) {
          const tenth = Math.floor(random() * 2_800);
          await seekPlayer(tab, "film", tenth / 10 + 0.05);
          expect(await shownTenth(tab, "film")).toBe(tenth);
          await playFor(tab, "film", 0.5 + random());
        }
      };
      await amidWorkerDeaths(browserUnderTest, tab, watch(), random);
    }));
});

test("a download amid deaths of the worker is whole and right, or fails visibly", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(
    browserUnderTest.kind !== "chromium",
    "The others cannot be told to end a worker, and a client's page keeps it alive: see workerLife.spec.ts",
  );
  await withChance(async (random) => {
    await openClientTab(tab, app);
    const size = 20 * MB;
    const { key, cap } = await placeKnown(demo, size, 33);
    const sha256 = sha256OfZeroes(Uint8Array.from(key), size);
    limitBandwidth(demo, 4 * MB);
    const states: string[] = [];
    const session = await tab.browser().target().createCDPSession();
    session.on("Browser.downloadProgress", ({ state }) => void states.push(state));
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: browserUnderTest.downloadFolder,
      eventsEnabled: true,
    });
    for (let i = 0; i < 3; i++) {
      const name = `amid-${i}.bin`;
      states.length = 0;
      await startDownload(tab, cap, name);
      await expect.poll(() => states.length).toBeGreaterThan(0);
      await pause(random() * 2_500);
      await browserUnderTest.stopWorkers(tab);
      await expect.poll(() => states.at(-1)).toMatch(/completed|canceled/);
      const isThere = (await readdir(browserUnderTest.downloadFolder)).includes(name);
      expect(isThere).toBe(states.at(-1) === "completed");
      if (isThere) expect(await sha256OfFile(join(browserUnderTest.downloadFolder, name))).toBe(sha256);
    }
    // Nothing of it is left in the worker's way.
    demo.grid.reset();
    states.length = 0;
    await startDownload(tab, cap, "after.bin");
    await expect.poll(() => states.at(-1)).toBe("completed");
    expect(await sha256OfFile(join(browserUnderTest.downloadFolder, "after.bin"))).toBe(sha256);
  });
});

test("a browser that is killed at random moments keeps nothing wrong", ({ browserUnderTest, tab, demo }) =>
  withChance(async (random) => {
    const size = 60 * MB;
    const { key, cap } = await placeKnown(demo, size, 34);
    let page = tab;
    for (let life = 0; life < 2; life++) {
      await openClientTab(page, app);
      const ranges = Array.from({ length: 20 }, () => [Math.floor(random() * size), Math.floor(random() * 2 * MB)]);
      const reading = page.evaluate(readAndCompare, key, cap, ranges as [number, number][]);
      const wrong = Promise.race([reading.catch(() => []), pause(700 + random() * 2_500).then(() => [])]);
      expect(await wrong).toEqual([]);
      await browserUnderTest.restart("kill");
      page = await browserUnderTest.newTab();
    }
    await openClientTab(page, app);
    expect(await faultsOfCache(page)).toEqual([]);
    expect(await page.evaluate(readAndCompare, key, cap, [[0, 8 * MB]] as [number, number][])).toEqual([]);
  }));

async function startDownload(tab: Page, cap: string, filename: string): Promise<void> {
  await tab.evaluate(
    (cap, filename) => window.grid.download(window.grid.url(cap, { filename, download: true }), () => {}),
    cap,
    filename,
  );
}

/** @param bytesPerSecond of each server */
function limitBandwidth(demo: DemoGrid, bytesPerSecond: number): void {
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: bytesPerSecond });
}

/** Asks for ranges of this length as a page does that has no client, one after the other. In the page. */
async function fetchAndCompare(key: number[], cap: string, starts: number[], length: number): Promise<string[]> {
  const aes = await crypto.subtle.importKey("raw", new Uint8Array(key), "AES-CTR", false, ["encrypt"]);
  const outcomes: string[] = [];
  for (const start of starts) {
    const offset = start - (start % 16);
    const counter = new Uint8Array(16);
    new DataView(counter.buffer).setUint32(12, offset / 16);
    const expected = new Uint8Array(
      await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 64 }, aes, new Uint8Array(length)),
    );
    let [at, outcome] = [0, "whole"];
    try {
      const response = await fetch(window.grid.url(cap), {
        headers: { Range: `bytes=${offset}-${offset + length - 1}` },
      });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        const { value } = read;
        if (indexedDB.cmp(value, expected.subarray(at, at + value.length)) !== 0) outcome = "wrong";
        at += value.length;
      }
      if (response.status !== 206) outcome = `status ${response.status}`;
      else if (at !== length) outcome = "short";
    } catch {
      outcome = "broken";
    }
    outcomes.push(outcome);
  }
  return outcomes;
}
