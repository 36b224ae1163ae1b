import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import { formatCap } from "../../src/formats/formatCap.ts";
import type { BrowserKind } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { clickLink } from "../testing/clickLink.ts";
import { sha256OfFile } from "../testing/inPage.ts";
import { sha256OfZeroes } from "../testing/keyStream.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { addPlayer, playFor, seekPlayer, shownTenth } from "../testing/player.ts";
import { total } from "../testing/total.ts";

const GB = 1_000_000_000;
/**
 * Longer than each browser lets a worker live by itself, in milliseconds: Firefox ends one 30 s after a page's last word, 60 s where it was
 * promised work; Chromium one that works on an event for five minutes. WebKitGTK ends none while a page is there.
 */
const SLOW: Record<BrowserKind, number> = { firefox: 125_000, chromium: 320_000, webkit: 125_000 };

test.describe("longer than a worker lives by itself", () => {
  test.describe.configure({ timeout: 900_000 });

  test("a link's download of 1 GB and a paused player come through", async ({ browserUnderTest, tab, demo }) => {
    test.skip(browserUnderTest.kind === "webkit", "slow, and WebKit ends no worker while a page is open");
    const cap = await demo.placeLarge(GB, 1);
    // The page that stays open is the app's: it is what keeps the worker alive.
    await tab.goto(demo.appUrl);
    await tab.waitForSelector("#files a");
    const film = `/uri/${encodeURIComponent(demo.sample("gridfetch-sample.webm").cap)}?filename=film.webm`;
    await addPlayer(tab, "paused", "video", film);
    await seekPlayer(tab, "paused", 40.05);
    // A click on a link ends what the page still loads in Firefox, a player's film too: this one is to be here by then. Chromium loads
    // no more of a paused film than it wants.
    const isLoaded = () => {
      const { buffered, duration, networkState } = document.getElementById("paused") as HTMLMediaElement;
      const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : 0;
      return networkState === HTMLMediaElement.NETWORK_IDLE && end > duration - 1;
    };
    if (browserUnderTest.kind === "firefox") await tab.waitForFunction(isLoaded, { polling: 100 });

    const perServer = Math.round(GB / 3 / (SLOW[browserUnderTest.kind] / 1000));
    for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: perServer });
    await clickLink(tab, `/uri/${encodeURIComponent(formatCap(cap))}?filename=large.bin&save=true`);
    const path = await browserUnderTest.downloaded("large.bin", 700);
    expect(await sha256OfFile(path)).toBe(sha256OfZeroes(cap.key, GB));

    demo.grid.reset();
    expect(await shownTenth(tab, "paused")).toBe(400);
    await playFor(tab, "paused", 2);
    await seekPlayer(tab, "paused", 270.05);
    expect(await shownTenth(tab, "paused")).toBe(2700);
  });
});

test("a download whose grid goes away fails visibly: no file that looks whole", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const cap = await demo.placeLarge(200_000_000, 2);
  await openControlledTab(tab, demo.appUrl);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 2_000_000 });
  await clickLink(tab, `/uri/${encodeURIComponent(formatCap(cap))}?filename=cut.bin&save=true`);
  await expect.poll(() => total(demo, "bytesSent")).toBeGreaterThan(10_000_000);
  const end = endOfRead(tab);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  expect(await end).toBe("failed");
  await expect(browserUnderTest.downloaded("cut.bin", 5)).rejects.toThrow("was not downloaded");
});

/** How the read ends that the worker is at. */
function endOfRead(tab: Page): Promise<string> {
  return tab.evaluate(
    () =>
      new Promise<string>((resolve) => {
        navigator.serviceWorker.addEventListener("message", ({ data }) => {
          const { type } = data?.kind === "read" ? data.content : {};
          if (["finished", "cancelled", "failed"].includes(type)) resolve(type);
        });
        navigator.serviceWorker.startMessages();
      }),
  );
}

test.describe("a worker that is ended in mid-play", () => {
  // Firefox cannot be told to end one; with this it does so whenever nothing has happened for a second.
  test.use({
    choices: {
      firefoxPreferences: {
        "dom.serviceWorkers.idle_timeout": 1_000,
        "dom.serviceWorkers.idle_extended_timeout": 1_000,
      },
    },
  });

  // Of a nameless one the new worker does not look for the type: it is asked for parts from further on.
  for (const [kind, query] of [
    ["a film", "?filename=film.webm"],
    ["a nameless film", ""],
  ]) {
    test(`is started again, and ${kind} plays on`, async ({ browserUnderTest, tab, demo }) => {
      test.skip(browserUnderTest.kind === "webkit", "nothing ends a worker there while a page is open");
      await openControlledTab(tab, demo.appUrl);
      const { cap } = demo.sample("gridfetch-sample.webm");
      await addPlayer(tab, "film", "video", `/uri/${encodeURIComponent(cap)}${query}`);
      for (const start of [10, 120, 200]) {
        await seekPlayer(tab, "film", start + 0.05);
        const playing = playFor(tab, "film", 3);
        if (browserUnderTest.kind === "chromium") await browserUnderTest.stopWorkers(tab);
        await playing;
        await seekPlayer(tab, "film", start + 50.05);
        expect(await shownTenth(tab, "film")).toBe(10 * (start + 50));
      }
    });
  }
});

test("names in any script reach the file system as they are", async ({ browserUnderTest, tab, demo }) => {
  const path = join(demo.folder, "small.txt");
  await writeFile(path, "small but more than a literal file may hold: fifty-five bytes and then some");
  const cap = await demo.put(path);
  await openControlledTab(tab, demo.appUrl);
  const name = "größe „200 MB“ 大.bin";
  await clickLink(tab, `/uri/${encodeURIComponent(cap)}?filename=${encodeURIComponent(name)}&save=true`);
  expect(await sha256OfFile(await browserUnderTest.downloaded(name))).toBe(await sha256OfFile(path));
});
