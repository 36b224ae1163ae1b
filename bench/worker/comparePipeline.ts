import { GeneratedFile, type GeneratedFileOptions } from "../generated/GeneratedFile.ts";
import { memoryServers, secondaryShares } from "../generated/MemoryServer.ts";
import { readWhole } from "../generated/readWhole.ts";

/** What the worker is asked for over a port. */
export interface PipelineQuestion {
  readonly kind: "bench-pipeline";
  readonly file: GeneratedFileOptions;
  readonly rounds: number;
}

/** Bytes a second of a read without network, and of SHA-256 in crypto.subtle right after. */
export interface PipelineRound {
  readonly pipeline: number;
  readonly sha256: number;
}

const SHA_INPUT = 128 * 1024;
const SHA_CALLS = 512;
/** A fresh worker reads its first 64 MiB at 0.15 to 0.19 of SHA-256's speed and its fifteenth at 0.23: the engine compiles on and on. */
const WARM_UP = 8;

export function isPipelineQuestion(data: unknown): data is PipelineQuestion {
  return typeof data === "object" && data !== null && "kind" in data && data.kind === "bench-pipeline";
}

/** Reads a file whose secondary shares are in memory, and hashes with SHA-256, in turn. */
export async function comparePipeline({ file: options, rounds }: PipelineQuestion): Promise<PipelineRound[]> {
  const file = new GeneratedFile(options);
  const servers = memoryServers(file, secondaryShares(file));
  const results: PipelineRound[] = [];
  for (let round = -WARM_UP; round < rounds; round++) {
    const pipeline = options.size / (await readWhole(file.cap, servers));
    const sha256 = await shaSpeed();
    if (round >= 0) results.push({ pipeline, sha256 });
  }
  return results;
}

async function shaSpeed(): Promise<number> {
  const input = new Uint8Array(SHA_INPUT);
  const began = performance.now();
  for (let i = 0; i < SHA_CALLS; i++) await crypto.subtle.digest("SHA-256", input);
  return (SHA_INPUT * SHA_CALLS) / ((performance.now() - began) / 1000);
}
