import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as Posters from "../../src/client/poster/index.ts";
import { cameraJpeg } from "../../src/client/poster/testing/cameraJpeg.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import { fattenFilm } from "../testing/fattenFilm.ts";
import { moveIndexToEnd } from "../testing/moveIndexToEnd.ts";
import { total } from "../testing/total.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const MB = 1_000_000;
const sample = fileURLToPath(new URL("../../src/node/demo/samples/gridfetch-sample.mp4", import.meta.url));

let app: AppServer;
test.beforeEach(async ({ demo, tab }) => {
  app = await startClientApp(demo, await mkdtemp(join(demo.folder, "posters-")));
  await openClientTab(tab, app);
});
test.afterEach(() => app.close().catch(() => undefined));

/** What the page gets: the poster's size in pixels, or why there is none. */
const show = async (cap: string) => {
  const path = "/lib/client/poster/index.js";
  const { poster } = (await import(path)) as typeof Posters;
  const blob = await poster(window.grid, cap, { width: 160 }).catch((error) => error.code as string);
  if (!(blob instanceof Blob)) return blob ?? "none";
  const { width, height } = await createImageBitmap(blob);
  return [width, height];
};

test("a film of 15 MB with its index at the end shows its first frame for a part of it", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const path = join(demo.folder, "index-at-end.mp4");
  await writeFile(path, moveIndexToEnd(fattenFilm(new Uint8Array(await readFile(sample)), 15 * MB)));
  const cap = await demo.put(path, { encoding: { needed: 3, total: 3, maxSegmentSize: 131_072 } });
  demo.grid.reset();
  expect(await tab.evaluate(show, cap)).toEqual([160, 90]);
  // WebKit's player takes what comes until it knows that it is enough: the faster the machine, the more.
  expect(total(demo, "bytesSent")).toBeLessThan(browserUnderTest.kind === "webkit" ? 12 * MB : 5 * MB);
});

test("a camera's picture of 12 MB is shown by the small one in it, turned as it is, for its first segments", async ({
  tab,
  demo,
}) => {
  const small = await tab.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 120, height: 80 });
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg"));
    return [...new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0))];
  });
  const put = async (name: string, fill: number) => {
    const path = join(demo.folder, name);
    await writeFile(path, Buffer.concat([cameraJpeg(small, { orientation: 6 }), Buffer.alloc(12 * MB, fill)]));
    return demo.put(path, { encoding: { needed: 3, total: 3, maxSegmentSize: 131_072 } });
  };
  // Of a grid's first file more is asked for, on a guess.
  expect(await tab.evaluate(show, await put("first.jpg", 1))).toEqual([80, 120]);
  const cap = await put("second.jpg", 2);
  demo.grid.reset();
  expect(await tab.evaluate(show, cap)).toEqual([80, 120]);
  expect(total(demo, "bytesSent")).toBeLessThan(0.4 * MB);
});

test("a picture is made smaller, and what is no picture has none", async ({ tab, demo }) => {
  expect(await tab.evaluate(show, demo.sample("hills.jpg").cap)).toEqual([160, 90]);
  expect(await tab.evaluate(show, demo.sample("letter.txt").cap)).toBe("none");
  expect(await tab.evaluate(show, demo.sample("melody.mp3").cap)).toBe("none");
});

test("a film whose servers are gone is an error, before its first bytes and after them", async ({ tab, demo }) => {
  const path = join(demo.folder, "lost.mp4");
  await writeFile(path, moveIndexToEnd(fattenFilm(new Uint8Array(await readFile(sample)), 20 * MB)));
  const begun = await demo.put(path, { encoding: { needed: 3, total: 3, maxSegmentSize: 131_072 } });
  await tab.evaluate((cap) => window.grid.prefetch(cap, { length: 100_000 }), begun);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  expect(await tab.evaluate(show, demo.sample("gridfetch-sample.webm").cap)).toBe("NOT_ENOUGH_SHARES");
  expect(await tab.evaluate(show, begun)).toBe("NOT_ENOUGH_SHARES");
});

test("a film that never gets to a frame is stopped in time", async ({ tab, demo }) => {
  // An index of 60 MB that has nothing in it.
  const head = Buffer.alloc(24);
  head.writeUInt32BE(16, 0);
  head.write("ftypisom", 4);
  head.writeUInt32BE(60 * MB, 16);
  head.write("moov", 20);
  const path = join(demo.folder, "endless.mp4");
  await writeFile(path, Buffer.concat([head, Buffer.alloc(60 * MB, 1)]));
  const cap = await demo.put(path, { encoding: { needed: 3, total: 3, maxSegmentSize: 2 ** 20 } });
  demo.grid.reset();
  expect(await tab.evaluate(show, cap)).toBe("none");
  // The limit, and a reader's window.
  expect(total(demo, "bytesSent")).toBeLessThan((16 + 24) * 2 ** 20);
});

test("its signal ends it, and the player's read", async ({ tab, demo }) => {
  const path = join(demo.folder, "left.mp4");
  await writeFile(path, fattenFilm(new Uint8Array(await readFile(sample)), 30 * MB));
  const cap = await demo.put(path, { encoding: { needed: 3, total: 3, maxSegmentSize: 2 ** 20 } });
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 1 * MB });
  const seen = await tab.evaluate(async (cap) => {
    const path = "/lib/client/poster/index.js";
    const { poster } = (await import(path)) as typeof Posters;
    const stop = new AbortController();
    const reads = window.grid.reads();
    const ended = poster(window.grid, cap, { signal: stop.signal }).then(
      () => "a poster",
      (error) => error.name as string,
    );
    let video: string | undefined;
    for await (const { type, id, ...event } of reads) {
      // The player's, which is longer than the look at the file's head.
      if (type === "started" && "length" in event && event.length > 1_000_000) {
        video = id;
        stop.abort();
      } else if (id === video && type !== "progress") return [await ended, type];
    }
    return [];
  }, cap);
  expect(seen).toEqual(["AbortError", "cancelled"]);
});
