import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Page } from "puppeteer-core";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import {
  type ClientWindow,
  openClientTab,
  placeClientApp,
  serveClientApp,
  startClientApp,
} from "../testing/clientApp.ts";

declare const window: ClientWindow & typeof globalThis;

let app: AppServer;
let front: Server;
let url: string;

// The app behind a web server that sends a Content-Security-Policy with the worker's script.
test.beforeAll(async ({ demo }) => {
  app = await startClientApp(demo, join(demo.folder, "messages-app"));
  front = createServer(async (request, response) => {
    const answer = await fetch(new URL(request.url ?? "/", app.url));
    response.setHeader("Content-Type", answer.headers.get("Content-Type") ?? "text/plain");
    if (request.url?.startsWith("/gridfetch-worker.js"))
      response.setHeader(
        "Content-Security-Policy",
        "default-src 'self'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
      );
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    await buffer(request);
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  url = `http://127.0.0.1:${(front.address() as AddressInfo).port}/`;
});
test.afterAll(async () => {
  front.closeAllConnections();
  front.close();
  await app.close();
});

test("READ-7 a policy of the worker's script that forbids all servers is named, with the servers", async ({
  kind,
  tab,
  demo,
}) => {
  test.skip(kind === "webkit", "WebKit tells a worker nothing of a request that its policy forbids");
  await openClientTab(tab, { url });
  expect(await read(tab, demo.sample("gridfetch-sample.webm").cap)).toMatch(
    /^The Content-Security-Policy that the worker's script was served with forbids requests to http:\/\/127\.0\.0\.1:\d+.*: its connect-src must name them\. 0 of the 3 shares/,
  );
});

test("READ-6 without a network an error says so in one line, and with one it is read", async ({ kind, tab, demo }) => {
  test.skip(kind !== "chromium", "in no other browser can a test take the network from a worker");
  await openClientTab(tab, app);
  const { cap } = demo.sample("gridfetch-sample.webm");
  // It does not keep the worker from loopback, but both say then that they have no network.
  await tab.setOfflineMode(true);
  for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
  expect(await read(tab, cap)).toBe(
    "You are offline, and the grid cannot be reached. What is kept offline can be read.",
  );
  await tab.setOfflineMode(false);
  demo.grid.reset();
  await expect.poll(() => read(tab, cap)).toBe("it was read");
});

test("CON-15 a first visit without a network is told so", async ({ kind, tab, demo }) => {
  test.skip(kind === "webkit", "its driver cannot take the network from a page");
  const folder = join(demo.folder, "offline-app");
  await placeClientApp(folder);
  await writeFile(
    join(folder, "index.html"),
    '<!doctype html><script type="module">import * as client from "/lib/client/index.js"; window.client = client;</script>',
  );
  const gone = await serveClientApp(demo, folder);
  await tab.goto(gone.url);
  await tab.waitForFunction(() => "client" in window, { polling: 100 });
  await gone.close();
  await tab.setOfflineMode(true);
  const message = await tab.evaluate(() =>
    window.client.connect().then(
      () => "connected",
      (error: Error) => error.message,
    ),
  );
  expect(message).toContain("there is no network, and it is not installed yet. Visit the page once with a network.");
});

/** Reads a little of a file, or gives the message of what stands in the way. */
function read(tab: Page, cap: string): Promise<string> {
  return tab.evaluate(async (cap) => {
    try {
      await (await window.grid.open(cap)).bytes({ length: 10 });
      return "it was read";
    } catch (error) {
      return (error as Error).message;
    }
  }, cap);
}
