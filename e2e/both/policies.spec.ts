import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "puppeteer-core";
import type { BrowserUnderTest } from "../testing/BrowserUnderTest.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, placeClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { sha256OfFile } from "../testing/inPage.ts";
import { PolicyServer, type ServedPolicies } from "../testing/PolicyServer.ts";
import { samplesOf } from "../testing/samples.ts";

// What a page's or a worker's own headers forbid, and what the library makes of it.

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const WORKER = "/gridfetch-worker.js";
/** As the guide has them, for the page and for the worker's script. */
const [PAGE_POLICY = "", WORKER_POLICY = ""] = samplesOf("docs/guide.md")
  .filter(({ language }) => language === "http")
  .map(({ code }) => code.replace("Content-Security-Policy:", "").replaceAll(/\s+/g, " ").trim());

let policies: ServedPolicies;
let app: PolicyServer;
test.beforeEach(async ({ demo }) => {
  const folder = join(demo.folder, "policies-app");
  await placeClientApp(folder);
  await writeFile(join(folder, "main.js"), 'import * as client from "/lib/client/index.js"; window.client = client;');
  await writeFile(join(folder, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  const config = { type: "application/json", text: readFileSync(demo.grid.configFile, "utf8") };
  policies = { headers: {}, documents: { "/grid.json": config } };
  app = await PolicyServer.start(folder, policies);
});
test.afterEach(() => app.close());

async function open(tab: Page, page: Record<string, string> = {}, worker: Record<string, string> = {}): Promise<void> {
  Object.assign(policies.headers, { "/": page, [WORKER]: worker });
  await tab.goto(app.url);
  await tab.waitForFunction(() => "client" in window, { polling: 100 });
}

/** Connects, or gives the message of what it rejects with. */
function connect(tab: Page, options: { workerUrl?: string; scope?: string; isTrusted?: true } = {}): Promise<string> {
  return tab.evaluate(async ({ workerUrl = "/gridfetch-worker.js", scope, isTrusted }) => {
    const { trustedTypes } = window as unknown as TrustedTypesWindow;
    const trusted =
      isTrusted && trustedTypes?.createPolicy("ours", { createScriptURL: (url) => url }).createScriptURL(workerUrl);
    try {
      const grid = await window.client.connect({
        workerUrl: trusted || workerUrl,
        ...(scope !== undefined && { scope }),
      });
      Object.assign(window, { grid });
      return "connected";
    } catch (error) {
      return window.client.isGridError(error) ? error.message : `${error}`;
    }
  }, options);
}

interface TrustedTypesWindow {
  readonly trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL(url: string): string },
    ): { createScriptURL(url: string): { toString(): string; toJSON(): string } };
  };
}

/** Everything that a page does with a file: plays, shows, frames, fetches, saves. */
async function expectAllWorks(tab: Page, browser: BrowserUnderTest, demo: DemoGrid): Promise<void> {
  const outcome = await tab.evaluate(
    async (film, picture) => {
      const element = async <T extends HTMLElement>(made: T, url: string, event: string): Promise<T> => {
        const come = new Promise<string>((resolve) => {
          made.addEventListener(event, () => resolve("come"));
          made.addEventListener("error", () => resolve("error"));
          setTimeout(() => resolve("nothing within 30 s"), 30_000);
        });
        (made as unknown as HTMLImageElement).src = url;
        document.body.append(made);
        made.title = await come;
        return made;
      };
      const video = await element(
        document.createElement("video"),
        window.grid.url(film, { filename: "a.webm" }),
        "loadeddata",
      );
      const url = window.grid.url(picture, { filename: "a.jpg" });
      const image = await element(new Image(), url, "load");
      const frame = await element(document.createElement("iframe"), url, "load");
      const { size } = await window.grid.open(film);
      const fetched = (await (await fetch(url)).arrayBuffer()).byteLength;
      return {
        video: video.title,
        image: [image.title, image.naturalWidth > 0],
        frame: [frame.title, frame.contentDocument?.contentType],
        size,
        fetched: fetched > 1_000,
      };
    },
    demo.sample("gridfetch-sample.webm").cap,
    demo.sample("hills.jpg").cap,
  );
  expect(outcome).toEqual({
    video: "come",
    image: ["come", true],
    frame: ["come", "image/jpeg"],
    size: 2_369_132,
    fetched: true,
  });
  const path = browser.downloaded("saved.jpg");
  expect(await Promise.race([download(tab, demo, "saved.jpg"), path.then(() => undefined)])).toBeUndefined();
  expect(await sha256OfFile(await path)).toBe(
    await sha256OfFile(new URL("../../src/node/demo/samples/hills.jpg", import.meta.url).pathname),
  );
}

/** Gives what is said of it, where anything is within 3 s. */
function download(tab: Page, demo: DemoGrid, filename: string): Promise<string | undefined> {
  return tab.evaluate(
    (cap, filename) =>
      new Promise<string | undefined>((resolve) => {
        window.grid.download(window.grid.url(cap, { filename, download: true }), resolve);
        setTimeout(() => resolve(undefined), 3_000);
      }),
    demo.sample("hills.jpg").cap,
    filename,
  );
}

