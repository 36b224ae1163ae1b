import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { build } from "vite";
import { utf8 } from "../src/base/bytes.ts";
import { encodeBase32 } from "../src/formats/base32.ts";
import { AppServer } from "../src/node/demo/AppServer.ts";
import { type DemoGrid, expect, test } from "./testing/demoGrid.ts";
import { literalDirectory } from "./testing/directoryContent.ts";
import { sha256OfFile } from "./testing/inPage.ts";
import { writeFiles } from "./testing/packedPackage.ts";
import { CAP_PLACEHOLDER, samplesOf } from "./testing/samples.ts";

// Every sample of the guide, run as it stands there: each is the script of a page of its own.

const NAME = "gridfetch-sample.webm";
/** What stands in the guide for the cap of a folder. */
const FOLDER_PLACEHOLDER = "URI:DIR2:…";
const checkout = fileURLToPath(new URL("../", import.meta.url));
const readers = join(checkout, "e2e/readers");
const sample = fileURLToPath(new URL(`../src/node/demo/samples/${NAME}`, import.meta.url));
const samples = samplesOf("docs/guide.md").filter(({ language }) => ["js", "jsx"].includes(language));

/** What uses the samples that are parts of an app. */
const users: Readonly<Record<string, string>> = {
  "useFilm.jsx": `import { createRoot } from "react-dom/client";
import { Film } from "./Film.jsx";
createRoot(document.body.appendChild(document.createElement("div"))).render(<Film cap="${CAP_PLACEHOLDER}" name="film.webm" />);`,
  "useVue.js": `import { createApp, h, ref } from "vue";
import { useGridUrl } from "./useGridUrl.js";
const options = ref({ filename: "film.webm" });
createApp({
  setup() {
    const { url } = useGridUrl(ref("${CAP_PLACEHOLDER}"), options);
    return () => h("video", { controls: true, src: url.value });
  },
}).mount(document.body.appendChild(document.createElement("div")));`,
  "useOwnWorker.js": `import { connect } from "gridfetch";
const grid = await connect({ workerUrl: "/own-worker.js" });
document.body.append(await (await fetch(grid.url("URI:LIT:nbswy3dpfqqgo4tjmq"))).text());`,
};

let folder: string;
let app: AppServer;

test.beforeAll(async ({ demo }) => {
  test.setTimeout(120_000);
  await mkdir(join(checkout, ".cache"), { recursive: true });
  // In the checkout, where React and Vue are found.
  folder = await mkdtemp(join(checkout, ".cache/guide-"));
  const sources = { ...users, ...Object.fromEntries(samples.map(({ name, code }) => [name, code])) };
  const pages = Object.keys(sources).filter((name) => name !== "own-worker.js");
  writeFiles(folder, withCap(sources, demo, await putPresentation(demo)));
  writeFiles(
    folder,
    Object.fromEntries(
      pages.map((name) => [`${name}.html`, `<!doctype html><body><script type="module" src="./${name}"></script>`]),
    ),
  );
  await bundle({ input: pages.map((name) => join(folder, `${name}.html`)) });
  await bundle({
    input: join(folder, "own-worker.js"),
    output: { format: "iife", entryFileNames: "own-worker.js" },
  });
  for (const name of [
    "gridfetch-worker.js",
    "gridfetch-relay.js",
    "gridfetch-check.js",
    "gridfetch-keep.js",
    "gridfetch-zip.js",
    "gridfetch-tls.wasm",
  ]) {
    await cp(join(checkout, "dist/app", name), join(folder, "dist", name));
  }
  const config: unknown = JSON.parse(readFileSync(demo.grid.configFile, "utf8"));
  app = await AppServer.start({ folder: join(folder, "dist"), port: 0, documents: { "/grid.json": config } });
});

test.afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

