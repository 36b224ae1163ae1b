import { defaultLimits, type Limits } from "../../base/limits.ts";
import { Slots } from "../../base/Slots.ts";
import { SegmentCache } from "../../cache/SegmentCache.ts";
import { zfecTypeScript } from "../../erasure/zfecTypeScript.ts";
import type { SimulatedGrid } from "../../files/testing/SimulatedGrid.ts";
import { HealthBook } from "../../servers/HealthBook.ts";
import type { DownloadContext } from "../DownloadContext.ts";
import { SegmentSizes } from "../SegmentSizes.ts";

/** What a part of a download works with when it is tested by itself on a simulated grid. */
export function contextFor(
  grid: SimulatedGrid,
  storageIndexText: string,
  changes: Partial<Limits> = {},
): DownloadContext {
  const limits = { ...defaultLimits, ...changes };
  return {
    servers: grid,
    storageOf: (server) => server.storage,
    health: new HealthBook(grid.clock, limits, grid),
    decoding: new Slots(limits.decodedAtOnce),
    codec: zfecTypeScript,
    clock: grid.clock,
    limits,
    segmentSizes: new SegmentSizes(limits.segmentSizeGuesses),
    scope: grid.log.scope("node"),
    storageIndexText,
    traffic: { received: 0, hedged: 0 },
    segmentCache: new SegmentCache(0),
    segmentPrefix: "",
    cachedFile: undefined,
    away: undefined,
  };
}
