import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { utf8 } from "../../src/base/bytes.ts";
import { encodeBase32 } from "../../src/formats/base32.ts";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { literalDirectory } from "../testing/directoryContent.ts";

// Functions given to `evaluate` run in the page, where nothing of this file is.
declare const window: ClientWindow & typeof globalThis;

const NAME = "gridfetch-sample.webm";
const film = readFileSync(fileURLToPath(new URL(`../../src/node/demo/samples/${NAME}`, import.meta.url)));

let app: AppServer;
test.beforeAll(async ({ demo }) => {
  app = await startClientApp(demo, join(demo.folder, "zip-app"));
});
test.afterAll(() => app.close());
test.beforeEach(({ tab }) => openClientTab(tab, app));

test("a folder is saved as one archive, with all that is below it", async ({ browserUnderTest, tab, demo }) => {
  const url = await tab.evaluate((cap) => window.grid.url(cap, { zip: true, filename: "series" }), series(demo));
  expect(url).toMatch(/\/file\.zip$/);
  await tab.evaluate((url) => window.grid.download(url, () => undefined), url);
  const file = await browserUnderTest.downloaded("series.zip");
  expect(listed(file)).toEqual([
    ["season 1/", 0],
    ["season 1/e01.webm", film.length],
    ["season 1/subtitles/", 0],
    ["season 1/subtitles/пусто.txt", 5],
  ]);
  expect(unpacked(file, "season 1/e01.webm").equals(film)).toBe(true);
});

test("its length is known before its first byte, and it goes on by Range after the worker has ended, while it is the same", async ({
  browserUnderTest,
  tab,
  demo,
}) => {
  const url = await tab.evaluate((cap) => window.grid.url(cap, { zip: true }), series(demo));
  const head = await fetched(tab, url, "HEAD");
  expect(head.headers).toMatchObject({ "accept-ranges": "bytes", etag: expect.stringMatching(/^"ZIP:\w{52}"$/) });
  const { bytes: start } = await fetched(tab, url, "GET", { Range: "bytes=0-999999" });
  await browserUnderTest.restart("kill");
  const again = await browserUnderTest.newTab();
  await openClientTab(again, app);
  const rest = await fetched(again, url, "GET", { Range: "bytes=1000000-", "If-Range": head.headers.etag! });
  expect(rest.status).toBe(206);
  const whole = Buffer.concat([start, rest.bytes]);
  expect(whole.length).toBe(Number(head.headers["content-length"]));
  const file = join(demo.folder, "resumed.zip");
  writeFileSync(file, whole);
  expect(unpacked(file, "season 1/e01.webm").equals(film)).toBe(true);
  expect(listed(file)).toHaveLength(4);
});

test("a choice of files is one archive, each by its name; a file that cannot be had breaks it visibly", async ({
  tab,
  demo,
}) => {
  const { cap } = demo.sample(NAME);
  const missing = `URI:CHK:${"a".repeat(26)}:${"a".repeat(52)}:3:10:1000000`;
  const words = `URI:LIT:${encodeBase32(utf8("words"))}`;
  const [good, broken] = await tab.evaluate(
    ([cap, missing, words]) => {
      const film = { cap: cap!, filename: "film.webm" };
      return [
        window.grid.zip([{ cap: words!, filename: "CON" }, film]),
        window.grid.zip([film, { cap: missing!, filename: "missing" }]),
      ] as const;
    },
    [cap, missing, words],
  );
  const { bytes } = await fetched(tab, good, "GET");
  const file = join(demo.folder, "choice.zip");
  writeFileSync(file, bytes);
  expect(listed(file)).toEqual([
    ["_CON", 5],
    ["film.webm", film.length],
  ]);
  await expect(fetched(tab, broken, "GET")).rejects.toThrow();
});

interface Fetched {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

async function fetched(
  tab: Page,
  url: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Fetched> {
  const { base64, ...answer } = await tab.evaluate(
    async (url, method, headers) => {
      const response = await fetch(url, { method, headers });
      const blob = await response.blob();
      const base64 = await new Promise<string>((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result).split(",")[1] ?? "");
        reader.readAsDataURL(blob);
      });
      return { status: response.status, headers: Object.fromEntries(response.headers), base64 };
    },
    url,
    method,
    headers,
  );
  return { ...answer, bytes: Buffer.from(base64, "base64") };
}

function series(demo: DemoGrid): string {
  const subtitles = literalDirectory({ "пусто.txt": `URI:LIT:${encodeBase32(utf8("words"))}` });
  return literalDirectory({ "season 1": literalDirectory({ "e01.webm": demo.sample(NAME).cap, subtitles }) });
}

/** Names and sizes, by Python, which has found no fault in any file. */
function listed(file: string): unknown {
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
  assert z.testzip() is None
  print(json.dumps([[e.filename, e.file_size] for e in z.infolist()]))`;
  return JSON.parse(execFileSync("python3", ["-c", script, file], { encoding: "utf8" }));
}

function unpacked(file: string, name: string): Buffer {
  const script = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
  return execFileSync("python3", ["-c", script, file, name], { maxBuffer: 1 << 28 });
}
