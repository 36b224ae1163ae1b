import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../../src/files/testing/random.ts";
import type { Part } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { BenchGrid } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { round } from "../statistics.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const SAMPLE_EVERY_MS = 50;

const measures = {
  "requests.sequential": { unit: "requests per MiB of share data", target: { most: 1 } },
  "memory.sequential": { unit: "MiB above idle, at most", target: { most: 64 } },
  "memory.random": { unit: "MiB above idle, at most", target: { most: 64 } },
};

/** A page reads huge files of a development grid: how much memory its process, which is the worker's too, takes for that. */
export const memoryPart: Part = {
  measures,
  async run(bench) {
    const { report, seed, isQuick } = bench;
    const bed = await BenchGrid.start(bench, "memory");
    const folder = await benchFolder(bench);
    const plain = join(folder, "plain.bin");
    const smallSize = (isQuick ? 128 : 1024) * MiB;
    const largeSize = (isQuick ? 0.5 : 4) * GiB;
    await writeFile(plain, "");
    await truncate(plain, smallSize);
    /** The peak of `work` above idle, in MiB, in a browser of its own. */
    const peakOf = async (work: (browser: BenchBrowser) => Promise<unknown>): Promise<number> => {
      const browser = await BenchBrowser.start(bench, folder, bed.grid.configFile);
      try {
        const memory = await browser.renderers();
        await new Promise((resolve) => setTimeout(resolve, 500));
        const idle = await memory();
        let peak = idle;
        const timer = setInterval(() => {
          // A process that has gone shows in the work's own failure.
          memory().then(
            (now) => {
              peak = Math.max(peak, now);
            },
            () => {},
          );
        }, SAMPLE_EVERY_MS);
        await work(browser).finally(() => clearInterval(timer));
        return (peak - idle) / MiB;
      } finally {
        await browser.close();
      }
    };
    try {
      const usual = { needed: 3, total: 10, maxSegmentSize: 128 * KiB, seed };
      const pumpPeak = await peakOf((browser) => browser.readAll("/bench/pump/plain.bin", smallSize));
      const small = await bed.place({ ...usual, size: smallSize });
      bed.takeCounters();
      const smallPeak = await peakOf((browser) => browser.readAll(small, smallSize));
      const { requests, bytes } = bed.takeCounters();
      const counted = `${smallSize / MiB} MiB in sequence: ${requests} requests for ${round(bytes / MiB)} MiB`;
      report.add("requests.sequential", measures["requests.sequential"], requests / (bytes / MiB), counted);

      const large = await bed.place({ ...usual, size: largeSize });
      const largePeak = await peakOf((browser) => browser.readAll(large, largeSize));
      const wideSize = smallSize / 2;
      const wide = await bed.place({ needed: 25, total: 100, maxSegmentSize: 4 * MiB, seed, size: wideSize });
      const widePeak = await peakOf((browser) => browser.readAll(wide, wideSize));
      report.add(
        "memory.sequential",
        measures["memory.sequential"],
        Math.max(smallPeak, largePeak, widePeak),
        `${smallSize / MiB} MiB file ${round(smallPeak)}, ${largeSize / MiB} MiB file ${round(largePeak)}, ` +
          `25-of-100 with segments of 4 MiB ${round(widePeak)}; ` +
          `for information, a plain fetch pumped ${round(pumpPeak)}`,
      );

      const random = new Random(seed);
      const seeks = isQuick ? 20 : 200;
      const randomPeak = await peakOf(async (browser) => {
        for (let i = 0; i < seeks; i++) {
          const at = random.integer(0, largeSize - 1);
          await browser.read(large, { range: `bytes=${at}-`, enough: MiB });
        }
      });
      report.add("memory.random", measures["memory.random"], randomPeak, `${seeks} seeks in ${largeSize / MiB} MiB`);
    } finally {
      await bed.grid.close();
    }
  },
};
