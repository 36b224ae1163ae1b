import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { goldenPlaintext } from "../src/formats/testing/golden.ts";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../src/node/grid/developmentGrid.ts";
import { Relay } from "../src/node/relay/Relay.ts";
import { runGridfetch } from "../src/node/testing/runGridfetch.ts";
import { parseNurl } from "../src/servers/parseNurl.ts";

const appFolder = fileURLToPath(new URL("../dist/app", import.meta.url));
const TLS_MODULE = "/gridfetch-tls.wasm";

test.describe("servers behind a relay", () => {
  const plaintext = goldenPlaintext("relay", 3_000_000);
  let folder: string;
  let grid: DevelopmentGrid;
  let app: AppServer;
  let relay: Relay;
  let cap: string;
  const documents: Record<string, unknown> = {};

  test.beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gridfetch-e2e-relay-"));
    grid = await startDevelopmentGrid({ folder, servers: 5, https: true });
    const path = join(folder, "plaintext");
    await writeFile(path, plaintext);
    const put = await runGridfetch(["put", path, "--servers", grid.serversFile]);
    cap = put.stdout.toString().trim();
    app = await AppServer.start({ folder: appFolder, port: 0, documents });
    relay = await startRelay(0);
  });

  test.beforeEach(() => configure());

  test.afterAll(async () => {
    await app?.close();
    await relay?.close();
    await grid?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function startRelay(port: number, change = (nurl: string) => nurl): Promise<Relay> {
    const nurls = grid.addresses.map(({ nurl }) => parseNurl(change(nurl!)));
    return Relay.start({
      servers: new Map(nurls.map(({ tlsId, host, port }) => [tlsId, [{ host, port }]])),
      origins: [new URL(app.url).origin],
      host: "127.0.0.1",
      port,
      log: () => undefined,
    });
  }

  function configure(change = (nurl: string) => nurl): void {
    documents["/grid.json"] = {
      servers: grid.addresses.map(({ id, nickname, nurl }) => ({
        id,
        nickname,
        addresses: [{ nurl: change(nurl!), relay: `ws://127.0.0.1:${relay.port}/` }],
      })),
    };
  }

  test("files are read, whole and in ranges, over a few connections; the TLS module is fetched first then", async ({
    page,
  }) => {
    const fetched: string[] = [];
    page.context().on("request", (request) => fetched.push(new URL(request.url()).pathname));
    await openApp(page, app);
    expect(fetched).not.toContain(TLS_MODULE);
    expect(await fetchHash(page, cap)).toEqual({ status: 200, length: 3_000_000, hash: hashOf(plaintext) });
    expect(fetched.filter((path) => path === TLS_MODULE)).toHaveLength(1);
    const ranged = await fetchHash(page, cap, "bytes=1048570-2097160");
    expect(ranged).toEqual({ status: 206, length: 1_048_591, hash: hashOf(plaintext.subarray(1_048_570, 2_097_161)) });
    expect(relay.connections).toBeLessThanOrEqual(4 * 5);
  });

  test("a relay that restarts is used again", async ({ page }) => {
    await openApp(page, app);
    const range = "bytes=0-99";
    const expected = { status: 206, length: 100, hash: hashOf(plaintext.subarray(0, 100)) };
    expect(await fetchHash(page, cap, range)).toEqual(expected);
    const { port } = relay;
    await relay.close();
    relay = await startRelay(port);
    const whole = { status: 200, length: 3_000_000, hash: hashOf(plaintext) };
    await expect.poll(() => fetchHash(page, cap), { timeout: 60_000 }).toEqual(whole);
  });

  test("servers whose keys are not the pinned ones are not believed, and the reason is told", async ({ page }) => {
    const { port } = relay;
    await relay.close();
    relay = await startRelay(port, withWrongPin);
    configure(withWrongPin);
    await openApp(page, app);
    const { status, text } = await page.evaluate(async (url) => {
      const reply = await fetch(url);
      return { status: reply.status, text: await reply.text() };
    }, urlOf(cap));
    expect(status).toBe(410);
    expect(text).toContain("its TLS key is not the one that its NURL names");
    for (const { nurl } of grid.addresses) expect(text).not.toContain(parseNurl(nurl!).swissnum);
    for (const { counters } of grid.status()) expect(counters.activeRequests).toBe(0);
  });
});

/** The same server, said to have another key. */
function withWrongPin(nurl: string): string {
  return nurl.replace(/^pb:\/\/(.)/, (_, first) => `pb://${first === "A" ? "B" : "A"}`);
}

async function openApp(page: Page, app: AppServer): Promise<void> {
  await page.goto(app.url);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

function urlOf(cap: string): string {
  return `/uri/${encodeURIComponent(cap)}`;
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
    [urlOf(cap), range === undefined ? {} : { Range: range }] as const,
  );
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
