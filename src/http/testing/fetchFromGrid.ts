import type { HandleRecord } from "../../base/HandleRecord.ts";
import type { SimulatedGrid } from "../../files/testing/SimulatedGrid.ts";
import { FailurePacer } from "../FailurePacer.ts";
import { gridPaths } from "../GridPaths.ts";
import { handleGridRequest } from "../handleGridRequest.ts";
import { Openings } from "../Openings.ts";

/** Asks for a path, as a page of https://app.example/ does, with these handles. */
export function fetchFromGrid(
  grid: SimulatedGrid,
  path: string,
  init: RequestInit = {},
  handles: Readonly<Record<string, Partial<HandleRecord>>> = {},
): Promise<Response> {
  const answered = handleGridRequest(new Request(`https://app.example${path}`, init), {
    paths: gridPaths(new URL("https://app.example/"), { tahoeForms: true }),
    findHandle: async (handle) => {
      const record = handles[handle];
      return record && { cap: "", filename: "", download: false, type: "", grid: "", ...record };
    },
    open: (cap, _grid, signal) => grid.nodes.openLatest(cap, signal),
    directory: async (cap) => grid.nodes.directory(cap),
    archive: () => Promise.reject(new Error("no archive in this test")),
    clock: grid.clock,
    failures: new FailurePacer(grid.clock),
    haveServersMoved: async () => false,
    openings: new Openings(grid.clock, false),
    client: "page",
    streaming: () => undefined,
    failed: () => undefined,
    isOffline: () => false,
    forbidden: async () => [],
    isKeptFromLocalNetwork: async () => false,
  });
  return grid.clock.runUntil(answered);
}
