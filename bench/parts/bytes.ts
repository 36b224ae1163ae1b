import { execFile } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { fattenFilm } from "../../e2e/testing/fattenFilm.ts";
import { makeFile } from "../../e2e/testing/makeFile.ts";
import type { Part } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { BenchGrid, gridUrl, upload } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { median, round } from "../statistics.ts";

const KiB = 1024;
const MB = 1_000_000;
const SIZE = 15_700_000;
/** What nobody waits for any more has ended after this. */
const QUIET = 2_000;

const measures = {
  "bytes.open-ranges": { unit: "MB of a file of 15.7, 30 open ranges", target: { most: 17 } },
  "bytes.preload": { unit: "MB for a film that nobody plays", target: { most: 2 } },
  "bytes.fragmented": { unit: "x the size of a film in fragments without an index", target: { most: 1.2 } },
  "bytes.untouched": { unit: "MB for a fetch whose body nobody reads", target: { most: 1.3 } },
};

const FILM = fileURLToPath(new URL("../../src/node/demo/samples/gridfetch-sample.mp4", import.meta.url));

/** Share data that servers send for readers who take little, on a grid as near as can be: nothing but us holds bytes back. */
export const bytesPart: Part = {
  measures,
  async run(bench) {
    const { report } = bench;
    const folder = await benchFolder(bench);
    const bed = await BenchGrid.start(bench, "bytes");
    const browser = await BenchBrowser.start(bench, folder, bed.grid.configFile);
    const moved = async (work: () => Promise<unknown>): Promise<number> => {
      bed.takeCounters();
      await work();
      await setTimeout(QUIET);
      return bed.takeCounters().bytes / MB;
    };
    const put = async (name: string, make: (path: string) => Promise<unknown>): Promise<string> => {
      const path = join(folder, name);
      await make(path);
      return gridUrl(await upload(path, bed.grid.serversFile));
    };
    const rounds = bench.isQuick ? 1 : 5;
    /** Of several files that nobody has read: a server that is late by chance makes one cost a block more. */
    const ofMany = async (put: () => Promise<string>, read: (url: string) => Promise<unknown>): Promise<number> => {
      const all: number[] = [];
      for (let n = 0; n < rounds; n++) {
        const url = await put();
        all.push(await moved(() => read(url)));
      }
      return median(all);
    };
    const noise = () => put("noise.bin", (path) => makeFile(path, SIZE));
    try {
      const ranges = await ofMany(noise, async (url) => {
        for (let n = 0; n < 30; n++) {
          const { status } = await browser.read(url, { range: `bytes=${500_000 * n}-`, enough: 64 * KiB });
          if (status !== 206) throw new Error(`HTTP ${status}`);
        }
      });
      report.add("bytes.open-ranges", measures["bytes.open-ranges"], ranges);

      const fatten = async (path: string) => writeFile(path, fattenFilm(new Uint8Array(await readFile(FILM)), SIZE));
      const preload = await ofMany(
        () => put("film.mp4", fatten),
        (url) => showDuration(browser.page, url),
      );
      report.add("bytes.preload", measures["bytes.preload"], preload);

      const fragmented = await ofMany(
        () => put("fragmented.mp4", fragment),
        (url) => showDuration(browser.page, url),
      );
      const { size } = await stat(join(folder, "fragmented.mp4"));
      report.add("bytes.fragmented", measures["bytes.fragmented"], fragmented / (size / MB), `${round(size / MB)} MB`);

      const fetchAlone = (url: string) => browser.page.evaluate(async (url) => void (await fetch(url)), url);
      report.add("bytes.untouched", measures["bytes.untouched"], await ofMany(noise, fetchAlone));
    } finally {
      await browser.close();
      await bed.grid.close();
    }
  },
};

/** As a page does that lists films: a player that loads no more than it needs to know what it would play. */
async function showDuration(page: Page, url: string): Promise<void> {
  await page.evaluate(async (url) => {
    const video = document.createElement("video");
    video.preload = "metadata";
    video.src = url;
    document.body.append(video);
    await new Promise((resolve, reject) => {
      video.onloadedmetadata = resolve;
      video.onerror = () => reject(new Error(video.error?.message));
    });
  }, url);
}

/** The sample film six times over, in fragments without an index: a player has to go through it to find a time. */
async function fragment(path: string): Promise<void> {
  const options = ["-c", "copy", "-movflags", "+frag_keyframe+empty_moov"];
  await promisify(execFile)("ffmpeg", ["-loglevel", "error", "-y", "-stream_loop", "5", "-i", FILM, ...options, path]);
}
