import type { Measured, Report } from "./Report.ts";

/** What every part of the bench gets. */
export interface Bench {
  readonly report: Report;
  /** Two minutes in all, at the price of rougher figures. */
  readonly isQuick: boolean;
  readonly seed: number;
  /** A folder of this run's own, deleted after it. */
  readonly folder: string;
  /** Where the `tahoe` and `python` commands of an environment with Tahoe-LAFS are, or why there is none. */
  readonly tahoe: { readonly bin: string } | { readonly missing: string };
  /** Path of a Chromium, or why there is none. */
  readonly chromium: { readonly path: string } | { readonly missing: string };
}

/** A part of the bench: what it measures, and how. It may add figures beside those that it announces. */
export interface Part {
  readonly measures: Readonly<Record<string, Measured>>;
  run(bench: Bench): Promise<void>;
}

/** Runs a part. Whatever it announced and did not bring has failed. */
export async function runPart({ measures, run }: Part, bench: Bench): Promise<void> {
  let reason = "it was not measured";
  try {
    await run(bench);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  for (const [id, measured] of Object.entries(measures))
    if (!bench.report.has(id)) bench.report.fail(id, measured, reason);
}

/** @throws Error that says why it is missing */
export function tahoeBin({ tahoe }: Bench): string {
  if ("bin" in tahoe) return tahoe.bin;
  throw new Error(`there is no Tahoe-LAFS: ${tahoe.missing}`);
}
