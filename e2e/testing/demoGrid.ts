import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base } from "@playwright/test";
import { GeneratedFile } from "../../bench/generated/GeneratedFile.ts";
import type { ChkCap } from "../../src/formats/Cap.ts";
import type { Sample } from "../../src/node/demo/putSamples.ts";
import { type Demo, startDemo } from "../../src/node/demo/startDemo.ts";
import { UploadServer } from "../../src/node/encode/UploadServer.ts";
import { type UploadOptions, uploadFile } from "../../src/node/encode/uploadFile.ts";
import type { DevelopmentGrid } from "../../src/node/grid/developmentGrid.ts";
import { readServerList } from "../../src/node/transport/readServerList.ts";

const checkout = fileURLToPath(new URL("../../", import.meta.url));

/** A grid of ten servers with the sample files on it, and the built app on a web server beside it. */
export interface DemoGrid {
  readonly grid: DevelopmentGrid;
  /** The app's address; the fixture makes it playwright's baseURL too. */
  readonly appUrl: string;
  /** The sample of this name. */
  sample(name: string): Sample;
  /** Puts a file onto the grid and gives its cap. */
  put(path: string, options?: Pick<UploadOptions, "encoding" | "convergence">): Promise<string>;
  /** Puts a made-up file of any size onto the grid at no cost, and gives its cap. Its ciphertext is zeroes. */
  placeLarge(size: number, seed: number): Promise<ChkCap>;
  /** A folder for the tests' files; it goes with the grid. */
  readonly folder: string;
}

/**
 * Playwright's `test` with a grid of its own for each of its workers. Before every test all dials are back and the counters
 * at zero; files stay on the grid from test to test.
 */
export const test = base.extend<{ freshDials: undefined }, { demo: DemoGrid }>({
  demo: [
    // biome-ignore lint/correctness/noEmptyPattern: playwright reads which fixtures this one needs off the pattern.
    async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), "gridfetch-e2e-"));
      const demo = await start(folder);
      try {
        await use(demoGrid(demo, folder));
      } finally {
        await demo.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker", timeout: 120_000 },
  ],
  freshDials: [
    async ({ demo }, use) => {
      demo.grid.reset();
      await use(undefined);
    },
    { auto: true },
  ],
  baseURL: async ({ demo }, use) => use(demo.appUrl),
});

export { expect } from "@playwright/test";

async function start(folder: string): Promise<Demo> {
  const appFolder = join(checkout, "dist/app");
  if (!existsSync(join(appFolder, "gridfetch-worker.js"))) throw new Error("Build the app first: npm run build");
  return startDemo({
    folder,
    appFolder,
    samplesFolder: join(checkout, "src/node/demo/samples"),
    port: 0,
    servers: 10,
    log: () => undefined,
    report: { uploading: () => undefined, uploaded: () => undefined },
    signal: AbortSignal.timeout(100_000),
  });
}

function demoGrid({ grid, app, samples }: Demo, folder: string): DemoGrid {
  return {
    grid,
    appUrl: app.url,
    folder,
    sample(name) {
      const found = samples.find((sample) => sample.name === name);
      if (!found)
        throw new Error(`There is no sample ${name}, only ${samples.map((sample) => sample.name).join(", ")}`);
      return found;
    },
    async put(path, options = {}) {
      const { servers } = await readServerList(grid.serversFile);
      const { cap } = await uploadFile({
        path,
        servers: servers.map(({ server, transport, swissnum }) => new UploadServer(server, transport, swissnum)),
        signal: AbortSignal.timeout(300_000),
        ...options,
      });
      return cap;
    },
    async placeLarge(size, seed) {
      const file = new GeneratedFile({ size, needed: 3, total: 10, maxSegmentSize: 128 * 1024, seed });
      for (let n = 0; n < 10; n++) {
        const shares = join(folder, "grid", `server-${n}`, "shares", file.storageIndexText);
        await mkdir(shares, { recursive: true });
        const share = await open(join(shares, String(n)), "w");
        for (const [offset, bytes] of file.parts(n)) await share.write(bytes, 0, bytes.length, offset);
        await share.close();
      }
      return file.cap;
    },
  };
}
