import type { GridSource } from "./GridSource.ts";

/**
 * For a read that found too little: a worker that has just been started may have asked servers that have moved meanwhile. Where nothing tells of that,
 * the configuration is in doubt.
 *
 * @param changes `GridSource.changes` as it was when the read began
 */
export async function haveServersMoved(
  grids: Pick<GridSource, "changedSince" | "doubt">,
  changes: number,
): Promise<boolean> {
  if (await grids.changedSince(changes)) return true;
  grids.doubt();
  return false;
}
