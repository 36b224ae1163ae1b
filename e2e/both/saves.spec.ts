import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import type { SaveEvent, Saves } from "../../src/save/index.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, placeClientApp, serveClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { literalDirectory } from "../testing/directoryContent.ts";
import { sha256OfFile } from "../testing/inPage.ts";
import { makeFile } from "../testing/makeFile.ts";
import { total } from "../testing/total.ts";

// No driver operates the dialogue in which a person chooses a file. The page's own file system stands in for it: its files are written by the
// same interface, and their handles can be stored.

interface SavesWindow extends ClientWindow {
  readonly saves: Saves;
  readonly heard: SaveEvent[];
}
declare const window: SavesWindow & typeof globalThis;

const MB = 1_000_000;
const idb = fileURLToPath(new URL("../../node_modules/idb/build/index.js", import.meta.url));
const PAGE = `<!doctype html><script type="importmap">{ "imports": { "idb": "/idb.js" } }</script><script type="module">
  import * as client from "/lib/client/index.js";
  import { openSaves } from "/lib/save/index.js";
  window.showSaveFilePicker = async ({ suggestedName }) =>
    (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
  const grid = await client.connect();
  const saves = openSaves(grid);
  const heard = [];
  Object.assign(window, { client, saves, heard, grid });
  for await (const event of saves.events()) heard.push(event);
</script>`;

const NO_FILES = "WebKitGTK lets no page write files.";

let folder: string;
let app: AppServer;
test.beforeEach(async ({ demo, tab }) => {
  folder = await mkdtemp(join(demo.folder, "saves-"));
  await placeClientApp(folder);
  await cp(idb, join(folder, "idb.js"));
  await writeFile(join(folder, "index.html"), PAGE);
  app = await serveClientApp(demo, folder);
  await openClientTab(tab, app);
});
test.afterEach(() => app.close().catch(() => undefined));

test("a file, in pieces between which servers go, a tab is closed and the browser crashes, each piece once", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(browserUnderTest.kind === "webkit", NO_FILES);
  const { cap, hash } = await put(demo, "film.mp4", 24 * MB);
  // The second one waits for the first.
  const other = await browserUnderTest.newTab();
  await openClientTab(other, app);
  setBandwidth(demo, 1.5 * MB);
  const id = await tab.evaluate(async (cap) => (await window.saves.save(cap, { filename: "film.mp4" }))?.id, cap);
  await expect.poll(() => writtenIn(other, id), { timeout: 60_000 }).toBeGreaterThan(5 * MB);

  // What is here by then is put in its place.
  setDown(demo, true);
  await expect.poll(() => reasonIn(other, id), { timeout: 60_000 }).toBe("NOT_ENOUGH_SHARES");
  const first = await writtenIn(other, id);
  expect(first).toBeGreaterThan(5 * MB);
  await tab.close();
  setDown(demo, false);
  await expect.poll(() => writtenIn(other, id), { timeout: 90_000 }).toBeGreaterThan(first + 4 * MB);
  await other.evaluate((id) => window.saves.pause(id as string), id);
  await expect.poll(() => stateIn(other, id)).toBe("paused");
  const second = await writtenIn(other, id);
  expect(second).toBeGreaterThan(first + 3 * MB);
  const moved = total(demo, "bytesSent");

  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openClientTab(again, app);
  expect(await stateIn(again, id)).toBe("paused");
  setBandwidth(demo, 0);
  expect(await again.evaluate((id) => window.saves.resume(id as string), id)).toBe(true);
  await expect.poll(() => stateIn(again, id), { timeout: 60_000 }).toBe("saved");
  expect(await hashOf(again, "film.mp4")).toBe(hash);
  const ends = await again.evaluate(() => window.heard.filter(({ state }) => state === "saved").length);
  expect(ends).toBe(1);
  // The rest, from a worker that knows nothing of the file, on a machine on which now and then a server is late.
  expect(total(demo, "bytesSent") - moved).toBeLessThan(24 * MB);
});

test("what was changed on disk is written again, and nothing else", async ({ browserUnderTest, tab, demo }) => {
  test.skip(browserUnderTest.kind === "webkit", NO_FILES);
  const { cap, hash } = await put(demo, "noise.bin", 12 * MB);
  setBandwidth(demo, 0.4 * MB);
  const id = await tab.evaluate(async (cap) => (await window.saves.save(cap, { filename: "noise.bin" }))?.id, cap);
  await expect.poll(() => writtenIn(tab, id), { timeout: 60_000 }).toBeGreaterThan(7 * MB);
  await tab.evaluate((id) => window.saves.pause(id as string), id);
  await expect.poll(() => stateIn(tab, id)).toBe("paused");
  await tab.evaluate(async () => {
    const disk = await (await navigator.storage.getDirectory()).getFileHandle("noise.bin");
    const writing = await disk.createWritable({ keepExistingData: true });
    await writing.write({ type: "write", position: 4_500_000, data: new Uint8Array([1, 2, 3]) });
    await writing.close();
  });
  setBandwidth(demo, 0);
  // As after a restart: this tab has not written it.
  await tab.close();
  const again = await browserUnderTest.newTab();
  await openClientTab(again, app);
  await again.evaluate((id) => window.saves.resume(id as string), id);
  await expect.poll(() => stateIn(again, id), { timeout: 60_000 }).toBe("saved");
  expect(await hashOf(again, "noise.bin")).toBe(hash);
  const begun = await again.evaluate(() => window.heard.map((event) => ("written" in event ? event.written : 0)));
  // It begins with the piece in which something was changed.
  expect(Math.min(...begun.slice(1))).toBe(4 * 2 ** 20);
});

