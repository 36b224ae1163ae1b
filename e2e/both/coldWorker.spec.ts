import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { AppServer } from "../../src/node/demo/AppServer.ts";
import type { BrowserUnderTest } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { clickLink } from "../testing/clickLink.ts";
import { placeClientApp, serveClientApp } from "../testing/clientApp.ts";
import { makeHandle } from "../testing/handles.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { RecordingProxy } from "../testing/RecordingProxy.ts";

// While Chromium starts a worker for a navigation it asks the web server for the same address (ServiceWorkerAutoPreload), unless the
// worker has said that it shall not. The page shows the worker's answer either way, so nobody notices who else has got the cap.

const builtApp = fileURLToPath(new URL("../../dist/app", import.meta.url));
const letter = fileURLToPath(new URL("../../src/node/demo/samples/letter.txt", import.meta.url));

interface Wanted {
  readonly cap: string;
  readonly filename: string;
  /** To be saved, not shown. */
  readonly download: boolean;
}

/** A file's address. */
const forms: Readonly<Record<string, (tab: Page, wanted: Wanted) => Promise<string>>> = {
  uri: async (_, { cap, filename, download }) => `uri/${encodeURIComponent(cap)}?filename=${filename}&save=${download}`,
  file: async (_, { cap, filename, download }) =>
    `file/${encodeURIComponent(cap)}/@@named=/${filename}?save=${download}`,
  grid: async (tab, { cap, ...record }) => (await makeHandle(tab, cap, record)).slice(1),
};

/** How a person comes to it; gives the text that is then shown, or was saved. */
const ways: Readonly<Record<string, (visit: Visit) => Promise<string>>> = {
  async "the address bar"({ tab, url }) {
    // Firefox never says that what a sandboxed document loads is there.
    void tab.goto(url).catch(() => undefined);
    return textAt(tab, url);
  },
  async "a link"({ tab, url }) {
    await clickLink(tab, url);
    return textAt(tab, url);
  },
  async "a new window"({ tab, url }) {
    const opened = new Promise<Page>((resolve) => tab.once("popup", (page) => page && resolve(page)));
    await tab.evaluate((url) => void open(url), url);
    const other = await opened;
    const text = await textAt(other, url);
    await other.close();
    return text;
  },
  async "a link to a download"({ tab, browser, url, filename }) {
    await clickLink(tab, url);
    return readFile(await browser.downloaded(filename), "utf8");
  },
};

interface Visit {
  readonly browser: BrowserUnderTest;
  /** Shows a page that the worker controls. */
  readonly tab: Page;
  readonly url: string;
  readonly filename: string;
}

for (const script of ["gridfetch-worker.js?tahoe-forms", "app-worker.js"]) {
  test(`the web server hears of no file while ${script} is being started for it`, async ({
    browserUnderTest: browser,
    tab: first,
    demo,
  }) => {
    test.setTimeout(240_000);
    // WebKit's session would end with its last tab.
    await first.goto("about:blank");
    const { cap } = demo.sample("letter.txt");
    const text = await readFile(letter, "utf8");
    const proxy = await RecordingProxy.start(demo.appUrl);
    const heard: string[] = [];
    try {
      for (const [form, addressOf] of Object.entries(forms)) {
        for (const [way, go] of Object.entries(ways)) {
          // WebKit's driver gives no hold of a window that a page opens.
          if (browser.kind === "webkit" && way === "a new window") continue;
          // A new one, since Firefox does not go on from a page that it never took for loaded.
          const tab = await browser.newTab();
          await openControlledTab(tab, proxy.url, `/${script}`);
          const filename = `${form}.txt`;
          const url = proxy.url + (await addressOf(tab, { cap, filename, download: way === "a link to a download" }));
          // Firefox ends it as well, but cannot be told when.
          if (browser.kind === "chromium") await browser.stopWorkers(tab);
          expect(await go({ browser, tab, url, filename }), `${form} by ${way}`).toBe(text);
          if (proxy.seen.some((each) => each.includes(new URL(url).pathname))) heard.push(`${form} by ${way}`);
          proxy.seen.length = 0;
          await tab.close();
        }
      }
      expect(heard).toEqual([]);
    } finally {
      await proxy.close();
    }
  });
}

test("navigation preload, which an earlier worker of the scope has turned on, is turned off", async ({ tab, demo }) => {
  const folder = join(demo.folder, "preload");
  await placeClientApp(folder);
  const preloading = `addEventListener("activate", (event) => event.waitUntil(registration.navigationPreload.enable()));
addEventListener("fetch", () => undefined);`;
  await writeFile(join(folder, "earlier.js"), preloading);
  const app = await serveClientApp(demo, folder);
  const proxy = await RecordingProxy.start(app.url);
  try {
    await tab.goto(`${proxy.url}none`);
    const states = await tab.evaluate(async () => {
      const earlier = await navigator.serviceWorker.register("/earlier.js");
      const states: unknown[] = [];
      const look = async () => states.push((await earlier.navigationPreload.getState()).enabled);
      const until = async (isSo: () => boolean) => {
        while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await until(() => earlier.active?.state === "activated");
      await look();
      await navigator.serviceWorker.register("/gridfetch-worker.js");
      // Nothing is controlled by the earlier one, so it gives way at once.
      await until(() => earlier.active?.state === "activated" && earlier.active.scriptURL.includes("gridfetch"));
      await look();
      return states;
    });
    expect(states).toEqual([true, false]);
    await openControlledTab(tab, proxy.url, "/gridfetch-worker.js");
    const path = await makeHandle(tab, demo.sample("letter.txt").cap, { filename: "letter.txt" });
    void tab.goto(new URL(path, proxy.url).href).catch(() => undefined);
    expect(await textAt(tab, new URL(path, proxy.url).href)).toContain("Hello from the grid");
    expect(proxy.seen.filter((each) => each.includes(path))).toEqual([]);
  } finally {
    await proxy.close();
    await app.close();
  }
});

for (const [how, replace] of [
  ["refuses connections", async () => undefined],
  ["never answers", listenInSilence],
] as const) {
  test(`the app opens in a browser that was just started where its web server ${how}`, async ({
    browserUnderTest: browser,
    tab,
  }) => {
    const app = await AppServer.start({ folder: builtApp, port: 0, documents: {} });
    await tab.goto(app.url);
    await tab.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === "activated");
    const { port } = app;
    await browser.restart();
    await app.close();
    const silent = await replace(port);
    try {
      const again = await browser.newTab();
      await again.goto(`http://127.0.0.1:${port}/`, { waitUntil: "domcontentloaded" });
      await again.waitForSelector("input[name=cap]");
    } finally {
      silent?.close();
    }
  });
}

async function listenInSilence(port: number): Promise<{ close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on("error", () => undefined)));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What the page shows, once it is there and at this address. */
async function textAt(page: Page, url: string): Promise<string> {
  let text = "";
  await expect
    .poll(async () => {
      // A page that is being left has no answer.
      const [at, shown] = await page.evaluate(() => [location.href, document.body?.textContent]).catch(() => []);
      text = shown ?? "";
      return at === url && text !== "";
    })
    .toBe(true);
  return text;
}
