import type { Part } from "../Bench.ts";
import { GeneratedFile } from "../generated/GeneratedFile.ts";
import { round } from "../statistics.ts";
import { inVirtualTime, VirtualGrid } from "../VirtualGrid.ts";

const MiB = 1024 * 1024;
const SERVERS = 10;
/** Milliseconds, and bytes a millisecond. The three nearest are what a reader will use. */
const LATENCY = 30;
const NEAR_LATENCY = 25;
const BANDWIDTH = 5000;
const SLOWER = 20;

const measures = {
  "slow-server.throughput": { unit: "x the throughput with no slow server", target: { least: 0.8 } },
  "slow-server.stall": { unit: "round trips between two chunks, at most", target: { most: 2 } },
};

interface Run {
  readonly ms: number;
  readonly worstGap: number;
}

/** One of the three nearest servers is 20 times slower, from the start or from the middle of the read. In virtual time. */
export const slowServerPart: Part = {
  measures,
  run: (bench) =>
    inVirtualTime(async () => {
      const size = 64 * MiB;
      const file = new GeneratedFile({ size, needed: 3, total: 10, maxSegmentSize: 128 * 1024, seed: bench.seed });
      const good = await readWith(file, undefined);
      const fromStart = await readWith(file, 0);
      const fromMiddle = await readWith(file, size / 2);
      const throughput = good.ms / Math.max(fromStart.ms, fromMiddle.ms);
      const ratios = [fromStart, fromMiddle].map(({ ms }) => round(good.ms / ms));
      bench.report.add(
        "slow-server.throughput",
        measures["slow-server.throughput"],
        throughput,
        `${size / MiB} MiB: slow from the start ${ratios[0]}, from the middle ${ratios[1]}`,
      );
      const gaps = [good, fromStart, fromMiddle].map(({ worstGap }) => round(worstGap / LATENCY));
      bench.report.add(
        "slow-server.stall",
        measures["slow-server.stall"],
        Math.max(...gaps.slice(1)),
        `worst gap with no slow server ${gaps[0]}, slow from the start ${gaps[1]}, from the middle ${gaps[2]}`,
      );
    }),
};

/** @param slowFrom bytes after which one server is slow; undefined for never */
async function readWith(file: GeneratedFile, slowFrom: number | undefined): Promise<Run> {
  const grid = new VirtualGrid(SERVERS);
  grid.hold(file);
  for (const [i, { behaviour }] of grid.servers.entries()) {
    behaviour.latency = i < 3 ? NEAR_LATENCY : LATENCY;
    behaviour.bandwidth = BANDWIDTH;
  }
  const behaviour = grid.servers[1]!.behaviour;
  const slowDown = () => {
    behaviour.latency = NEAR_LATENCY * SLOWER;
    behaviour.bandwidth = BANDWIDTH / SLOWER;
  };
  if (slowFrom === 0) slowDown();
  const { ms, arrivals } = await grid.read(file, { offset: 0, length: file.cap.size }, (bytes) => {
    if (slowFrom !== undefined && bytes >= slowFrom) slowDown();
  });
  const gaps = arrivals.slice(1).map((at, i) => at - arrivals[i]!);
  return { ms, worstGap: Math.max(...gaps) };
}
