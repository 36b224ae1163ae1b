import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "../testing/bothBrowsers.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { moveIndexToEnd } from "../testing/moveIndexToEnd.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { addPlayer, playFor, seekPlayer, shownTenth } from "../testing/player.ts";
import { seededRandom } from "../testing/seededRandom.ts";

const samples = fileURLToPath(new URL("../../src/node/demo/samples/", import.meta.url));

/** Uploads what is made of a sample and gives its grid URL. */
async function putMade(demo: DemoGrid, name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(demo.folder, name);
  await writeFile(path, bytes);
  return fileUrl(await demo.put(path), name);
}

function fileUrl(cap: string, name: string): string {
  return `/file/${encodeURIComponent(cap)}/@@named=/${encodeURIComponent(name)}`;
}

function sampleUrl(demo: DemoGrid, name: string): string {
  return fileUrl(demo.sample(name).cap, name);
}

const videos: Record<string, (demo: DemoGrid) => Promise<string>> = {
  WebM: async (demo) => sampleUrl(demo, "gridfetch-sample.webm"),
  "MP4 with its index in front": async (demo) => sampleUrl(demo, "gridfetch-sample.mp4"),
  "MP4 with its index at the end": async (demo) => {
    const mp4 = new Uint8Array(await readFile(join(samples, "gridfetch-sample.mp4")));
    return putMade(demo, "index-at-end.mp4", moveIndexToEnd(mp4));
  },
};

for (const [what, place] of Object.entries(videos)) {
  test(`${what} shows the right picture after each of fifty seeks, forward and back`, async ({ tab, demo }) => {
    const url = await place(demo);
    await openControlledTab(tab, demo.appUrl);
    await addPlayer(tab, "film", "video", url);
    const random = seededRandom(50);
    const points = Array.from({ length: 50 }, () => Math.floor(random() * 2990));
    const shown: number[] = [];
    for (const tenths of points) {
      await seekPlayer(tab, "film", tenths / 10 + 0.05);
      shown.push(await shownTenth(tab, "film"));
    }
    expect(shown).toEqual(points);
    await playFor(tab, "film", 1);
  });
}

test("two players on one page play at once, also the same file", async ({ tab, demo }) => {
  await openControlledTab(tab, demo.appUrl);
  const [webm, mp4] = [sampleUrl(demo, "gridfetch-sample.webm"), sampleUrl(demo, "gridfetch-sample.mp4")];
  await Promise.all([
    addPlayer(tab, "one", "video", webm),
    addPlayer(tab, "two", "video", mp4),
    addPlayer(tab, "three", "video", webm),
  ]);
  await Promise.all([seekPlayer(tab, "one", 100.05), seekPlayer(tab, "two", 200.05), seekPlayer(tab, "three", 250.05)]);
  expect([await shownTenth(tab, "one"), await shownTenth(tab, "two"), await shownTenth(tab, "three")]).toEqual([
    1000, 2000, 2500,
  ]);
  await Promise.all([playFor(tab, "one", 2), playFor(tab, "two", 2), playFor(tab, "three", 2)]);
});

test("sound, picture, document and subtitles are what they are", async ({ tab, demo }) => {
  const vtt = "WEBVTT\n\n00:00.000 --> 00:05.000\nHello from the grid\n\n00:05.000 --> 00:09.000\nÄnd so on\n";
  const subtitles = await putMade(demo, "subtitles.vtt", vtt);
  await openControlledTab(tab, demo.appUrl);

  await addPlayer(tab, "melody", "audio", sampleUrl(demo, "melody.mp3"));
  await seekPlayer(tab, "melody", 15);
  await playFor(tab, "melody", 1);
  expect(await tab.$eval("#melody", (audio) => (audio as HTMLAudioElement).duration)).toBeCloseTo(20, 0);

  const width = await tab.evaluate(
    async (src) => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return image.naturalWidth;
    },
    sampleUrl(demo, "hills.jpg"),
  );
  expect(width).toBe(1280);

  await addPlayer(tab, "film", "video", sampleUrl(demo, "gridfetch-sample.webm"));
  const cues = await tab.evaluate(async (src) => {
    const track = document.createElement("track");
    track.kind = "subtitles";
    track.src = src;
    track.default = true;
    const loaded = new Promise((resolve, reject) => {
      track.addEventListener("load", resolve);
      track.addEventListener("error", () => reject(new Error("the track was refused")));
    });
    document.getElementById("film")?.append(track);
    track.track.mode = "showing";
    await loaded;
    return Array.from(track.track.cues ?? [], (cue) => (cue as VTTCue).text);
  }, subtitles);
  expect(cues).toEqual(["Hello from the grid", "Änd so on"]);

  const leaflet = await tab.evaluate(
    async (url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
      document.documentElement.append(frame);
      // WebKit shows a PDF and never says that its frame has loaded: it has when the whole answer is there.
      const isTaken = () => performance.getEntriesByName(frame.src).length > 0;
      const taken = async () => {
        while (!isTaken()) await new Promise((resolve) => setTimeout(resolve, 50));
      };
      await Promise.race([loaded, taken()]);
      const response = await fetch(url);
      return { type: response.headers.get("Content-Type"), start: (await response.text()).slice(0, 5) };
    },
    sampleUrl(demo, "leaflet.pdf"),
  );
  expect(leaflet).toEqual({ type: "application/pdf", start: "%PDF-" });
});