/** What each sample must have done for whoever looks at its page. */
const outcomes: Readonly<Record<string, (page: Page, demo: DemoGrid) => Promise<void>>> = {
  "connecting.js": (page) => expectText(page, `Grid URLs begin with ${app.url}`),
  "choosing.js": (page) => expectText(page, `A film is at ${app.url}films/`),
  async "player.js"(page, demo) {
    await expectVideo(page);
    for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
    // A browser that remembers nothing of the file.
    const stranger = await page.context().browser()?.newPage();
    if (!stranger) throw new Error("no browser");
    await stranger.goto(page.url());
    await expectText(stranger, "0 of the 3 shares");
    await stranger.context().close();
  },
  "ahead.js": (page) => expectText(page, "The next one is at hand"),
  async "gallery.js"(page) {
    await expect
      .poll(() => page.locator("img").evaluateAll((all) => all.map((each) => (each as HTMLImageElement).naturalWidth)))
      .toEqual([320, 320]);
  },
  async "download.js"(page) {
    const started = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download" }).click();
    const download = await started;
    expect(download.suggestedFilename()).toBe("film.webm");
    expect(await sha256OfFile(await download.path())).toBe(await sha256OfFile(sample));
  },
  async "listing.js"(page) {
    await expectText(page, "film.webm: 2369132 bytes, video/webm");
    await expectText(page, "subtitles: directory");
  },
  async "folder.js"(page) {
    await expectVideo(page);
    await expect
      .poll(() => page.locator("track").evaluate(({ track }: HTMLTrackElement) => (track.cues?.[0] as VTTCue)?.text))
      .toBe("Hills");
  },
  async "presentation.js"(page) {
    await expectVideo(page);
    expect(await page.locator("video").evaluate(({ duration }: HTMLVideoElement) => Math.round(duration))).toBe(300);
  },
  async "archive.js"(page) {
    for (const [link, name] of [
      ["Save the folder", "Our film.zip"],
      ["Save the choice", "Chosen.zip"],
    ] as const) {
      const started = page.waitForEvent("download");
      await page.getByRole("link", { name: link }).click();
      const download = await started;
      expect(download.suggestedFilename()).toBe(name);
      expect(readFileSync(await download.path()).includes(readFileSync(sample))).toBe(true);
    }
  },
  async "saving.js"(page) {
    // No driver operates the dialogue.
    await page.evaluate(() =>
      Object.assign(window, {
        showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) =>
          (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true }),
      }),
    );
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page).toHaveTitle("saved", { timeout: 60_000 });
    const saved = await page.evaluate(async () => {
      const file = await (await (await navigator.storage.getDirectory()).getFileHandle("film.webm")).getFile();
      return [...new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))];
    });
    expect(Buffer.from(saved).toString("hex")).toBe(await sha256OfFile(sample));
  },
  "ranges.js": (page) => expectText(page, "2369132 bytes, the first are 26 69 223 163; 50000 more were read"),
  async "watching.js"(page) {
    await expectText(page, "started 0");
    await expectText(page, "finished 2369132");
  },
  async "tracing.js"(page) {
    await expectText(page, "trace.start");
    await expectText(page, '"bytes":2369132');
  },
  "checking.js": (page, demo) => expectText(page, `${demo.grid.status()[9]?.name} works`),
  async "testing.js"(page) {
    await expectText(page, "control: ok. first picture: ok.");
    await expectText(page, "This browser does all of it. ");
  },
  "configuring.js": (page) => expectText(page, "The grid is ours now"),
  "keeping.js": (page) => expectText(page, "2369132 of 2369132 bytes are kept"),
  "revoking.js": (page) => expectText(page, "answered with 404"),
  "Film.jsx": async (page) => {
    await page.goto(`${app.url}useFilm.jsx.html`);
    await expectVideo(page);
  },
  "useGridUrl.js": async (page) => {
    await page.goto(`${app.url}useVue.js.html`);
    await expectVideo(page);
  },
  "own-worker.js": async (page) => {
    await page.goto(`${app.url}useOwnWorker.js.html`);
    await expectText(page, "hello, grid");
    expect(await page.evaluate(() => navigator.serviceWorker.controller?.scriptURL)).toContain("own-worker.js");
  },
};

test("no sample is left out", () => {
  expect(samples.map(({ name }) => name).sort()).toEqual(Object.keys(outcomes).sort());
});

for (const [name, outcome] of Object.entries(outcomes)) {
  test(`the guide's ${name} does what it says`, async ({ page, demo }) => {
    if (name !== "own-worker.js") await page.goto(`${app.url}${name}.html`);
    await outcome(page, demo);
  });
}

async function expectText(page: Page, text: string): Promise<void> {
  await expect(page.locator("body")).toContainText(text, { timeout: 60_000 });
}

async function expectVideo(page: Page): Promise<void> {
  await expect
    .poll(() => page.locator("video").evaluate(({ readyState }: HTMLVideoElement) => readyState))
    .toBeGreaterThan(0);
}

/** A film in segments, with its playlists. @returns the cap of its directory */
async function putPresentation(demo: DemoGrid): Promise<string> {
  const made = join(folder, "readers");
  await promisify(execFile)(process.execPath, [join(readers, "fixtures/index.js"), made]);
  const names = await readdir(join(made, "film"));
  const caps = await Promise.all(names.map(async (name) => [name, await demo.put(join(made, "film", name))] as const));
  return literalDirectory(Object.fromEntries(caps));
}

function withCap(
  files: Readonly<Record<string, string>>,
  demo: DemoGrid,
  presentation: string,
): Record<string, string> {
  const { cap } = demo.sample(NAME);
  const subtitles = encodeBase32(utf8("WEBVTT\n\n00:00.000 --> 05:00.000\nHills\n"));
  const folderCap = literalDirectory({
    "film.webm": cap,
    hls: presentation,
    subtitles: literalDirectory({ "en.vtt": `URI:LIT:${subtitles}` }),
  });
  const replace = (text: string) => text.replaceAll(CAP_PLACEHOLDER, cap).replaceAll(FOLDER_PLACEHOLDER, folderCap);
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name, replace(text)]));
}

type BundleOptions = NonNullable<NonNullable<Parameters<typeof build>[0]>["build"]>["rolldownOptions"];

async function bundle(rolldownOptions: NonNullable<BundleOptions>): Promise<void> {
  await build({
    root: folder,
    configFile: false,
    logLevel: "error",
    resolve: {
      alias: [
        { find: /^gridfetch$/, replacement: join(checkout, "dist/lib/client/index.js") },
        { find: "hls.js", replacement: join(readers, "node_modules/hls.js/dist/hls.mjs") },
        { find: "gridfetch/poster", replacement: join(checkout, "dist/lib/client/poster/index.js") },
        { find: "gridfetch/save", replacement: join(checkout, "dist/lib/save/index.js") },
        { find: "gridfetch/self-test", replacement: join(checkout, "dist/lib/client/selfTest/index.js") },
        { find: "gridfetch/worker", replacement: join(checkout, "dist/lib/worker/index.js") },
      ],
    },
    build: { outDir: join(folder, "dist"), emptyOutDir: false, target: "es2022", rolldownOptions },
  });
}
