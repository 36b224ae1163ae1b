import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "puppeteer-core";
import type * as Client from "../../src/client/index.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { BrowserUnderTest } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { buildReadersPage, readersFolder } from "../testing/buildReadersPage.ts";
import { placeClientApp, serveClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { directoryContent } from "../testing/directoryContent.ts";
import { seekPlayer, shownTenth } from "../testing/player.ts";

// Libraries that read files by URL, as an app's developer would give them a grid URL. e2e/readers/ has them, what each of them does in
// the page, and what makes the files.

declare const window: ReadersWindow & typeof globalThis;

/** What e2e/readers/page/main.js leaves in the page. */
interface ReadersWindow {
  readonly grid: Client.Grid;
  readonly tahoeUrl: typeof Client.tahoeUrl;
  read(reader: string, url: string): Promise<unknown>;
  counted(): Promise<{ readonly requests: number; readonly delivered: number }>;
}

interface Reading {
  /** The script in e2e/readers/page/readers/. */
  readonly reader: string;
  /** The file; or the folder, a slash, and what is opened in it. */
  readonly file: string;
  /** What it gives. */
  readonly value: unknown;
  /** It reads parts of a file of some megabytes: the worker gives it so many bytes at most. */
  readonly most?: number;
  /** It plays: the picture is looked at after a seek. */
  readonly plays?: true;
  /** It lists the folder by its URL, and an opaque one lists nothing. */
  readonly lists?: true;
  /** Why it does not work in WebKitGTK, from any server. */
  readonly notInWebKit?: string;
}

const readings: Readonly<Record<string, Reading>> = {
  "pdfjs-dist": { reader: "pdfjs", file: "pages.pdf", value: [100, "Page 70 of the grid"] },
  pmtiles: { reader: "pmtiles", file: "tiles.pmtiles", value: "tile 215", most: 100_000 },
  hyparquet: { reader: "hyparquet", file: "rows.parquet", value: [12_345, "row 12345"], most: 1_000_000 },
  "duckdb-wasm": { reader: "duckdb", file: "rows.parquet", value: [12_345, "row 12345"], most: 700_000 },
  "parquet-wasm": { reader: "parquetWasm", file: "rows.parquet", value: [12_345, "row 12345"], most: 600_000 },
  "zip.js": { reader: "zipjs", file: "many.zip", value: [41, "Hello from within a zip."], most: 200_000 },
  unzipit: { reader: "unzipit", file: "many.zip", value: [41, "Hello from within a zip."], most: 200_000 },
  geotiff: {
    reader: "geotiff",
    file: "image.tif",
    value: [2048, ...[1500, 1501, 1502].map((x) => (3 * x + 5 * 1700) % 251)],
    most: 500_000,
  },
  flatgeobuf: { reader: "flatgeobuf", file: "points.fgb", value: ["point 121 61", "point 122 61"], most: 100_000 },
  "sql.js-httpvfs": { reader: "sqlJsHttpvfs", file: "rows.sqlite", value: [12_345, "row 12345"], most: 100_000 },
  h5wasm: { reader: "h5wasm", file: "grid.h5", value: [1000, 1000, 567_123, 567_124, 567_125], most: 3_000_000 },
  zarrita: { reader: "zarrita", file: "grid.zarr/", value: [1000, 1000, 567_123, 567_124, 567_125], most: 100_000 },
  epubjs: { reader: "epubjs", file: "book.epub", value: ["A book on the grid", "This is chapter 2."] },
  "wavesurfer.js": { reader: "wavesurfer", file: "sound.wav", value: [2, 0, 0, 1, 1] },
  mediabunny: { reader: "mediabunny", file: "film.mp4", value: [300, 122, 6596] },
  "hls.js": { reader: "hls", file: "film/index.m3u8", value: 300, plays: true },
  "hls.js with a playlist of handles": {
    reader: "hlsByHandles",
    file: "film/playlist-1.m3u8",
    value: 300,
    plays: true,
    lists: true,
  },
  "shaka-player": { reader: "shaka", file: "film.mp4", value: 300, plays: true },
  "shaka-player with HLS": {
    reader: "shaka",
    file: "film/index.m3u8",
    value: 300,
    plays: true,
    notInWebKit: "shaka-player 5.2 puts HLS segments into a buffer of WebKitGTK 2.50 that stays empty",
  },
  "shaka-player with DASH": { reader: "shaka", file: "film/index.mpd", value: 300, plays: true },
  "dash.js": { reader: "dashjs", file: "film/index.mpd", value: 300, plays: true },
  "video.js": { reader: "videojs", file: "film.mp4", value: 300, plays: true },
  "video.js with HLS": { reader: "videojs", file: "film/index.m3u8", value: 300, plays: true },
};

/** For files that are read here and there, as the guide says. */
const encoding = { needed: 3, total: 10, maxSegmentSize: 131_072 };
const sample = fileURLToPath(new URL("../../src/node/demo/samples/gridfetch-sample.mp4", import.meta.url));

let files: string;
let app: AppServer;
let browser: BrowserUnderTest;
let tab: Page;

test.beforeAll(async ({ demo, kind }) => {
  test.setTimeout(300_000);
  files = await mkdtemp(join(demo.folder, "read-"));
  const folder = join(demo.folder, "readers-app");
  await placeClientApp(folder);
  await Promise.all([makeFiles(), buildReadersPage(folder)]);
  app = await serveClientApp(demo, folder);
  browser = await BrowserUnderTest.start(kind);
  tab = await browser.newTab();
});

async function makeFiles(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(readersFolder, "fixtures/index.js"), files]);
  await cp(sample, join(files, "film.mp4"));
}

