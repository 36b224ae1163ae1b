import { join } from "node:path";
import { makeFile } from "../../e2e/testing/makeFile.ts";
import type { Part } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { BenchGrid, gridUrl, upload } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { inTurn, median, ratioOf, speed } from "../statistics.ts";

const MiB = 1024 * 1024;

const measures = {
  "e2e.passthrough": { unit: "x a plain fetch pumped by the same worker", target: { least: 0.4 } },
};

/** A file from ten development servers to a page that reads it, beside the same bytes as one plain file. */
export const endToEndPart: Part = {
  measures,
  async run(bench) {
    const size = (bench.isQuick ? 64 : 256) * MiB;
    const folder = await benchFolder(bench);
    const path = join(folder, "plain.bin");
    await makeFile(path, size);
    const { grid } = await BenchGrid.start(bench, "end-to-end");
    try {
      const url = gridUrl(await upload(path, grid.serversFile));
      const browser = await BenchBrowser.start(bench, folder, grid.configFile);
      try {
        const workerless = await browser.workerlessPage();
        const timed =
          (path: string, page = browser.page) =>
          async () =>
            (await browser.readAll(path, size, page)).seconds;
        const measurements = {
          ours: timed(url),
          pump: timed("/bench/pump/plain.bin"),
          pass: timed("/bench/pass/plain.bin"),
          direct: timed("/plain.bin", workerless),
        };
        await measurements.ours();
        const seconds = await inTurn(bench.isQuick ? 2 : 3, measurements);
        const rate = (of: readonly number[]) => speed(size / median(of));
        const details =
          `${size / MiB} MiB: the grid ${rate(seconds.ours)}, pumped ${rate(seconds.pump)}; for information ` +
          `respondWith(fetch) ${rate(seconds.pass)}, no worker ${rate(seconds.direct)}`;
        bench.report.add("e2e.passthrough", measures["e2e.passthrough"], ratioOf(seconds.pump, seconds.ours), details);
      } finally {
        await browser.close();
      }
    } finally {
      await grid.close();
    }
  },
};
