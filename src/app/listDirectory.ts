import type { Entry } from "../base/Entry.ts";
import type { Grid } from "../client/Grid.ts";

/**
 * Lists a directory, in its own order.
 *
 * @throws as `Grid.list`
 */
export async function listDirectory(grid: Grid, cap: string, signal: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of grid.list(cap, { signal })) entries.push(entry);
  return entries;
}
