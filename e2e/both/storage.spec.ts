import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { build, type Rolldown } from "vite";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import type { BrowserUnderTest } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { faultsOfCache } from "../testing/cacheDatabase.ts";
import { pause, SHORT_LIVES } from "../testing/chance.ts";
import { type ClientWindow, openClientTab, placeClientApp, serveClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { placeKnown } from "../testing/placeKnown.ts";
import { readAndCompare } from "../testing/readAndCompare.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & StorageTools & typeof globalThis;

const MB = 1_000_000;
const MiB = 1024 * 1024;
/** What may be in `segments`, counted with 256 bytes for each entry. */
const SEGMENTS_MOST = 256 * MiB;
const DATABASES = ["gridfetch-cache", "gridfetch-handles", "gridfetch-grids"];
const checkout = fileURLToPath(new URL("../../", import.meta.url));

let folder: string;
let app: AppServer;
let known: { key: number[]; cap: string };
test.beforeAll(async ({ demo }) => {
  folder = join(demo.folder, "storage-app");
  known = await placeKnown(demo, 20 * MB, 41);
});
test.beforeEach(async ({ demo }) => {
  await placeClientApp(folder);
  app = await serveClientApp(demo, folder);
});
test.afterEach(() => app.close());
test.use({ choices: SHORT_LIVES });

test("what a page has put in the place of all that is kept is never served, and mended", async ({
  browserUnderTest,
  tab,
}) => {
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
  await remembered(tab);
  await installTools(tab);
  await tab.evaluate(async (names) => {
    const spoil = (value: unknown): unknown => {
      if (value instanceof Uint8Array) return value.map((byte) => byte ^ 0xa5);
      if (value instanceof ArrayBuffer) return new Uint8Array(value).map((byte) => byte ^ 0xa5).buffer;
      if (typeof value === "number") return -value - 1;
      if (value === null || typeof value !== "object" || value instanceof CryptoKey) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, spoil(inner)]));
    };
    for (const name of names) {
      const database = await window.done(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const objects = database.transaction(store, "readwrite").objectStore(store);
        const [keys, values] = await Promise.all([window.done(objects.getAllKeys()), window.done(objects.getAll())]);
        for (const [i, value] of values.entries()) {
          await window.done(objects.put(spoil(value), ...(objects.keyPath === null ? [keys[i] as IDBValidKey] : [])));
        }
      }
      database.close();
    }
  }, DATABASES);
  expect(await faultsOfCache(tab)).not.toEqual([]);
  // Where not even the UEB is right, the first segments come from the grid while the store is looked at: that takes a second life,
  // and more where one ends before it has written what it mended.
  const liveAndLook = async () => {
    await newLife(browserUnderTest, tab);
    await readRight(tab, 3 * MB);
    await pause(1_000);
    // Pages of shares that were not needed this time have not been looked at.
    return (await faultsOfCache(tab)).filter((fault) => !fault.includes("/page/"));
  };
  await expect.poll(liveAndLook, { timeout: 60_000 }).toEqual([]);
});

test("the least recently used leaves a full store, and no more than it may have is in it", async ({
  browserUnderTest,
  tab,
}) => {
  test.skip(browserUnderTest.kind === "webkit", "slow, and gridfetch's own affair");
  await openClientTab(tab, app);
  await readRight(tab, MB);
  await remembered(tab);
  await installTools(tab);
  await tab.evaluate(async (most) => {
    const database = await window.done(indexedDB.open("gridfetch-cache"));
    for (let i = 0; i < most / 2 ** 22; i++) {
      const transaction = database.transaction(["segments", "segmentUses"], "readwrite", { durability: "relaxed" });
      const key = `old/segment/${String(i).padStart(2, "0")}`;
      await window.done(transaction.objectStore("segments").put(new Uint8Array(2 ** 22 - 256), key));
      await window.done(transaction.objectStore("segmentUses").put({ size: 2 ** 22, at: 1_000_000 + i }, key));
    }
    database.close();
  }, SEGMENTS_MOST);
  await newLife(browserUnderTest, tab);
  await readRight(tab, 8 * MB);
  const left = () =>
    tab.evaluate(async () => {
      const database = await window.done(indexedDB.open("gridfetch-cache"));
      const uses = database.transaction("segmentUses").objectStore("segmentUses");
      const [keys, values] = await Promise.all([window.done(uses.getAllKeys()), window.done(uses.getAll())]);
      database.close();
      return { keys: keys.map(String), bytes: values.reduce((sum, { size }) => sum + size, 0) };
    });
  await expect.poll(async () => (await left()).keys).not.toContain("old/segment/00");
  const { keys, bytes } = await left();
  expect(keys).toContain("old/segment/63");
  expect(keys.some((key) => !key.startsWith("old/"))).toBe(true);
  expect(bytes).toBeLessThanOrEqual(SEGMENTS_MOST);
  expect(await faultsOfCache(tab)).toEqual([]);
});

