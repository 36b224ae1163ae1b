import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { utf8 } from "../../src/base/bytes.ts";
import { encodeBase32 } from "../../src/formats/base32.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { directoryContent, literalDirectory } from "../testing/directoryContent.ts";
import { addPlayer, seekPlayer, shownTenth } from "../testing/player.ts";

// A folder as a place: what is in it, by its way below the folder's address.

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const NAME = "gridfetch-sample.webm";
const content = readFileSync(fileURLToPath(new URL(`../../src/node/demo/samples/${NAME}`, import.meta.url)));
const SUBTITLES = "WEBVTT\n\n00:00.000 --> 05:00.000\nA film in a folder\n";

let app: AppServer;
test.beforeAll(async ({ demo }) => {
  app = await startClientApp(demo, join(demo.folder, "folder-app"));
});
test.afterAll(() => app.close());
test.beforeEach(({ tab }) => openClientTab(tab, app));

test("a film and its subtitles are played by their relative URLs, and the film is sought in", async ({ tab, demo }) => {
  const url = await tab.evaluate((cap) => window.grid.url(cap), series(demo));
  await addPlayer(tab, "film", "video", new URL("season 1/e01.webm", url).href);
  const cues = await tab.evaluate(
    () =>
      new Promise<string[]>((resolve, reject) => {
        const video = document.getElementById("film") as HTMLVideoElement;
        const track = Object.assign(document.createElement("track"), { kind: "subtitles" });
        track.src = new URL("subtitles/e01.vtt", video.src).href;
        track.onload = () => resolve([...(track.track.cues ?? [])].map((cue) => (cue as VTTCue).text));
        track.onerror = () => reject(new Error("no subtitles"));
        video.append(track);
        track.track.mode = "showing";
      }),
  );
  expect(cues).toEqual(["A film in a folder"]);
  await seekPlayer(tab, "film", 123.45);
  expect(await shownTenth(tab, "film")).toBe(1234);
});

test("it stays good over the end of the worker and of the browser, and no answer holds a cap", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const cap = series(demo);
  const [url, shown] = await tab.evaluate(
    (cap) => [window.grid.url(cap), window.grid.url(cap, { listing: true })] as const,
    cap,
  );
  const film = await tab.evaluate(
    async (url) => (await (await fetch(url)).arrayBuffer()).byteLength,
    `${url}season%201/e01.webm`,
  );
  expect(film).toBe(content.length);
  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openClientTab(again, app);
  const answers = await again.evaluate(
    async (urls) => {
      const answers = [];
      for (const url of urls) {
        const response = await fetch(url, { headers: { Range: "bytes=0-9" } });
        answers.push([response.status, `${[...response.headers]} ${await response.text()}`] as const);
      }
      return answers;
    },
    [`${url}season%201/subtitles/e01.vtt`, `${url}season%201/missing`, url, `${url}season%201/`, shown],
  );
  expect(answers.map(([status]) => status)).toEqual([206, 404, 400, 400, 200]);
  const said = answers.map(([, text]) => text).join("\n");
  expect(said).toContain(`${shown}season%201/`);
  for (const secret of [/URI:[\w-]+:/, cap.split(":")[2]!.slice(0, 40), demo.sample(NAME).cap.split(":")[2]!])
    expect(said).not.toMatch(secret);
  await again.evaluate((url) => window.grid.revoke(url), url);
  const { status } = await again.evaluate(
    async (url) => ({ status: (await fetch(url)).status }),
    `${url}season%201/e01.webm`,
  );
  expect(status).toBe(404);
});

test("it is listed, and what is in it is opened by what the list says", async ({ tab, demo }) => {
  const names = Array.from({ length: 2_500 }, (_, at) => [`${at}.webm`, demo.sample(NAME).cap] as const);
  const path = join(demo.folder, "many.directory");
  await writeFile(path, directoryContent({ ...Object.fromEntries(names), inner: series(demo) }));
  const cap = (await demo.put(path)).replace("URI:", "URI:DIR2-");
  const { listed, read, later } = await tab.evaluate(async (cap) => {
    const listed = [];
    for await (const entry of window.grid.list(cap)) listed.push(entry);
    const [first] = listed;
    const { size } = await window.grid.open(first!.cap!);
    const stop = AbortSignal.abort(new Error("changed my mind"));
    const later = await Promise.allSettled([
      window.grid.list(cap, { signal: stop }).next(),
      window.grid.list(first!.cap!).next(),
      window.grid.info(cap),
      window.grid.info(first!.cap!, { filename: "a.mp4" }),
    ]);
    return {
      listed,
      read: size,
      later: later.map((each) => (each.status === "fulfilled" ? each.value : String(each.reason))),
    };
  }, cap);
  expect(listed.map(({ name }) => name)).toEqual([...names.map(([name]) => name), "inner"]);
  const type = "video/webm";
  expect(listed[0]).toMatchObject({ kind: "file", size: content.length, type, mutable: false, cap: names[0]![1] });
  expect(listed.at(-1)).toMatchObject({ kind: "directory", mutable: false, cap: series(demo) });
  expect(read).toBe(content.length);
  expect(later).toEqual([
    "Error: changed my mind",
    "GridError: This is not a directory's cap, and has no list.",
    expect.objectContaining({ kind: "directory" }),
    expect.objectContaining({ kind: "file", size: content.length, type: "video/mp4" }),
  ]);
});

function series(demo: DemoGrid): string {
  const subtitles = literalDirectory({ "e01.vtt": `URI:LIT:${encodeBase32(utf8(SUBTITLES))}` });
  return literalDirectory({ "season 1": literalDirectory({ "e01.webm": demo.sample(NAME).cap, subtitles }) });
}
