import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zfecKernel } from "../../src/erasure/zfecKernel.ts";
import { Random } from "../../src/files/testing/random.ts";
import type { Part } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { BenchGrid } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { measurePeaks, type Peaks } from "../measurePeaks.ts";
import { round } from "../statistics.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

const measures = {
  "requests.sequential": { unit: "requests per MiB of share data", target: { most: 1 } },
  "memory.sequential": { unit: "MiB above idle, at most", target: { most: 64 } },
  "memory.random": { unit: "MiB above idle, at most", target: { most: 64 } },
};

/** A page reads huge files of a development grid: how much memory the worker takes for that. */
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
    const peaksOf = async (work: (browser: BenchBrowser) => Promise<unknown>): Promise<Peaks> => {
      const browser = await BenchBrowser.start(bench, folder, bed.grid.configFile);
      try {
        return await measurePeaks(browser, () => work(browser));
      } finally {
        await browser.close();
      }
    };
    const kernel = kernelMemory();
    try {
      const usual = { needed: 3, total: 10, maxSegmentSize: 128 * KiB, seed };
      const pumpPeak = await peaksOf((browser) => browser.readAll("/bench/pump/plain.bin", smallSize));
      const small = await bed.place({ ...usual, size: smallSize });
      bed.takeCounters();
      const smallPeak = await peaksOf((browser) => browser.readAll(small, smallSize));
      const smallTraffic = bed.takeCounters();
      const large = await bed.place({ ...usual, size: largeSize });
      const largePeak = await peaksOf((browser) => browser.readAll(large, largeSize));
      // What a file costs once, to open it, must not count for more than it does at 1 GiB: quick runs take their largest file.
      const [{ requests, bytes }, size] = isQuick ? [bed.takeCounters(), largeSize] : [smallTraffic, smallSize];
      const counted = `${size / MiB} MiB in sequence: ${requests} requests for ${round(bytes / MiB)} MiB`;
      report.add("requests.sequential", measures["requests.sequential"], requests / (bytes / MiB), counted);
      const wideSize = smallSize / 2;
      const wide = await bed.place({ needed: 25, total: 100, maxSegmentSize: 4 * MiB, seed, size: wideSize });
      const widePeak = await peaksOf((browser) => browser.readAll(wide, wideSize));
      report.add(
        "memory.sequential",
        measures["memory.sequential"],
        kernel + Math.max(smallPeak.live, largePeak.live, widePeak.live),
        `the kernel ${kernel}, and ${smallSize / MiB} MiB file ${inWords(smallPeak)}, ${largeSize / MiB} MiB file ${inWords(largePeak)}, ` +
          `25-of-100 with segments of 4 MiB ${inWords(widePeak)}; for information, a plain fetch pumped ${inWords(pumpPeak)}`,
      );

      const random = new Random(seed);
      const seeks = isQuick ? 20 : 200;
      const randomPeak = await peaksOf(async (browser) => {
        for (let i = 0; i < seeks; i++) {
          const at = random.integer(0, largeSize - 1);
          await browser.read(large, { range: `bytes=${at}-`, enough: MiB });
        }
      });
      report.add(
        "memory.random",
        measures["memory.random"],
        randomPeak.live,
        `${seeks} seeks in ${largeSize / MiB} MiB: ${inWords(randomPeak)}`,
      );
    } finally {
      await bed.grid.close();
    }
  },
};

/** In MiB: all of it as if it were in use. It is there, as addresses, from the start, and becomes memory where it is written to. */
function kernelMemory(): number {
  const module = new WebAssembly.Module(Buffer.from(zfecKernel, "base64"));
  const { memory } = new WebAssembly.Instance(module).exports as { memory: WebAssembly.Memory };
  return memory.buffer.byteLength / MiB;
}

function inWords({ live, anonymous, samples }: Peaks): string {
  return `${round(live)} (process ${round(anonymous)}; ${samples} samples)`;
}