test("databases deleted under a running worker are missed by no read, and made again", async ({
  browserUnderTest,
  tab,
}) => {
  await openClientTab(tab, app);
  await installTools(tab);
  const reading = (async () => {
    for (let i = 0; i < 5; i++) await readRight(tab, 6 * MB);
  })();
  for (let i = 0; i < 3; i++) {
    await pause(400);
    await tab.evaluate(
      (names) => Promise.all(names.map((name) => window.done(indexedDB.deleteDatabase(name)))),
      DATABASES,
    );
  }
  await reading;
  await newLife(browserUnderTest, tab);
  await readRight(tab, 6 * MB);
  await expect.poll(() => faultsOfCache(tab)).toEqual([]);
});

test("a worker that upgrades the databases keeps what is in them, and an older one reads without", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  await openClientTab(tab, app);
  const url = await tab.evaluate((cap) => window.grid.url(cap), known.cap);
  await readRight(tab, 3 * MB);
  await remembered(tab);

  await leave(tab);
  await publish(demo, await buildNextWorker());
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
  await expect.poll(() => versions(tab), { timeout: 30_000 }).toEqual([2, 2, 2]);

  // What the older version wrote serves the newer one.
  await newLife(browserUnderTest, tab);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { down: true });
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
  expect(await tab.evaluate((cap) => window.grid.url(cap), known.cap)).toBe(url);
  demo.grid.reset();

  // Back to the older one, which cannot open them.
  await leave(tab);
  await publish(demo, await readFile(join(checkout, "dist/app/gridfetch-worker.js"), "utf8"));
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
  expect(await versions(tab)).toEqual([2, 2, 2]);
});

test("a worker that upgrades the databases waits for no tab that holds them", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.skip(
    browserUnderTest.kind === "firefox",
    "lives that are short enough for a test end before a database that is held is given up",
  );
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
  await remembered(tab);
  await leave(tab);
  await publish(demo, await buildNextWorker());
  const other = await browserUnderTest.newTab();
  await openQuietTab(other, app);
  await installTools(other);
  await other.evaluate(async (names) => {
    const held = await Promise.all(names.map((name) => window.done(indexedDB.open(name))));
    Object.assign(window, { held });
  }, DATABASES);
  await tab.bringToFront();
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
  await other.close();
  await expect.poll(() => versions(tab), { timeout: 30_000 }).toEqual([2, 2, 2]);
});

test("databases of the same names that are somebody else's stop no read", async ({ tab }) => {
  await openQuietTab(tab, app);
  await tab.evaluate(async (names) => {
    for (const name of names) {
      await new Promise<void>((resolve, reject) => {
        const request = indexedDB.open(name, 1);
        request.onupgradeneeded = () => request.result.createObjectStore("other");
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          request.result.close();
          resolve();
        };
      });
    }
  }, DATABASES);
  await openClientTab(tab, app);
  await readRight(tab, 3 * MB);
});

test.describe("with next to no room on disk", () => {
  test("reads go on, and remember again once there is room", async ({ browserUnderTest, tab }) => {
    test.skip(
      browserUnderTest.kind !== "chromium",
      "Chromium alone can be told how much room an origin has while it runs",
    );
    await openQuietTab(tab, app);
    await installTools(tab);
    const { origin } = new URL(app.url);
    const session = await tab.createCDPSession();
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 4 * MB });
    const refusal = await tab.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open("filling", 1);
        request.onupgradeneeded = () => request.result.createObjectStore("bytes", { autoIncrement: true });
        request.onsuccess = () => resolve(request.result);
      });
      try {
        for (let size = 1_000_000; size > 1_000; ) {
          const transaction = database.transaction("bytes", "readwrite");
          const ended = new Promise<string>((resolve) => {
            transaction.oncomplete = () => resolve("complete");
            transaction.onabort = () => resolve(transaction.error?.name ?? "aborted");
          });
          transaction.objectStore("bytes").add(crypto.getRandomValues(new Uint8Array(60_000)));
          for (let rest = size - 60_000; rest > 0; rest -= 60_000) {
            transaction.objectStore("bytes").add(crypto.getRandomValues(new Uint8Array(60_000)));
          }
          const how = await ended;
          if (how === "complete") continue;
          if (how !== "QuotaExceededError") return how;
          size /= 4;
        }
      } finally {
        database.close();
      }
      return "full";
    });
    expect(refusal).toBe("full");
    await openClientTab(tab, app);
    await readRight(tab, 6 * MB);
    await newLife(browserUnderTest, tab);
    await readRight(tab, 6 * MB);

    await installTools(tab);
    await tab.evaluate(() => window.done(indexedDB.deleteDatabase("filling")));
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    await newLife(browserUnderTest, tab);
    await readRight(tab, 6 * MB);
    await remembered(tab);
  });
});

