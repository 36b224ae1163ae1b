import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import type { GridConfig, ServerConfig } from "../src/base/gridConfig.ts";
import { type Payload, PROTOCOL } from "../src/channel/messages.ts";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { expect, test } from "./testing/demoGrid.ts";
import { fetchInPage } from "./testing/inPage.ts";

const builtApp = fileURLToPath(new URL("../dist/app", import.meta.url));
/** Nothing listens there. */
const GONE = { url: "http://127.0.0.1:9/" };

test.describe("the grid's configuration", () => {
  let app: AppServer;
  let servers: readonly ServerConfig[];
  let documents: Record<string, unknown>;
  const elsewhere = () => servers.map((server) => ({ ...server, addresses: [GONE] }));

  test.beforeEach(async ({ demo }) => {
    const config: GridConfig = JSON.parse(await readFile(demo.grid.configFile, "utf8"));
    servers = config.servers;
    documents = {};
    app = await AppServer.start({ folder: builtApp, port: 0, documents });
  });
  test.afterEach(() => app.close());

  test("that changes takes effect without a reload", async ({ page, demo }) => {
    const { cap, size } = demo.sample("hills.jpg");
    documents["/grid.json"] = { servers: elsewhere() };
    await openQuietly(page);
    expect((await fetchInPage(page, urlOf(cap))).status).toBe(410);
    documents["/grid.json"] = { servers };
    await expect.poll(async () => (await fetchInPage(page, urlOf(cap))).status).toBe(200);
    expect((await fetchInPage(page, urlOf(cap))).length).toBe(size);
  });

  test("that lists a dead address first is read by the second", async ({ page, demo }) => {
    const { cap, size } = demo.sample("hills.jpg");
    documents["/grid.json"] = {
      servers: servers.map((server) => ({ ...server, addresses: [GONE, ...server.addresses] })),
    };
    await openQuietly(page);
    expect(await fetchInPage(page, urlOf(cap))).toMatchObject({ status: 200, length: size });
  });

  test("may have several grids, of which a URL names one", async ({ page, demo }) => {
    const { cap, size } = demo.sample("hills.jpg");
    documents["/grid.json"] = {
      grids: [
        { name: "away", servers: elsewhere() },
        { name: "at home", servers },
      ],
    };
    await openQuietly(page);
    expect((await fetchInPage(page, urlOf(cap))).status).toBe(410);
    expect(await fetchInPage(page, `${urlOf(cap)}?grid=at%20home`)).toMatchObject({ status: 200, length: size });
    const unknown = await fetchInPage(page, `${urlOf(cap)}?grid=nowhere`);
    expect(unknown).toMatchObject({ status: 400, text: expect.stringContaining("only away, at home") });
  });

  test("and secrets that a page passes outlive the worker, and give way to the served one again", async ({
    page,
    demo,
  }) => {
    const { cap, size } = demo.sample("hills.jpg");
    await openQuietly(page);
    expect((await fetchInPage(page, urlOf(cap))).status).toBe(503);
    expect(await configure(page, { config: { servers }, secrets: { [servers[0]!.id]: "open-sesame" } })).toEqual({
      isKept: true,
    });
    expect(await fetchInPage(page, urlOf(cap))).toMatchObject({ status: 200, length: size });
    await killWorker(page);
    expect(await fetchInPage(page, urlOf(cap))).toMatchObject({ status: 200, length: size });
    const stored = await page.evaluate(dumpDatabase);
    expect(stored.length).toBeGreaterThan(100);
    expect(stored).not.toMatch(/sesame|127\.0\.0\.1/);
    await configure(page, { config: null });
    await killWorker(page);
    expect((await fetchInPage(page, `${urlOf(cap)}?filename=again`)).status).toBe(503);
  });

  /** A page of the app's origin that reads nothing by itself. */
  async function openQuietly(page: Page): Promise<void> {
    await page.goto(`${app.url}icon.svg`);
    await page.evaluate(async () => {
      await navigator.serviceWorker.register("/gridfetch-worker.js?tahoe-forms");
    });
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  }
});

const urlOf = (cap: string) => `/uri/${encodeURIComponent(cap)}`;

/** As the client library asks; the app has no use for it yet. */
function configure(page: Page, payload: Payload<"configure">): Promise<unknown> {
  return page.evaluate(
    ([protocol, content]) =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data.answer ?? data);
        const message = { gridfetch: protocol, kind: "configure", payload: content };
        navigator.serviceWorker.controller?.postMessage(message, [port2]);
      }),
    [PROTOCOL, payload] as const,
  );
}

async function killWorker(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  await session.detach();
}

/** All that the worker's database of grids holds, with byte strings as text. For `evaluate`. */
async function dumpDatabase(): Promise<string> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open("gridfetch-grids");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const records = await new Promise<unknown[]>((resolve, reject) => {
    const all = database.transaction("documents").objectStore("documents").getAll();
    all.onsuccess = () => resolve(all.result);
    all.onerror = () => reject(all.error);
  });
  database.close();
  const textOf = (_: string, value: unknown) =>
    value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? new TextDecoder("latin1").decode(value) : value;
  return JSON.stringify(records, textOf);
}
