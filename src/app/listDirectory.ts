import type { Entry } from "../base/Entry.ts";
import type { Grid } from "../client/Grid.ts";

/**
 * Lists a directory, by name.
 *
 * @throws as `Grid.list`
 */
export async function listDirectory(grid: Grid, cap: string, signal: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of grid.list(cap, { signal })) entries.push(entry);
  const order = new Intl.Collator(undefined, { numeric: true });
  return entries.sort((one, other) => order.compare(one.name, other.name));
}
