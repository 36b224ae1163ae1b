import type { Part } from "../Bench.ts";
import { GeneratedFile } from "../generated/GeneratedFile.ts";
import { memoryServers, secondaryShares } from "../generated/MemoryServer.ts";
import { readWhole } from "../generated/readWhole.ts";
import { inTurn, median, ratioOf, round, speed } from "../statistics.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

const measures = {
  "high-k.25-of-100": { unit: "x the speed of 3-of-10", target: { least: 0.2 } },
  "high-k.60-of-255": { unit: "x the speed of 3-of-10", target: { least: 0.1 } },
  "high-k.huge-segments": { unit: "x the speed of 3-of-10", target: { least: 0.5 } },
  "high-k.tiny-segments": { unit: "x the time of a segment of 128 KiB", target: { most: 1 } },
};

/** Unusual encodings, with no primary share and no network, in Node: beside 3-of-10 with segments of 128 KiB. */
export const highKPart: Part = {
  measures,
  async run({ report, seed, isQuick }) {
    const usual = readerOf({ size: 32 * MiB, needed: 3, total: 10, maxSegmentSize: 128 * KiB, seed });
    const k25 = readerOf({ size: 16 * MiB, needed: 25, total: 100, maxSegmentSize: MiB, seed });
    const k60 = readerOf({ size: 16 * MiB, needed: 60, total: 255, maxSegmentSize: MiB, seed });
    const huge = readerOf({ size: 64 * MiB, needed: 3, total: 10, maxSegmentSize: 32 * MiB, seed });
    const tiny = readerOf({ size: 24 * 500, needed: 3, total: 10, maxSegmentSize: 24, seed });
    const measurements = { usual: usual.read, k25: k25.read, k60: k60.read, huge: huge.read, tiny: tiny.read };
    // The engine compiles all there is in the first seconds, which counts most where segments are small.
    await inTurn(3, measurements);
    const seconds = await inTurn(isQuick ? 2 : 5, measurements);
    const perSecond = (size: number, of: readonly number[]) => of.map((one) => size / one);
    const usualSpeed = perSecond(usual.size, seconds.usual);
    for (const [id, reader, of] of [
      ["high-k.25-of-100", k25, seconds.k25],
      ["high-k.60-of-255", k60, seconds.k60],
      ["high-k.huge-segments", huge, seconds.huge],
    ] as const) {
      const ours = perSecond(reader.size, of);
      const details = `${reader.segments}: ${speed(median(ours))}; 3-of-10 ${speed(median(usualSpeed))}`;
      report.add(id, measures[id], ratioOf(ours, usualSpeed), details);
    }
    const perTiny = seconds.tiny.map((one) => one / tiny.segmentCount);
    const perUsual = seconds.usual.map((one) => one / usual.segmentCount);
    const details = `segments of 24 bytes: ${round(median(perTiny) * 1e6)} µs each; of 128 KiB: ${round(median(perUsual) * 1e6)} µs`;
    report.add("high-k.tiny-segments", measures["high-k.tiny-segments"], ratioOf(perTiny, perUsual), details);
  },
};

interface Reader {
  readonly size: number;
  readonly segmentCount: number;
  readonly segments: string;
  /** The seconds of a cold read. */
  read(): Promise<number>;
}

function readerOf(options: ConstructorParameters<typeof GeneratedFile>[0]): Reader {
  const file = new GeneratedFile(options);
  const servers = memoryServers(file, secondaryShares(file, options.needed + 2));
  const { segmentCount } = file.geometry;
  return {
    size: options.size,
    segmentCount,
    segments: `segments of ${options.maxSegmentSize / KiB} KiB`,
    read: () => readWhole(file.cap, servers),
  };
}
