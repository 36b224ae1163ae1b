import type { Limits } from "../base/limits.ts";
import type { Geometry } from "../formats/Geometry.ts";

/**
 * How many segments are read ahead together: as many as a reader begins with. Runs of so many lie side by side from the file's start,
 * the same for all readers.
 */
export function segmentsPerRun(
  { segmentSize }: Pick<Geometry, "segmentSize">,
  { windowStart, windowSegments }: Pick<Limits, "windowStart" | "windowSegments">,
): number {
  return Math.max(1, Math.min(Math.floor(windowStart / segmentSize), Math.floor(windowSegments / 4)));
}
