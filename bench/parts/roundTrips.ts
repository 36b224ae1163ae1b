import { setTimeout } from "node:timers/promises";
import type { Part } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { BenchGrid } from "../BenchGrid.ts";
import { benchFolder } from "../benchFolder.ts";
import { inTurn, median, round } from "../statistics.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const LATENCY = 100;
/** Further than a reader looks ahead, and no multiple of a segment. */
const FAR_AHEAD = 37 * MiB + 1;
/** What a worker remembers it has written after this: it gathers for half a second. */
const WRITTEN = 2_000;

const measures = {
  "rtt.cold": { unit: "round trips to a cold file's first byte", target: { most: 2 } },
  "rtt.warm": { unit: "round trips to the first byte of a seek after the worker was ended", target: { most: 1 } },
  "rtt.seek": { unit: "round trips to a seek's first byte", target: { most: 1 } },
};

const FILES = {
  "128 KiB segments": { size: 64 * MiB, maxSegmentSize: 128 * KiB },
  "1 MiB segments": { size: 64 * MiB, maxSegmentSize: MiB },
  "a small file": { size: 20 * KiB, maxSegmentSize: MiB },
};

/**
 * Time to the first verified byte in a page, with and without 100 ms before each answer of a server: the difference, in units of
 * 100 ms, is how many answers had to be waited for one after the other. It is rounded to a whole number, which it is.
 */
export const roundTripsPart: Part = {
  measures,
  async run(bench) {
    const { report } = bench;
    const bed = await BenchGrid.start(bench, "round-trips");
    const browser = await BenchBrowser.start(bench, await benchFolder(bench), bed.grid.configFile);
    const rounds = bench.isQuick ? 5 : 11;
    try {
      let seed = bench.seed * 1000;
      const cold: Record<string, number> = {};
      const seek: Record<string, number> = {};
      const warm: Record<string, number> = {};
      const notes: string[] = [];
      for (const [name, { size, maxSegmentSize }] of Object.entries(FILES)) {
        const fresh = (bytes = size) => bed.place({ size: bytes, maxSegmentSize, needed: 3, total: 10, seed: seed++ });
        const firstByte = async (latency: number, url: string, at: number) => {
          bed.setLatency(latency);
          const range = `bytes=${at}-`;
          return (await browser.read(url, { range, enough: 1 })).firstByte;
        };
        // The first reads of a worker compile it.
        await firstByte(0, await fresh(), 0);
        await firstByte(LATENCY, await fresh(), 0);
        const coldTimes = await inTurn(rounds, {
          near: async () => firstByte(0, await fresh(), 0),
          far: async () => firstByte(LATENCY, await fresh(), 0),
        });
        cold[name] = trips(coldTimes);
        // A file of one segment has nowhere to seek to.
        if (size < MiB) continue;
        const open = await fresh(GiB);
        await browser.read(open, { enough: 1 });
        let at = 0;
        const next = () => {
          at += FAR_AHEAD;
          return at;
        };
        const seekTimes = await inTurn(rounds, {
          near: () => firstByte(0, open, next()),
          far: () => firstByte(LATENCY, open, next()),
        });
        seek[name] = trips(seekTimes);

        const known = await fresh(GiB);
        await firstByte(0, known, 0);
        await setTimeout(WRITTEN);
        let place = 0;
        const afterEnd = async (latency: number) => {
          await browser.endWorker();
          place += FAR_AHEAD;
          return firstByte(latency, known, place);
        };
        await afterEnd(LATENCY);
        const warmTimes = await inTurn(Math.min(rounds, 5), { near: () => afterEnd(0), far: () => afterEnd(LATENCY) });
        warm[name] = trips(warmTimes);

        const costOfByte = async (url: string, at: number) => {
          bed.takeCounters();
          await browser.read(url, { range: `bytes=${at}-${at}` });
          return bed.takeCounters().bytes / 1000;
        };
        const tiny = await fresh();
        const coldBytes = await costOfByte(tiny, 0);
        await setTimeout(WRITTEN);
        await browser.endWorker();
        const warmBytes = await costOfByte(tiny, 20 * MiB);
        notes.push(`${name}: a byte costs ${round(coldBytes)} kB cold, ${round(warmBytes)} kB warm`);
      }
      for (const [id, counts] of [
        ["rtt.cold", cold],
        ["rtt.seek", seek],
        ["rtt.warm", warm],
      ] as const) {
        const details = Object.entries(counts).map(([name, count]) => `${name} ${round(count)}`);
        if (id === "rtt.warm") details.push(...notes);
        report.add(id, measures[id], Math.round(Math.max(...Object.values(counts))), details.join(", "));
      }
    } finally {
      await browser.close();
      await bed.grid.close();
    }
  },
};

function trips({ near, far }: { near: readonly number[]; far: readonly number[] }): number {
  return ((median(far) - median(near)) * 1000) / LATENCY;
}
