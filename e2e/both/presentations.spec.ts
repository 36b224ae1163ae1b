import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import type * as Client from "../../src/client/index.ts";
import { nginxBin } from "../../src/node/proxy/testing/NginxServer.ts";
import { tahoeBin } from "../../src/node/testing/TahoeGrid.ts";
import { BrowserUnderTest } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { buildReadersPage } from "../testing/buildReadersPage.ts";
import { HEIGHTS, makePresentations } from "../testing/makePresentations.ts";
import { seekPlayer, shownTenth } from "../testing/player.ts";
import { RealGrid } from "../testing/RealGrid.ts";

// HLS and DASH as operators make them, in a folder that Tahoe-LAFS's own commands have put onto its servers.

declare const window: PlayersWindow & typeof globalThis;

/** What e2e/readers/page/main.js leaves in the page. */
interface PlayersWindow {
  readonly grid: Client.Grid;
  play(player: string, url: string): Promise<void>;
  /** Resolves when the next jump may come. */
  switchTo(height: number): void | Promise<void>;
}

const ffmpeg = process.env.GRIDFETCH_FFMPEG || undefined;
const film = fileURLToPath(new URL("../../src/node/demo/samples/gridfetch-sample.mp4", import.meta.url));

/**
 * Those that are said to stay in one quality are not told to switch: video.js goes on with what it has of the other one, and
 * shaka-player waits for ever where it is told to jump while it switches between files that are read by ranges.
 */
const plays: readonly (readonly [player: string, presentation: string, stays?: "stays"])[] = [
  ["hls", "ts/index.m3u8"],
  ["hls", "encrypted/index.m3u8"],
  ["hls", "ranges/index.m3u8"],
  ["shaka", "ts/index.m3u8"],
  ["shaka", "encrypted/index.m3u8"],
  ["shaka", "dash/index.mpd", "stays"],
  ["dashjs", "dash/index.mpd"],
  ["videojs", "ts/index.m3u8", "stays"],
  ["videojs", "encrypted/index.m3u8", "stays"],
  ["videojs", "ranges/index.m3u8", "stays"],
];

test.describe("a presentation on real servers", () => {
  test.skip(({ kind }) => kind === "webkit", "slow, and readers.spec.ts plays HLS and DASH there");
  test.skip(tahoeBin === undefined, "GRIDFETCH_TAHOE does not say where a real Tahoe-LAFS is");
  test.skip(nginxBin === undefined, "GRIDFETCH_NGINX does not say where nginx is");
  test.skip(ffmpeg === undefined, "GRIDFETCH_FFMPEG does not say where ffmpeg is");

  let real: RealGrid;
  let browser: BrowserUnderTest;
  let tab: Page;
  let folderCap: string;

  test.beforeAll(async ({ kind }) => {
    test.setTimeout(300_000);
    const folder = join(await mkdtemp(join(tmpdir(), "gridfetch-e2e-presentations-")), "presentations");
    real = await RealGrid.start(tahoeBin!, [], new Uint8Array(10), buildReadersPage);
    await makePresentations(ffmpeg!, film, folder);
    folderCap = await real.putFolder(folder);
    await real.startRelay();
    await real.configure("--relay", `ws://127.0.0.1:${real.relayPort}/`);
    browser = await BrowserUnderTest.start(kind);
    tab = await browser.newTab();
  });

  test.afterAll(async () => {
    await browser?.close();
    await real?.close();
  });

  for (const [player, presentation, stays] of plays) {
    test(`${player} plays ${presentation}, seeks${stays === undefined ? " and switches its quality" : ""}`, async () => {
      await tab.goto(real.app.url);
      await tab.waitForFunction(() => "play" in window, { polling: 100 });
      const place = `presentations/${presentation}`;
      await tab.evaluate(
        async (player, cap, place) => window.play(player, window.grid.url(cap) + place),
        player,
        folderCap,
        place,
      );
      const [high, low] = HEIGHTS;
      // Each in a segment that the one before has not needed.
      for (const [height, seconds] of [
        [high, 5.05],
        [low, 13.45],
        [high, 21.75],
      ] as const) {
        if (stays === undefined) await tab.evaluate((height) => window.switchTo(height), height);
        await seekPlayer(tab, "film", seconds);
        if (stays === undefined) await expect.poll(() => pictureHeight(tab)).toBe(height);
        expect(await shownTenth(tab, "film")).toBe(Math.floor(10 * seconds));
      }
      if (presentation.startsWith("ts/") && player === "hls") expect(await subtitles(tab)).toContain("Part 6");
    });
  }
});

function pictureHeight(tab: Page): Promise<number> {
  return tab.$eval("#film", (video) => (video as HTMLVideoElement).videoHeight);
}

/** Texts of all cues that a player has taken into its tracks. */
function subtitles(tab: Page): Promise<string[]> {
  return tab.$eval("#film", (video) =>
    [...(video as HTMLVideoElement).textTracks].flatMap(({ cues }) =>
      [...(cues ?? [])].map((cue) => (cue as VTTCue).text),
    ),
  );
}
