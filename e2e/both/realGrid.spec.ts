import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { nginxBin } from "../../src/node/proxy/testing/NginxServer.ts";
import { tahoeBin } from "../../src/node/testing/TahoeGrid.ts";
import { test as both, expect } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import { type ClientWindow, openClientTab } from "../testing/clientApp.ts";
import { fattenFilm } from "../testing/fattenFilm.ts";
import { sha256, sha256OfFile } from "../testing/inPage.ts";
import { addPlayer, playFor, seekPlayer, shownTenth } from "../testing/player.ts";
import { RealGrid } from "../testing/RealGrid.ts";

const samples = fileURLToPath(new URL("../../src/node/demo/samples/", import.meta.url));
const MB = 1_000_000;

const test = both.extend({
  // biome-ignore lint/correctness/noEmptyPattern: playwright reads which fixtures this one needs off the pattern. No demo grid here.
  freshDials: async ({}, use) => use(undefined),
  // biome-ignore lint/correctness/noEmptyPattern: likewise.
  baseURL: async ({}, use) => use(undefined),
  // The proxy's certificates are made for the test. Chromium runs no worker behind one unless it is told at the start.
  choices: { acceptInsecureCerts: true, chromiumArguments: ["--ignore-certificate-errors"] },
});

test.describe("a live grid of Tahoe-LAFS servers", () => {
  test.skip(({ kind }) => kind === "webkit", "slow, and of WebKit's own it has what relay.spec.ts has");
  test.skip(tahoeBin === undefined, "GRIDFETCH_TAHOE does not say where a real Tahoe-LAFS is");
  test.skip(nginxBin === undefined, "GRIDFETCH_NGINX does not say where nginx is");

  // Five servers in Python, a browser and a film eight times as fast, on however few cores there are.
  test.describe.configure({ timeout: 300_000 });

  let real: RealGrid;
  /** 300 s at 1.7 Mbit/s. */
  let film: Uint8Array<ArrayBuffer>;
  /** As long at twice the rate: all that is read ahead fits into it four times. */
  let wideFilm: Uint8Array;
  let caps: { sample: string; film: string; wideFilm: string; mutableFilm: string };

  test.beforeAll(async () => {
    test.setTimeout(300_000);
    const mp4 = new Uint8Array(await readFile(`${samples}gridfetch-sample.mp4`));
    film = fattenFilm(mp4, 64 * MB);
    wideFilm = fattenFilm(mp4, 128 * MB);
    real = await RealGrid.start(tahoeBin!, [await readFile(`${samples}gridfetch-sample.webm`), film, wideFilm], film);
    const [sample = "", fat = "", fatter = "", mutableFilm = ""] = real.caps;
    caps = { sample, film: fat, wideFilm: fatter, mutableFilm };
  });

  test.beforeEach(async () => {
    await real.revive();
    await real.startRelay();
  });

  test.afterAll(() => real?.close());

  /** The ways to the servers, each a matter of grid.json and nothing else. */
  const ways = {
    relay: () => real.configure("--relay", `ws://127.0.0.1:${real.relayPort}/`),
    secureRelay: () => real.configure("--relay", `${real.secureUrl.replace("https", "wss")}relay/`),
    proxy: () => real.configure("--proxy", `${real.secureUrl}grid-servers/`),
    otherOrigin: () => real.configure("--proxy", real.proxyUrl),
  };

  const cases = [
    { what: "through the relay", way: ways.relay, url: () => real.app.url },
    { what: "through the relay behind nginx", way: ways.secureRelay, url: () => real.secureUrl },
    { what: "through nginx on the app's origin, by HTTP/2", way: ways.proxy, url: () => real.secureUrl },
    { what: "through nginx on another origin", way: ways.otherOrigin, url: () => real.app.url },
  ];

  for (const { what, way, url } of cases) {
    test(`a video plays and seeks ${what}`, async ({ tab }) => {
      await way();
      await openClientTab(tab, { url: url() });
      expect(await unusable(tab)).toEqual([]);
      await openVideo(tab, caps.sample, "sample.webm");
      await playFor(tab, "film", 1);
      for (const tenths of [2871, 13, 1504]) {
        await seekPlayer(tab, "film", tenths / 10 + 0.05);
        expect(await shownTenth(tab, "film")).toBe(tenths);
      }
      if (url() === real.secureUrl) expect(await protocolOf(tab)).toBe("h2");
    });

    // nginx only passes the relay's bytes on.
    if (way === ways.secureRelay) continue;
    test(`playback goes on when a storage node is killed, ${what}`, async ({ tab }) => {
      await way();
      await openClientTab(tab, { url: url() });
      await openVideo(tab, caps.wideFilm, "film.mp4");
      await playFast(tab, () => 20);
      const killed = [];
      // Which servers the reader uses is its own affair. Ten shares are on five servers, and any two have the three that it takes.
      for (const server of real.grid.servers.slice(0, 3)) {
        await server.kill();
        killed.push(server.nickname);
        await playFast(tab, beyondAllThatWasReadOf(wideFilm));
        if (await real.wasInUse(server)) break;
      }
      expect(await real.wasInUse(real.grid.servers[killed.length - 1]!)).toBe(true);
      await seekPlayer(tab, "film", 290.05);
      expect(await shownTenth(tab, "film")).toBe(2900);
      expect(await unusable(tab)).toEqual(killed);
    });
  }

  for (const [what, cap, bytes] of [
    ["an immutable", () => caps.wideFilm, () => wideFilm],
    ["a mutable", () => caps.mutableFilm, () => film],
  ] as const) {
    test(`playback of ${what} film goes on when the relay is killed, and is back later`, async ({ tab }) => {
      await ways.relay();
      await openClientTab(tab, real.app);
      await openVideo(tab, cap(), "film.mp4");
      await playFast(tab, () => 20);
      await real.killRelay();
      const goesOn = playFast(tab, beyondAllThatWasReadOf(bytes()));
      await pause(2_000);
      await real.startRelay();
      await goesOn;
      await seekPlayer(tab, "film", 290.05);
      expect(await shownTenth(tab, "film")).toBe(2900);
    });
  }

  test("from the relay to the proxy it is one document, without a reload", async ({ tab }) => {
    await ways.secureRelay();
    await openClientTab(tab, { url: real.secureUrl });
    await openVideo(tab, caps.film, "film.mp4");
    await playFast(tab, () => 20);
    await ways.proxy();
    await real.killRelay();
    await playFast(tab, beyondAllThatWasReadOf(film));
  });

  for (const [what, way] of [
    ["the relay", ways.relay],
    ["nginx", ways.otherOrigin],
  ] as const) {
    test(`a download through ${what} is the file`, async ({ browserUnderTest, tab }) => {
      await way();
      await openClientTab(tab, real.app);
      await tab.evaluate((cap) => {
        const { grid } = window as unknown as ClientWindow;
        const url = grid.url(cap, { filename: "saved.mp4", download: true });
        grid.download(url, (reason) => document.body.append(reason));
      }, caps.film);
      expect(await sha256OfFile(await browserUnderTest.downloaded("saved.mp4", 200))).toBe(sha256(film));
    });
  }

  async function openVideo(tab: Page, cap: string, filename: string): Promise<void> {
    const url = await tab.evaluate(
      (cap, filename) => (window as unknown as ClientWindow).grid.url(cap, { filename }),
      cap,
      filename,
    );
    await addPlayer(tab, "film", "video", url);
  }

  /** Plays at eight times the speed for as many of the film's seconds as is said of what the browser has now. */
  async function playFast(tab: Page, howLong: (buffered: number) => number): Promise<void> {
    const buffered = await tab.$eval("#film", (element) => {
      const video = element as HTMLVideoElement;
      video.playbackRate = 8;
      const { buffered, currentTime } = video;
      return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime;
    });
    await playFor(tab, "film", howLong(buffered));
  }

  /** The worker reads ahead of the browser: 20 MiB at most, and some more is on the way. */
  function beyondAllThatWasReadOf(film: Uint8Array): (buffered: number) => number {
    return (buffered) => buffered + (24 * MB * 300) / film.length;
  }
});

/** The servers that cannot be used, by the check's finding. */
function unusable(tab: Page): Promise<string[]> {
  return tab.evaluate(async () => {
    const [grid] = await (window as unknown as ClientWindow).grid.checkGrid();
    return grid!.servers.filter(({ works }) => !works).map(({ name }) => name);
  });
}

/** By which the page came. */
function protocolOf(tab: Page): Promise<string> {
  return tab.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    return navigation!.nextHopProtocol;
  });
}
