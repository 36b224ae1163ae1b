import { readFileSync } from "node:fs";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import type * as Client from "../../src/client/index.ts";
import { AppServer } from "../../src/node/demo/AppServer.ts";
import type { DemoGrid } from "./demoGrid.ts";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

/** What `openClientTab` leaves in the page. */
export interface ClientWindow {
  readonly client: typeof Client;
  readonly grid: Client.Grid;
}

/** An app that does nothing by itself: the built client, the worker, the demo grid's configuration. */
export async function startClientApp(demo: DemoGrid, folder: string): Promise<AppServer> {
  await placeClientApp(folder);
  return serveClientApp(demo, folder);
}

/** Puts its files into a folder. */
export async function placeClientApp(folder: string): Promise<void> {
  await cp(join(dist, "lib"), join(folder, "lib"), { recursive: true });
  for (const name of [
    "gridfetch-worker.js",
    "gridfetch-relay.js",
    "gridfetch-check.js",
    "gridfetch-keep.js",
    "gridfetch-zip.js",
    "gridfetch-tls.wasm",
  ]) {
    await cp(join(dist, "app", name), join(folder, name));
  }
  const script =
    'import * as client from "/lib/client/index.js"; Object.assign(window, { client, grid: await client.connect() });';
  await writeFile(join(folder, "index.html"), `<!doctype html><script type="module">${script}</script>`);
}

/** Serves what `startClientApp` has made, and what a test has changed in it. */
export function serveClientApp(demo: DemoGrid, folder: string, port = 0): Promise<AppServer> {
  const config: unknown = JSON.parse(readFileSync(demo.grid.configFile, "utf8"));
  return AppServer.start({ folder, port, documents: { "/grid.json": config } });
}

/** Opens its page and waits until `window.grid` is there. */
export async function openClientTab(tab: Page, app: { readonly url: string }): Promise<void> {
  await tab.goto(app.url);
  // Not by its frames: a tab in the background has none.
  await tab.waitForFunction(() => "grid" in window, { polling: 100 });
}