for (const [how, getter] of [
  ["that is not there", "undefined"],
  ["that may not be used", '(() => { throw new DOMException("The operation is insecure.", "SecurityError"); })()'],
] as const) {
  test(`a worker and a page read without an IndexedDB ${how}`, async ({ tab, demo }) => {
    const without = `Object.defineProperty(self, "indexedDB", { get: () => ${getter} });`;
    await publish(demo, `${without}\n${await readFile(join(folder, "gridfetch-worker.js"), "utf8")}`);
    await openClientTab(tab, app);
    await readRight(tab, 3 * MB);
    expect(await tab.evaluate(async () => window.grid.configure({ secrets: {} }))).toBe(false);
    expect(await tab.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
  });
}

test.describe("in a private window", () => {
  test.use({
    choices: {
      chromiumArguments: ["--incognito"],
      firefoxPreferences: { ...SHORT_LIVES.firefoxPreferences, "browser.privatebrowsing.autostart": true },
    },
  });
  test("a file is read, in worker after worker", async ({ browserUnderTest, tab }) => {
    await openClientTab(tab, app);
    await readRight(tab, 3 * MB);
    await newLife(browserUnderTest, tab);
    await readRight(tab, 3 * MB);
  });
});

interface StorageTools {
  /** The result of a request of IndexedDB. */
  done<T>(request: IDBRequest<T>): Promise<T>;
}

async function installTools(tab: Page): Promise<void> {
  await tab.evaluate(() => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    Object.assign(window, { done });
  });
}

/** A page of the app's origin in which nothing runs. */
async function openQuietTab(tab: Page, { url }: AppServer): Promise<void> {
  await tab.goto(new URL("quiet", url).href);
}

async function readRight(tab: Page, length: number): Promise<void> {
  expect(await tab.evaluate(readAndCompare, known.key, known.cap, [[0, length]] as [number, number][])).toEqual([]);
}

/** Waits until all kinds of facts and segments were written. */
async function remembered(tab: Page): Promise<void> {
  await expect.poll(() => faultsOfCache(tab)).toEqual([]);
  // The share map follows a moment later.
  await pause(1_000);
}

/** What is read next is read by a worker that has just started. */
async function newLife(browserUnderTest: BrowserUnderTest, tab: Page): Promise<void> {
  if (browserUnderTest.kind === "chromium") await browserUnderTest.stopWorkers(tab);
  else if (browserUnderTest.kind === "firefox") await pause(3_000);
  else {
    // WebKit ends none by itself while a page is there.
    await leave(tab);
    await openClientTab(tab, app);
    await installTools(tab);
  }
}

/** Takes the worker away, so that the next visit fetches what is published then. */
async function leave(tab: Page): Promise<void> {
  await tab.evaluate(async () => {
    for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
  });
  await tab.goto("about:blank");
}

/** Another worker in place of the app's. */
async function publish(demo: DemoGrid, code: string): Promise<void> {
  const port = Number(new URL(app.url).port);
  await writeFile(join(folder, "gridfetch-worker.js"), code);
  // The web server knows its files from its start on.
  await app.close();
  app = await serveClientApp(demo, folder, port);
}

/** The worker of a release whose databases are all one version further. */
async function buildNextWorker(): Promise<string> {
  const built = await build({
    root: checkout,
    configFile: false,
    logLevel: "warn",
    build: {
      write: false,
      rolldownOptions: { input: join(checkout, "src/worker/serviceWorker.ts"), output: { format: "iife" } },
    },
    plugins: [
      {
        name: "next-version",
        transform(code, id) {
          if (!id.endsWith("/openDatabase.ts")) return undefined;
          const plan = "const { name, migrations } = this.#plan;";
          if (!code.includes(plan)) throw new Error("openDatabase.ts has changed: say here how a version is added");
          return code.replace(
            plan,
            "const { name } = this.#plan; const migrations = [...this.#plan.migrations, (database) => void database.createObjectStore('later')];",
          );
        },
      },
    ],
  });
  const [{ output }] = [built].flat() as [Rolldown.RolldownOutput];
  return output[0].code;
}

function versions(tab: Page): Promise<(number | undefined)[]> {
  return tab.evaluate(async (names) => {
    const databases = await indexedDB.databases();
    return names.map((each) => databases.find(({ name }) => name === each)?.version);
  }, DATABASES);
}
