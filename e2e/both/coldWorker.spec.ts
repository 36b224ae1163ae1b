import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { AppServer } from "../../src/node/demo/AppServer.ts";
import type { BrowserUnderTest } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
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
    await tab.goto(url);
    return textOf(tab);
  },
  async "a link"({ tab, url }) {
    await clickLink(tab, url);
    await expect.poll(() => tab.evaluate(() => location.href)).toBe(url);
    return textOf(tab);
  },
  async "a new window"({ tab, url }) {
    const opened = new Promise<Page>((resolve) => tab.once("popup", (page) => page && resolve(page)));
    await tab.evaluate((url) => void open(url), url);
    const other = await opened;
    await expect.poll(() => textOf(other)).not.toBe("");
    const text = await textOf(other);
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

for (const script of ["gridfetch-worker.js", "app-worker.js"]) {
  test(`the web server hears of no file while ${script} is being started for it`, async ({
    browserUnderTest: browser,
    tab,
    demo,
  }) => {
    test.setTimeout(240_000);
    const { cap } = demo.sample("letter.txt");
    const text = await readFile(letter, "utf8");
    const proxy = await RecordingProxy.start(demo.appUrl);
    const heard: string[] = [];
    try {
      for (const [form, addressOf] of Object.entries(forms)) {
        for (const [way, go] of Object.entries(ways)) {
          await openControlledTab(tab, proxy.url, `/${script}`);
          const filename = `${form}.txt`;
          const url = proxy.url + (await addressOf(tab, { cap, filename, download: way === "a link to a download" }));
          // Firefox ends it as well, but cannot be told when.
          if (browser.kind === "chromium") await browser.stopWorkers(tab);
          expect(await go({ browser, tab, url, filename }), `${form} by ${way}`).toBe(text);
          if (proxy.seen.some((each) => each.includes(new URL(url).pathname))) heard.push(`${form} by ${way}`);
          proxy.seen.length = 0;
        }
      }
      expect(heard).toEqual([]);
    } finally {
      await proxy.close();
    }
  });
}

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
    await browser.restart();
    await app.close();
    const silent = await replace(app.port);
    try {
      const again = await browser.newTab();
      await again.goto(app.url, { waitUntil: "domcontentloaded" });
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

function textOf(page: Page): Promise<string> {
  return page.evaluate(() => document.body?.textContent ?? "");
}

async function clickLink(tab: Page, href: string): Promise<void> {
  await tab.evaluate((href) => {
    const link = document.createElementNS("http://www.w3.org/1999/xhtml", "a") as HTMLAnchorElement;
    link.href = href;
    document.documentElement.append(link);
    link.click();
  }, href);
}