test("three at once of five, all whole; what is removed is gone from the disk, where the browser can", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(browserUnderTest.kind === "webkit", NO_FILES);
  const files = await Promise.all([0, 1, 2, 3, 4].map((number) => put(demo, `${number}.bin`, 3 * MB)));
  setBandwidth(demo, 0.5 * MB);
  const caps = files.map(({ cap }) => cap);
  const ids = await tab.evaluate(async (caps) => {
    const ids: (string | undefined)[] = [];
    for (const [number, cap] of caps.entries())
      ids.push((await window.saves.save(cap, { filename: `${number}.bin` }))?.id);
    return ids;
  }, caps);
  await expect.poll(() => writtenIn(tab, ids[2]), { timeout: 60_000 }).toBeGreaterThan(0);
  expect([await writtenIn(tab, ids[3]), await writtenIn(tab, ids[4])]).toEqual([0, 0]);
  await tab.evaluate((id) => window.saves.remove(id as string), ids[0]);
  setBandwidth(demo, 0);
  for (const [number, { hash }] of files.entries()) {
    if (number === 0) continue;
    await expect.poll(() => stateIn(tab, ids[number]), { timeout: 60_000 }).toBe("saved");
    expect(await hashOf(tab, `${number}.bin`)).toBe(hash);
  }
  const [names, canRemove] = await tab.evaluate(async () => {
    const names: string[] = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
    return [names, "remove" in FileSystemFileHandle.prototype] as const;
  });
  expect(names.includes("0.bin")).toBe(!canRemove);
  expect(await tab.evaluate(async () => (await window.saves.list()).length)).toBe(4);
});

test("a folder is one archive, on disk as it is by the browser's own download", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const { cap } = await put(demo, "e01.bin", 2 * MB);
  const series = literalDirectory({ "e01.bin": cap, "season 2": literalDirectory({ "e01.bin": cap }) });
  await tab.evaluate((cap) => window.saves.save(cap, { filename: "series", as: "download" }), series);
  const downloaded = await sha256OfFile(await browserUnderTest.downloaded("series.zip"));
  expect(await tab.evaluate(() => window.saves.list())).toEqual([]);
  if (browserUnderTest.kind === "webkit") return;
  const save = await tab.evaluate((cap) => window.saves.save(cap, { filename: "series" }), series);
  await expect.poll(() => stateIn(tab, save?.id), { timeout: 60_000 }).toBe("saved");
  expect(await hashOf(tab, "series.zip")).toBe(downloaded);
});

test("a file is shared whole, and from the next click where the first was too long ago", async ({ tab, demo }) => {
  const { cap } = await put(demo, "picture.jpg", 1 * MB);
  const moved = total(demo, "bytesSent");
  const shared = await tab.evaluate(async (cap) => {
    const shared: [string, string, number][] = [];
    let isLate = true;
    Object.assign(navigator, {
      canShare: ({ files }: { files: File[] }) => files.length === 1,
      share: async ({ files }: { files: File[] }) => {
        if (isLate) throw new DOMException("", "NotAllowedError");
        for (const { name, type, size } of files) shared.push([name, type, size]);
      },
    });
    const share = () => window.saves.save(cap, { filename: "picture.jpg", as: "share" });
    const late = await share().catch((error: DOMException) => error.name);
    isLate = false;
    return [late, (await share()) === undefined, shared];
  }, cap);
  expect(shared).toEqual(["NotAllowedError", true, [["picture.jpg", "image/jpeg", 1 * MB]]]);
  expect(total(demo, "bytesSent") - moved).toBeLessThan(1.2 * MB);
});

async function put(demo: DemoGrid, name: string, size: number): Promise<{ cap: string; hash: string }> {
  const path = join(folder, name);
  const hash = await makeFile(path, size);
  return { cap: await demo.put(path), hash };
}

function setBandwidth(demo: DemoGrid, bandwidth: number): void {
  for (const index of demo.grid.status().keys()) demo.grid.setDials(index, { bandwidth });
}

function setDown(demo: DemoGrid, down: boolean): void {
  for (const index of demo.grid.status().keys()) demo.grid.setDials(index, { down });
}

/** As that tab has it. */
async function saveIn(tab: Page, id: string | undefined) {
  return tab.evaluate(async (id) => (await window.saves.list()).find((save) => save.id === id), id);
}

async function writtenIn(tab: Page, id: string | undefined): Promise<number> {
  return (await saveIn(tab, id))?.written ?? 0;
}

async function stateIn(tab: Page, id: string | undefined): Promise<string | undefined> {
  return (await saveIn(tab, id))?.state;
}

async function reasonIn(tab: Page, id: string | undefined): Promise<string | undefined> {
  return (await saveIn(tab, id))?.reason?.code;
}

function hashOf(tab: Page, name: string): Promise<string> {
  return tab.evaluate(async (name) => {
    const file = await (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }, name);
}
