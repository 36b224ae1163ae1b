import type { Counters } from "../../src/node/grid/DevelopmentServer.ts";
import type { DevelopmentGrid } from "../../src/node/grid/developmentGrid.ts";

/** What a counter says of all servers of a grid together. */
export function total({ grid }: { readonly grid: DevelopmentGrid }, counter: keyof Counters): number {
  return grid.status().reduce((sum, { counters }) => sum + counters[counter], 0);
}