for (const policy of ["require-corp", "credentialless"]) {
  test(`all works in a page that is isolated by ${policy}`, async ({ kind, tab, browserUnderTest, demo }) => {
    const isolated = { "Cross-Origin-Embedder-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin" };
    await open(tab, isolated, isolated);
    expect(await connect(tab)).toBe("connected");
    // WebKit does not know the second.
    const isIsolated = kind !== "webkit" || policy === "require-corp";
    expect(await tab.evaluate(() => crossOriginIsolated)).toBe(isIsolated);
    await expectAllWorks(tab, browserUnderTest, demo);
  });
}

test("all works under the guide's policies for a page and for the worker's script", async ({
  tab,
  browserUnderTest,
  demo,
}) => {
  const { servers } = JSON.parse(readFileSync(demo.grid.configFile, "utf8")) as {
    servers: { addresses: { url: string }[] }[];
  };
  const origins = servers.map(({ addresses }) => new URL(addresses[0]!.url).origin).join(" ");
  expect(WORKER_POLICY).toContain(" https://storage.example ");
  const worker = WORKER_POLICY.replace("https://storage.example", origins);
  await open(tab, { "Content-Security-Policy": PAGE_POLICY }, { "Content-Security-Policy": worker });
  expect(await connect(tab)).toBe("connected");
  await expectAllWorks(tab, browserUnderTest, demo);
});

test("CON-6 a page that requires trusted types connects with one, and is told so without", async ({ tab, demo }) => {
  const trusted = "require-trusted-types-for 'script'; trusted-types ours";
  await open(
    tab,
    { "Content-Security-Policy": trusted },
    { "Content-Security-Policy": trusted.replace("ours", "gridfetch") },
  );
  expect(await connect(tab)).toContain("Pass connect a workerUrl that is a TrustedScriptURL");
  expect(await connect(tab, { isTrusted: true })).toBe("connected");
  const size = await tab.evaluate(async (cap) => (await window.grid.open(cap)).size, demo.sample("letter.txt").cap);
  expect(size).toBeGreaterThan(0);
});

test("CON-7 CON-14 a page whose policy forbids workers or frames is told which", async ({ tab, demo }) => {
  await open(tab, { "Content-Security-Policy": PAGE_POLICY.replace("worker-src 'self'", "worker-src 'none'") });
  expect(await connect(tab)).toContain("Content-Security-Policy forbids it. Add worker-src 'self'");
  await open(tab, { "Content-Security-Policy": PAGE_POLICY.replace("frame-src 'self'", "") });
  expect(await connect(tab)).toBe("connected");
  expect(await download(tab, demo, "never.jpg")).toContain("Add frame-src 'self' to that policy");
});

test("CON-1 CON-2 CON-4 CON-5 scripts that are missing, pages, or for another folder are told apart", async ({
  tab,
  demo,
}) => {
  const script = {
    type: "text/javascript",
    text: readFileSync(join(demo.folder, "policies-app", WORKER.slice(1)), "utf8"),
  };
  const page = { type: "text/html", text: "<!doctype html><title>The app</title>" };
  Object.assign(policies.documents, { "/page/gridfetch-worker.js": page, "/sw/gridfetch-worker.js": script });
  await open(tab);
  const missing = await connect(tab, { workerUrl: "/nowhere/gridfetch-worker.js" });
  expect(missing).toMatch(
    /\/nowhere\/gridfetch-worker\.js is not on the web server \(HTTP 404\)\. npx gridfetch install/,
  );
  expect(await connect(tab, { workerUrl: "/page/gridfetch-worker.js" })).toMatch(
    /is an HTML page, .*npx gridfetch install/,
  );
  const scoped = await connect(tab, { workerUrl: "/sw/gridfetch-worker.js", scope: "/" });
  expect(scoped).toMatch(/[^.]\. A scope above .*Service-Worker-Allowed/);
  for (const part of ["relay", "check", "keep"]) {
    policies.documents[`/sw/gridfetch-${part}.js`] = { type: "text/javascript", text: "" };
  }
  const elsewhere = await connect(tab, { workerUrl: "/sw/gridfetch-worker.js" });
  expect(elsewhere).toMatch(/answers for .*\/sw\/ only, .*Service-Worker-Allowed: \//);
});

test("CON-8 CON-9 CON-10 a configuration that cannot be used is told, and mended without a reload", async ({ tab }) => {
  const right = policies.documents["/grid.json"]!;
  delete policies.documents["/grid.json"];
  await open(tab);
  expect(await connect(tab)).toContain("/grid.json is not on the web server (HTTP 404)");
  policies.documents["/grid.json"] = { type: "text/html", text: "<!doctype html><title>The app</title>" };
  expect(await connect(tab)).toContain("/grid.json is an HTML page");
  policies.documents["/grid.json"] = { type: "application/json", text: '{\n  "servers": [],\n}' };
  expect(await connect(tab)).toContain("/grid.json is not JSON: see line 3, column 1.");
  policies.documents["/grid.json"] = right;
  expect(await connect(tab)).toBe("connected");
});
