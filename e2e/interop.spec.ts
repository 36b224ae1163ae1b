import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import type { ServerConfig } from "../src/base/gridConfig.ts";
import { goldenPlaintext } from "../src/formats/testing/golden.ts";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { CorsProxy } from "../src/node/testing/CorsProxy.ts";
import { TahoeGrid, type TahoeServer, tahoeBin } from "../src/node/testing/TahoeGrid.ts";
import { parseNurl } from "../src/servers/parseNurl.ts";
import { readTimeCode } from "./readTimeCode.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

test.describe("files that Tahoe-LAFS stored on its own servers, in the browser", () => {
  test.skip(tahoeBin === undefined, "GRIDFETCH_TAHOE does not say where a real Tahoe-LAFS is");

  const plaintext = goldenPlaintext("browser", 3_000_000);
  const video = readFileSync(at("../src/node/demo/samples/gridfetch-sample.webm"));
  let grid: TahoeGrid;
  let proxy: CorsProxy;
  let app: AppServer;
  let caps: { file: string; video: string };

  test.beforeAll(async () => {
    grid = await TahoeGrid.start(tahoeBin!, 5);
    const client = await grid.startClient({ needed: 3, total: 10 });
    caps = { file: await client.put(plaintext), video: await client.put(video) };
    await client.stop();
    const documents: Record<string, unknown> = {};
    app = await AppServer.start({ folder: at("../dist/app"), port: 0, documents });
    proxy = await CorsProxy.start(
      grid.servers.map(({ nurl }) => nurl),
      new URL(app.url).origin,
    );
    documents["/grid.json"] = { servers: grid.servers.map((server) => entryOf(server, proxy)) };
  });

  test.afterAll(async () => {
    await app?.close();
    await proxy?.close();
    await grid?.stop();
  });

  test("are read whole and in ranges, through a proxy that adds CORS", async ({ page }) => {
    await open(page, app);
    expect(await fetchHash(page, caps.file)).toEqual({ status: 200, length: 3_000_000, hash: hashOf(plaintext) });
    const ranged = await fetchHash(page, caps.file, "bytes=1048570-2097160");
    expect(ranged).toEqual({ status: 206, length: 1_048_591, hash: hashOf(plaintext.subarray(1_048_570, 2_097_161)) });
  });

  test("play and show the right picture after a seek", async ({ page }) => {
    await open(page, app);
    await page.locator("input[name=cap]").fill(caps.video);
    await page.locator("input[name=name]").fill("sample.webm");
    await page.locator("#open").getByRole("button", { name: "Open" }).click();
    const player = page.locator("video");
    await player.evaluate((element: HTMLVideoElement) => element.play());
    await expect.poll(() => player.evaluate((element: HTMLVideoElement) => element.currentTime)).toBeGreaterThan(0.5);
    for (const tenths of [2871, 13, 1504]) {
      await player.evaluate(seek, tenths / 10 + 0.05);
      expect(await player.evaluate(readTimeCode)).toBe(tenths);
    }
  });

  test("are read while two of the five servers are gone", async ({ page }) => {
    // Ten shares on five servers: any three servers have six of them, and three are needed.
    await Promise.all(grid.servers.slice(0, 2).map((server) => server.stop()));
    await open(page, app);
    expect(await fetchHash(page, caps.file)).toEqual({ status: 200, length: 3_000_000, hash: hashOf(plaintext) });
  });
});

function entryOf(server: TahoeServer, proxy: CorsProxy): ServerConfig {
  return {
    id: server.id,
    nickname: server.nickname,
    "permutation-seed-base32": server.permutationSeed,
    addresses: [{ url: proxy.urlOf(server.nurl) }],
    swissnum: parseNurl(server.nurl).swissnum!,
  };
}

async function open(page: Page, app: AppServer): Promise<void> {
  await page.goto(app.url);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

async function fetchHash(page: Page, cap: string, range?: string): Promise<unknown> {
  return page.evaluate(
    async ([url, headers]) => {
      const reply = await fetch(url, { headers });
      const body = await reply.arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return { status: reply.status, length: body.byteLength, hash: hex };
    },
    [`/uri/${encodeURIComponent(cap)}`, range === undefined ? {} : { Range: range }] as const,
  );
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function seek(video: HTMLVideoElement, seconds: number): Promise<void> {
  video.pause();
  const landed = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  video.currentTime = seconds;
  await landed;
}
