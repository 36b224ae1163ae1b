import type { Part } from "../Bench.ts";
import { BenchBrowser } from "../BenchBrowser.ts";
import { benchFolder } from "../benchFolder.ts";
import { median, ratioOf, speed } from "../statistics.ts";
import type { PipelineQuestion, PipelineRound } from "../worker/comparePipeline.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

const measures = {
  "pipeline.128k": { unit: "x SHA-256 in crypto.subtle", target: { least: 0.2 } },
  "pipeline.1m": { unit: "x SHA-256 in crypto.subtle", target: { least: 0.15 } },
};

/** Verify, decode, check and decrypt, without network, in the Service Worker: 3-of-10, no primary share. */
export const pipelinePart: Part = {
  measures,
  async run(bench) {
    const browser = await BenchBrowser.start(bench, await benchFolder(bench));
    try {
      for (const [id, maxSegmentSize] of [
        ["pipeline.128k", 128 * KiB],
        ["pipeline.1m", MiB],
      ] as const) {
        const question: PipelineQuestion = {
          kind: "bench-pipeline",
          file: { size: 64 * MiB, needed: 3, total: 10, maxSegmentSize, seed: bench.seed },
          rounds: bench.isQuick ? 5 : 11,
        };
        const { rounds } = await browser.ask<{ rounds: PipelineRound[] }>(question);
        const [pipeline, sha256] = [rounds.map((one) => one.pipeline), rounds.map((one) => one.sha256)];
        const details = `pipeline ${speed(median(pipeline))}, SHA-256 ${speed(median(sha256))}`;
        bench.report.add(id, measures[id], ratioOf(pipeline, sha256), details);
      }
    } finally {
      await browser.close();
    }
  },
};
