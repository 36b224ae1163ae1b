import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { build } from "vite";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { type DemoGrid, expect, test } from "./testing/demoGrid.ts";
import { fetchInPage, sha256 } from "./testing/inPage.ts";
import { inFolder, makeApp, packPackage } from "./testing/packedPackage.ts";
import { CAP_PLACEHOLDER, sampleNamed, samplesOf } from "./testing/samples.ts";

// Each app is made of the very lines that the README shows.

const NAME = "gridfetch-sample.webm";
const content = readFileSync(fileURLToPath(new URL(`../src/node/demo/samples/${NAME}`, import.meta.url)));
const checkout = fileURLToPath(new URL("../", import.meta.url));
const manifest = JSON.parse(readFileSync(fileURLToPath(new URL("../package.json", import.meta.url)), "utf8"));
const INDEX = '<!doctype html><video controls></video><script type="module" src="./main.js"></script>';

/** `npm install gridfetch` and `npx gridfetch install public`. */
const shellLines = (samplesOf("README.md").find(({ code }) => code.includes("npm install gridfetch"))?.code ?? "")
  .trim()
  .split("\n");

let folder: string;
let tarball: string;
let app: AppServer | undefined;

test.describe.configure({ timeout: 180_000 });

test.beforeAll(async () => {
  test.setTimeout(180_000);
  folder = await mkdtemp(join(tmpdir(), "gridfetch-package-"));
  tarball = await packPackage(folder);
  expect(shellLines).toEqual(["npm install gridfetch", "npx gridfetch install public"]);
});
test.afterAll(() => rm(folder, { recursive: true, force: true }));
test.afterEach(() => app?.close());

test("publint and are-the-types-wrong find nothing in the package", async () => {
  await inFolder(checkout, `npx --no-install publint run ${tarball} --strict`);
  // Older ways to resolve know no export maps; the worker's script has no types.
  await inFolder(checkout, `npx --no-install attw ${tarball} --profile esm-only --exclude-entrypoints worker.js`);
});

test("the package carries the licence of each package whose code is in its bundles", async () => {
  const unpacked = join(folder, "unpacked");
  await inFolder(folder, `mkdir unpacked && tar xzf ${tarball} -C unpacked --strip-components=1`);
  for (const built of ["dist/app", "dist/node"]) {
    const names = await readdir(join(unpacked, built));
    const read = (name: string) => readFileSync(join(unpacked, built, name), "utf8");
    const sources = names
      .filter((name) => name.endsWith(".map"))
      .flatMap((name) => JSON.parse(read(name)).sources as string[]);
    const packages = new Set(sources.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
    if (built === "dist/app") expect([...packages].sort()).toEqual(["@noble/hashes", "idb"]);
    for (const name of packages) {
      const licence = readFileSync(join(checkout, "node_modules", name, "LICENSE"), "utf8").trim();
      expect(read("gridfetch-packages.LICENSES.txt"), name).toContain(licence);
    }
  }
});

test("the package in a blank Vite app", async ({ page, demo }) => {
  const root = join(folder, "vite");
  await makeApp(root, [tarball], {
    "index.html": INDEX,
    "main.js": withCap(sampleNamed("README.md", "main.js"), demo),
  });
  await inFolder(root, shellLines[1]!);
  await build({ root, configFile: false, logLevel: "warn", build: { target: "es2022" } });
  await expectFilm(page, join(root, "dist"), demo);
});

test("the package in an app whose worker is made with Workbox", async ({ page, demo }) => {
  const root = join(folder, "workbox");
  const call = /`(connect\({ workerUrl.*?\))`/.exec(readme())?.[1] ?? "";
  const main = sampleNamed("README.md", "main.js").replace("connect()", call);
  await makeApp(root, [tarball, `workbox-routing@${manifest.devDependencies["workbox-routing"]}`], {
    "index.html": INDEX,
    "main.js": withCap(main, demo),
    "sw.js": sampleNamed("README.md", "sw.js"),
  });
  await build({ root, configFile: false, logLevel: "warn", build: { target: "es2022" } });
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    build: {
      emptyOutDir: false,
      target: "es2022",
      rolldownOptions: { input: join(root, "sw.js"), output: { format: "iife", entryFileNames: "sw.js" } },
    },
  });
  await expectFilm(page, join(root, "dist"), demo);
  expect(await page.evaluate(() => navigator.serviceWorker.controller?.scriptURL)).toMatch(/\/sw\.js$/);
});

test("the package in a page without any bundler", async ({ page, demo }) => {
  const root = join(folder, "plain");
  const html = `<!doctype html>\n${withCap(sampleNamed("README.md", "index.html"), demo)}`;
  await makeApp(root, [tarball], { "index.html": html });
  const line = /`(npx gridfetch install \.)`/.exec(readme())?.[1] ?? "";
  await inFolder(root, line);
  await expectFilm(page, root, demo);
});

function readme(): string {
  return readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");
}

function withCap(code: string, demo: DemoGrid): string {
  return code.replaceAll(CAP_PLACEHOLDER, demo.sample(NAME).cap);
}

/** The player shows the film, and what its URL gives is the file. */
async function expectFilm(page: Page, served: string, demo: DemoGrid): Promise<void> {
  const config: unknown = JSON.parse(readFileSync(demo.grid.configFile, "utf8"));
  app = await AppServer.start({ folder: served, port: 0, documents: { "/grid.json": config } });
  await page.goto(app.url);
  await expect
    .poll(() => page.locator("video").evaluate(({ readyState }: HTMLVideoElement) => readyState))
    .toBeGreaterThan(0);
  const src = await page.locator("video").evaluate((video: HTMLVideoElement) => video.src);
  const got = await fetchInPage(page, src);
  expect([got.status, got.sha256]).toEqual([200, sha256(content)]);
}
