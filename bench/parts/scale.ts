import type { Part } from "../Bench.ts";
import { GeneratedFile } from "../generated/GeneratedFile.ts";
import { round } from "../statistics.ts";
import { inVirtualTime, VirtualGrid } from "../VirtualGrid.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const SERVERS = 10;
const SEGMENT_SIZES = [128 * KiB, MiB];

const measures = {
  "bytes.tiny-read": {
    unit: "MiB moved for a byte of a cold 10 GiB file in segments of 128 KiB",
    target: { most: 0.35 },
  },
  "bytes.tiny-read.cold-grid": {
    unit: "the same on a grid of which no file was read, or with segments of 1 MiB",
    target: { most: 1.5 },
  },
  "scale.open": { unit: "x the cost at 16 MiB, of opening 16 GiB", target: { most: 2 } },
  "scale.per-byte": { unit: "x the cost at 64 MiB, of a byte at 16 GiB", target: { most: 1.25 } },
};

interface Cost {
  readonly ms: number;
  readonly requests: number;
  readonly bytes: number;
}

/**
 * What does not depend on how fast anything is, counted in virtual time. A cost is the worse of time and bytes; requests are told
 * beside it: a large file's hash trees have more levels of pages, and those go out at the same time.
 */
export const scalePart: Part = {
  measures,
  run: ({ report, seed, isQuick }) =>
    inVirtualTime(async () => {
      const fileOf = (size: number, maxSegmentSize: number) =>
        new GeneratedFile({ size, needed: 3, total: 10, maxSegmentSize, seed });

      const tiny = [];
      for (const segmentSize of SEGMENT_SIZES) {
        tiny.push(await costOf(fileOf(10 * GiB, segmentSize), { offset: 7 * GiB + 12345, length: 1 }));
      }
      const [small, large] = tiny.map(({ bytes }) => round(bytes / MiB));
      report.add(
        "bytes.tiny-read.cold-grid",
        measures["bytes.tiny-read.cold-grid"],
        Math.max(...tiny.map(({ bytes }) => bytes)) / MiB,
        `with segments of 128 KiB ${small} MiB, of 1 MiB ${large} MiB`,
      );
      const known = fileOf(MiB, 128 * KiB);
      const [far, near] = [
        await costOf(fileOf(10 * GiB, 128 * KiB), { offset: 7 * GiB + 12345, length: 1 }, known),
        await costOf(fileOf(64 * MiB, 128 * KiB), { offset: 32 * MiB + 12345, length: 1 }, known),
      ];
      const inSmall = `of a file of 64 MiB ${round(near.bytes / KiB)} KiB`;
      report.add("bytes.tiny-read", measures["bytes.tiny-read"], far.bytes / MiB, inSmall);

      const ratios: string[] = [];
      let worst = 0;
      for (const segmentSize of SEGMENT_SIZES) {
        const near = await costOf(fileOf(16 * MiB, segmentSize), { offset: 9 * MiB, length: 1 });
        const far = await costOf(fileOf(16 * GiB, segmentSize), { offset: 9 * GiB, length: 1 });
        const [ms, requests, bytes] = [far.ms / near.ms, far.requests / near.requests, far.bytes / near.bytes];
        worst = Math.max(worst, ms, bytes);
        ratios.push(
          `${segmentSize / KiB} KiB segments: time ${round(ms)}, requests ${round(requests)}, bytes ${round(bytes)}`,
        );
      }
      report.add("scale.open", measures["scale.open"], worst, ratios.join("; "));

      const length = (isQuick ? 32 : 64) * MiB;
      const whole = await costOf(fileOf(64 * MiB, 128 * KiB), { offset: 0, length });
      const part = await costOf(fileOf(16 * GiB, 128 * KiB), { offset: 9 * GiB, length });
      const [ms, requests, bytes] = [part.ms / whole.ms, part.requests / whole.requests, part.bytes / whole.bytes];
      const details = `${length / MiB} MiB in sequence: time ${round(ms)}, requests ${round(requests)}, bytes ${round(bytes)}`;
      report.add("scale.per-byte", measures["scale.per-byte"], Math.max(ms, bytes), details);
    }),
};

/**
 * Of a cold read, with 50 ms to a server and 10 MB/s from it.
 * @param before a file of the same grid that is read first
 */
async function costOf(
  file: GeneratedFile,
  range: { offset: number; length: number },
  before?: GeneratedFile,
): Promise<Cost> {
  const grid = new VirtualGrid(SERVERS);
  grid.hold(file);
  for (const { behaviour } of grid.servers) Object.assign(behaviour, { latency: 50, bandwidth: 10_000 });
  if (before !== undefined) {
    grid.hold(before);
    await grid.read(before, { offset: 0, length: 1 });
  }
  const { requests, bytes } = grid.traffic;
  const { ms } = await grid.read(file, range);
  return { ms, requests: grid.traffic.requests - requests, bytes: grid.traffic.bytes - bytes };
}
