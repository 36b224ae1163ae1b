import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { build, type Rolldown } from "vite";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, serveClientApp, startClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { makeFile } from "../testing/makeFile.ts";
import { addPlayer, playFor, seekPlayer, shownTenth } from "../testing/player.ts";
import { putFatFilm } from "../testing/putFatFilm.ts";

declare const window: ClientWindow & typeof globalThis;

const SIZE = 40_000_000;
/** More than any player buffers. */
const FILM_SIZE = 150_000_000;
const checkout = fileURLToPath(new URL("../../", import.meta.url));

let app: AppServer;
test.afterEach(() => app.close());

test("a new worker waits while the old one streams, and takes over without a reload", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const folder = join(demo.folder, `update-${browserUnderTest.kind}`);
  app = await startClientApp(demo, folder);
  const path = join(demo.folder, "long.bin");
  const hash = await makeFile(path, SIZE);
  const cap = await demo.put(path);
  await openClientTab(tab, app);
  const film = await tab.evaluate(
    (cap) => window.grid.url(cap, { filename: "film.webm" }),
    demo.sample("gridfetch-sample.webm").cap,
  );
  await addPlayer(tab, "film", "video", film);
  await seekPlayer(tab, "film", 10.05);
  for (const server of demo.grid.status().keys()) demo.grid.setDials(server, { bandwidth: 500_000 });
  const reading = startReading(tab, cap);

  app = await publishNextWorker(app, demo, folder);
  await updateWorker(tab);
  // Longer than it takes the page to look twice whether the worker has come to rest.
  await playFor(tab, "film", 12);
  expect(await tab.evaluate("isFirst()")).toBe(true);
  expect(await tab.evaluate("navigator.serviceWorker.controller.state")).toBe("activated");

  demo.grid.reset();
  expect(await reading).toBe(hash);
  await expect.poll(() => tab.evaluate("isFirst()"), { timeout: 40_000 }).toBe(false);
  expect(await whichWorker(tab)).toBe("the next one");
  expect(await tab.evaluate("wasNeverReloaded")).toBe(true);

  // The old page goes on with the new worker, and so does a new page.
  await seekPlayer(tab, "film", 250.05);
  expect(await shownTenth(tab, "film")).toBe(2500);
  const other = await browserUnderTest.newTab();
  await openClientTab(other, app);
  for (const page of [tab, other]) {
    const size = await page.evaluate(async (cap) => (await window.grid.open(cap)).size, cap);
    expect(size).toBe(SIZE);
  }
});

test("a film that is paused for long neither keeps a new worker out, nor is cut by it", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  test.setTimeout(240_000);
  const folder = join(demo.folder, `paused-${browserUnderTest.kind}`);
  app = await startClientApp(demo, folder);
  const cap = await putFatFilm(demo, FILM_SIZE);
  await openClientTab(tab, app);
  const film = await tab.evaluate((cap) => window.grid.url(cap, { filename: "film.mp4" }), cap);
  await addPlayer(tab, "film", "video", film);
  await seekPlayer(tab, "film", 10.05);
  app = await publishNextWorker(app, demo, folder);
  await updateWorker(tab);
  await expect.poll(() => tab.evaluate("isFirst()"), { timeout: 120_000 }).toBe(false);
  expect(await whichWorker(tab)).toBe("the next one");
  await playFor(tab, "film", 5);
  await seekPlayer(tab, "film", 250.05);
  expect(await shownTenth(tab, "film")).toBe(2500);
});

/** Has the browser look for a new worker, and waits until one is there. It may have taken over already, where nothing keeps it out. */
function updateWorker(tab: Page): Promise<void> {
  return tab.evaluate(async () => {
    const first = navigator.serviceWorker.controller;
    const isFirst = (): boolean => navigator.serviceWorker.controller === first;
    Object.assign(window, { wasNeverReloaded: true, isFirst });
    const registration = await navigator.serviceWorker.getRegistration();
    await registration?.update();
    while (!registration?.waiting && isFirst()) await new Promise((resolve) => setTimeout(resolve, 50));
  });
}

/** Another build of the worker, of a later version of the protocol, in place of the first. */
async function publishNextWorker(app: AppServer, demo: DemoGrid, folder: string): Promise<AppServer> {
  const port = Number(new URL(app.url).port);
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
          if (id.endsWith("/messages.ts"))
            return code.replace(/newest: (\d+)/, (_, newest) => `newest: ${Number(newest) + 1}`);
          if (id.endsWith("/serviceWorker.ts")) return `${code}\n${ANSWERS_WHICH}`;
          return undefined;
        },
      },
    ],
  });
  const [{ output }] = [built].flat() as [Rolldown.RolldownOutput];
  await writeFile(join(folder, "gridfetch-worker.js"), output[0].code);
  // The web server knows its files from its start on.
  await app.close();
  return serveClientApp(demo, folder, port);
}

const ANSWERS_WHICH = `
self.addEventListener("message", ({ data, ports }) => {
  if (data === "which") ports[0].postMessage("the next one");
});`;

function whichWorker(tab: Page): Promise<string> {
  return tab.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        navigator.serviceWorker.controller?.postMessage("which", [port2]);
      }),
  );
}

/** Reads a file to its end by one plain request. */
function startReading(tab: Page, cap: string): Promise<string> {
  return tab.evaluate(async (cap) => {
    const response = await fetch(window.grid.url(cap));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }, cap);
}