test.afterAll(async () => {
  await browser?.close();
  await app?.close();
});

for (const [name, reading] of Object.entries(readings)) {
  test(`${name} reads ${reading.file}`, async ({ demo, kind }) => {
    test.skip(kind === "webkit" && reading.notInWebKit !== undefined, reading.notInWebKit);
    const [top = "", ...path] = reading.file.split("/");
    const isFolder = path.length > 0;
    const cap = await (isFolder ? putFolder(demo, join(files, top)) : demo.put(join(files, top), { encoding }));
    await open();
    const opaque = await tab.evaluate((cap, filename) => window.grid.url(cap, { filename }), cap, top);
    if (!reading.lists) await readAndExpect(demo, name, reading, isFolder ? opaque + path.join("/") : opaque);
    const folder = isFolder ? cap : await putDirectory(demo, { [top]: cap });
    await open();
    const url = await tab.evaluate(
      (cap, path) => window.tahoeUrl(cap, { base: window.grid.scope, path }),
      folder,
      isFolder ? path : [top],
    );
    await readAndExpect(demo, name, reading, url);
  });
}

/** A new page for each reading, so that nothing of another goes on. */
async function open(): Promise<void> {
  await tab.goto(app.url);
  await tab.waitForFunction(() => "read" in window, { polling: 100 });
}

async function readAndExpect(demo: DemoGrid, name: string, reading: Reading, url: string): Promise<void> {
  demo.grid.reset();
  const value = await tab.evaluate((reader, url) => window.read(reader, url), reading.reader, url);
  expect(value).toEqual(reading.value);
  if (reading.plays) {
    await seekPlayer(tab, "film", 123.45);
    expect(await shownTenth(tab, "film")).toBe(1234);
  }
  const { requests, delivered } = await tab.evaluate(() => window.counted());
  const moved = demo.grid.status().reduce((sum, { counters }) => sum + counters.bytesSent, 0);
  if (reading.most !== undefined) expect(delivered).toBeLessThan(reading.most);
  const description = `${name}: ${requests} requests, ${delivered} bytes given, ${moved} moved`;
  test.info().annotations.push({ type: "bytes", description });
}

/** Puts a folder of files and folders onto the grid, and gives its cap. */
async function putFolder(demo: DemoGrid, path: string): Promise<string> {
  const entries = await readdir(path, { withFileTypes: true });
  const children = entries.map(async (entry) => {
    const inner = join(path, entry.name);
    return [entry.name, await (entry.isDirectory() ? putFolder(demo, inner) : demo.put(inner, { encoding }))] as const;
  });
  return putDirectory(demo, Object.fromEntries(await Promise.all(children)));
}

async function putDirectory(demo: DemoGrid, children: Readonly<Record<string, string>>): Promise<string> {
  const path = join(await mkdtemp(join(files, "directory-")), "content");
  await writeFile(path, directoryContent(children));
  return (await demo.put(path)).replace("URI:", "URI:DIR2-");
}
