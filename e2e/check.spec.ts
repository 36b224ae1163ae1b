import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener, request, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, expect, type Locator, type Page, test } from "@playwright/test";
import type { AddressConfig, GridConfigDocument, ServerConfig } from "../src/base/gridConfig.ts";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../src/node/grid/developmentGrid.ts";
import { newTlsIdentity } from "../src/node/grid/GridFolder.ts";
import { Relay } from "../src/node/relay/Relay.ts";
import { trusting } from "../src/node/relay/testing/trusting.ts";
import { tlsIdOf } from "../src/node/transport/tlsIdOf.ts";
import { parseNurl } from "../src/servers/parseNurl.ts";

const builtApp = fileURLToPath(new URL("../dist/app", import.meta.url));
const SESAME = "open-sesame";
/** Stands for another machine: only a browser that is told so finds it. */
const ELSEWHERE = "storage.example";

test.describe("what a browser can tell of servers", () => {
  let folder: string;
  /** As real servers are: TLS, swissnums, no CORS. */
  let grid: DevelopmentGrid;
  /** As a proxy with CORS before them. */
  let open: DevelopmentGrid;
  let app: AppServer;
  const documents: Record<string, unknown> = {};
  const closers: (() => unknown)[] = [];

  test.beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gridfetch-check-"));
    grid = await startDevelopmentGrid({ folder: join(folder, "tls"), servers: 3, https: true });
    open = await startDevelopmentGrid({ folder: join(folder, "open"), servers: 2 });
    app = await AppServer.start({ folder: builtApp, port: 0, documents });
  });
  test.afterAll(async () => {
    await Promise.all([app.close(), grid.close(), open.close(), ...closers.map((close) => close())]);
    await rm(folder, { recursive: true });
  });

  test("by URL", async ({ page }) => {
    const cors = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization" };
    const proxy = (status: number, body = "") =>
      serve(({ method }, response) => {
        if (method === "OPTIONS") response.writeHead(204, cors).end();
        else response.writeHead(status, cors).end(body);
      });
    const [works, down] = (await configOf(open)).map(({ addresses }) => addresses[0]!);
    open.setDials(1, { down: true });
    const servers = {
      works: [works!],
      "nothing there, then works": [{ url: "http://127.0.0.1:1/" }, works!],
      "breaks off": [down!],
      "no CORS": [await serve((_, response) => response.end())],
      "no CORS for the header": [
        await serve((_, response) => response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end()),
      ],
      redirects: [
        await serve(({ method, url }, response) => {
          const isFirst = method === "GET" && url?.startsWith("/storage");
          response.writeHead(isFirst ? 302 : 200, { ...cors, Location: "/login" }).end();
        }),
      ],
      "another swissnum": [await proxy(401)],
      "proxy without its server": [await proxy(502)],
      "a page": [await proxy(200, "<html>")],
      "not found": [await proxy(404)],
      silent: [await serve(() => undefined)],
      "no relay": (await configOf(grid))[0]!.addresses,
    };
    expect(await check(page, app.url, servers)).toEqual({
      works: "",
      "nothing there, then works": "unreachable ",
      "breaks off": "unreachable",
      "no CORS": "cors",
      "no CORS for the header": "cors",
      redirects: "not-a-storage-server",
      "another swissnum": "wrong-swissnum",
      "proxy without its server": "server-away",
      "a page": "not-a-storage-server",
      "not found": "not-a-storage-server",
      silent: "timeout",
      "no relay": "unusable",
    });
    await expect(summaryOf(page)).toHaveText("2 of 12 servers work.");
  });

  test("through relays", async ({ page }) => {
    const nurls = (await configOf(grid)).map(({ addresses }) => (addresses[0] as { nurl: string }).nurl);
    const [first, second, third] = nurls.map(parseNurl);
    const at = ({ host, port }: { host: string; port: number }) => [{ host, port }];
    const other = "2WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
    const relayServers = new Map([
      [first!.tlsId, at(first!)],
      [second!.tlsId, [{ host: "127.0.0.1", port: 9 }]],
      // A relay that leads to another server than it is asked for.
      [other, at(third!)],
    ]);
    const start = async (origin: string) => {
      const options = {
        servers: trusting(relayServers),
        origins: [origin],
        host: "127.0.0.1",
        port: 0,
        log: () => undefined,
      };
      const relay = await Relay.start(options);
      closers.push(() => relay.close());
      return `ws://127.0.0.1:${relay.port}/`;
    };
    const mine = await start(new URL(app.url).origin);
    const theirs = await start("https://app.example");
    const [nurl] = nurls as [string];
    const servers = {
      works: [{ nurl, relay: mine }],
      "another swissnum": [{ nurl: nurl.replace(/\/[a-z2-7]+#/, `/${SESAME}#`), relay: mine }],
      "another key": [{ nurl: nurl.replace(/pb:\/\/[^@]+/, `pb://${other}`), relay: mine }],
      "unknown to the relay": [{ nurl: nurls[2]!, relay: mine }],
      "away behind the relay": [{ nurl: nurls[1]!, relay: mine }],
      "a relay for other pages": [{ nurl, relay: theirs }],
      "no relay there": [{ nurl, relay: "ws://127.0.0.1:1/" }],
      "something else": [{ nurl, relay: (await serve((_, response) => response.end())).url.replace("http", "ws") }],
    };
    expect(await check(page, app.url, servers)).toEqual({
      works: "",
      "another swissnum": "wrong-swissnum",
      "another key": "wrong-key",
      "unknown to the relay": "relay-token",
      "away behind the relay": "server-away",
      "a relay for other pages": "relay-origin",
      "no relay there": "relay-unreachable",
      "something else": "relay-refused",
    });
  });

  test("from a page that was loaded by https", async () => {
    const { key, cert } = await newTlsIdentity();
    const secure = await listen(createHttpsServer({ key, cert }, passOnTo(app.port)));
    const trusted = `--ignore-certificate-errors-spki-list=${base64Of(tlsIdOf(new X509Certificate(cert)))}`;
    const { executablePath, args } = test.info().project.use.launchOptions!;
    const browser = await chromium.launch({
      executablePath: executablePath!,
      args: [...args!, trusted, `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
    });
    try {
      const page = await browser.newPage();
      const [works] = (await configOf(open)).map(({ addresses }) => addresses[0]!);
      const elsewhere = { url: (works as { url: string }).url.replace("127.0.0.1", ELSEWHERE) };
      const [{ addresses }] = (await configOf(grid)) as [ServerConfig];
      const servers = {
        "by http on this machine": [works!],
        "by http": [elsewhere],
        "through ws": [{ ...addresses[0]!, relay: `ws://${ELSEWHERE}:1/` } as AddressConfig],
        "through wss": [{ ...addresses[0]!, relay: `wss://${ELSEWHERE}:1/` } as AddressConfig],
        "with a certificate that is not accepted": [{ url: (grid.addresses[0] as { url: string }).url }],
      };
      expect(await check(page, `https://127.0.0.1:${secure}/`, servers)).toEqual({
        "by http on this machine": "",
        "by http": "mixed-content",
        "through ws": "mixed-content",
        "through wss": "relay-unreachable",
        "with a certificate that is not accepted": "unreachable",
      });
    } finally {
      await browser.close();
    }
  });

  test("on this device, for a page from outside: once the person allows it", async () => {
    const { key, cert } = await newTlsIdentity();
    const secure = await listen(createHttpsServer({ key, cert }, passOnTo(app.port)));
    const trusted = `--ignore-certificate-errors-spki-list=${base64Of(tlsIdOf(new X509Certificate(cert)))}`;
    const { executablePath, args } = test.info().project.use.launchOptions!;
    const outside = [
      "--host-resolver-rules=MAP app.example 127.0.0.1",
      `--ip-address-space-overrides=127.0.0.1:${secure}=public`,
    ];
    const browser = await chromium.launch({ executablePath: executablePath!, args: [...args!, trusted, ...outside] });
    try {
      const page = await browser.newPage();
      const url = `https://app.example:${secure}/`;
      const [works] = (await configOf(open)).map(({ addresses }) => addresses[0]!);
      expect(await check(page, url, { oak: [works!] })).toEqual({ oak: "local-network" });
      const banner = page.locator("#local-network");
      const failed = await page.evaluate(async () =>
        (
          await fetch(
            "/uri/URI%3ACHK%3Aaaaaaaaaaaaaaaaaaaaaaaaaaa%3Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%3A3%3A10%3A5",
          )
        ).text(),
      );
      expect(failed).toContain("The browser keeps this page from servers on this device or in the local network");
      // Without a window Chromium has nobody to ask, and refuses.
      await banner.getByRole("button", { name: "Allow" }).click();
      await expect(banner).toContainText("Its settings for this site");
      await letIn(page);
      expect(await check(page, url, { oak: [works!] })).toEqual({ oak: "" });
      await expect(banner).toBeHidden();
    } finally {
      await browser.close();
    }
  });

  /** The problems that the app shows for each server, one word for each address. */
  async function check(page: Page, url: string, servers: Record<string, readonly AddressConfig[]>) {
    documents["/grid.json"] = {
      servers: Object.entries(servers).map(([nickname, addresses], index) => ({
        id: `v0-${index}`,
        nickname,
        addresses,
        // A NURL has its own.
        ...(addresses.every((address) => "url" in address) && { swissnum: SESAME }),
      })),
    } satisfies GridConfigDocument;
    await page.goto(url);
    await page.getByRole("link", { name: "Settings" }).click();
    await expect(summaryOf(page)).toContainText("work", { timeout: 60_000 });
    const rows = await page.locator(".checked").evaluateAll((elements) =>
      elements.map((row) => {
        const addresses = [...row.querySelectorAll<HTMLElement>(".address")];
        const problems = addresses.map(({ dataset }) => dataset.problem ?? "");
        return [row.querySelector("strong")?.textContent ?? "", problems.join(" ")] as const;
      }),
    );
    const text = (await page.locator("#checks").textContent()) ?? "";
    for (const { nurl } of grid.addresses) expect(text).not.toContain(parseNurl(nurl!).swissnum);
    expect(text).not.toContain(SESAME);
    return Object.fromEntries(rows);
  }

  async function serve(listener: RequestListener): Promise<{ url: string }> {
    return { url: `http://127.0.0.1:${await listen(createHttpServer(listener))}/` };
  }

  async function listen(server: Server): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }
});

async function configOf({ configFile }: DevelopmentGrid): Promise<readonly ServerConfig[]> {
  return JSON.parse(await readFile(configFile, "utf8")).servers;
}

function passOnTo(port: number): RequestListener {
  return (incoming, response) => {
    const { method, url } = incoming;
    const headers = { ...incoming.headers, host: `127.0.0.1:${port}` };
    const outgoing = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  };
}

/** What a person does at the browser's question. */
async function letIn(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { targetInfo } = await session.send("Target.getTargetInfo");
  const { browserContextId } = targetInfo;
  const browser = await page.context().browser()!.newBrowserCDPSession();
  await browser.send("Browser.setPermission", {
    permission: { name: "loopback-network" },
    setting: "granted",
    origin: new URL(page.url()).origin,
    ...(browserContextId && { browserContextId }),
  });
}

/** As Chromium wants the hash of a key. */
function base64Of(base64url: string): string {
  return Buffer.from(base64url, "base64url").toString("base64");
}

/** What the app says of all servers together. */
function summaryOf(page: Page): Locator {
  return page.locator(".checkbar").getByRole("status");
}
