import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";

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
  const message = await tab.evaluate(async (cap) => {
    try {
      await (await window.grid.open(cap)).bytes({ length: 10 });
      return "it was read";
    } catch (error) {
      return String((error as Error).message);
    }
  }, demo.sample("gridfetch-sample.webm").cap);
  expect(message).toMatch(
    /^The Content-Security-Policy that the worker's script was served with forbids requests to http:\/\/127\.0\.0\.1:\d+.*: its connect-src must name them\. 0 of the 3 shares/,
  );
});
