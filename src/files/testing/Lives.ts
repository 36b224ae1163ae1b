import { EventLog } from "../../base/EventLog.ts";
import { defaultLimits } from "../../base/limits.ts";
import type { ByteStore } from "../../cache/ByteStore.ts";
import { type CacheLimits, defaultCacheLimits } from "../../cache/cacheLimits.ts";
import { FileCache } from "../../cache/FileCache.ts";
import { MemoryStore } from "../../cache/testing/MemoryStore.ts";
import type { ServerList } from "../../servers/ServerList.ts";
import { createFileNodes, type FileNodes } from "../createFileNodes.ts";
import type { SimulatedGrid } from "./SimulatedGrid.ts";

/** As the scenarios' files have them: a reader expects them as it does the usual ones in the world. */
const SEGMENT_SIZES = [300, 120];

/** What a worker has from its start to its death. */
export interface Life {
  readonly nodes: FileNodes;
  readonly memory: FileCache;
  /** Those of another grid that is read in the same life. */
  nodesOf(servers: ServerList): FileNodes;
}

/** Workers that live one after the other: all that goes from one to the next is what is in the stores. */
export class Lives {
  readonly facts: ByteStore;
  readonly segments: ByteStore;
  readonly #grid: SimulatedGrid;
  readonly #limits: CacheLimits;

  constructor(
    grid: SimulatedGrid,
    stores: { facts?: ByteStore; segments?: ByteStore } = {},
    limits: Partial<CacheLimits> = {},
  ) {
    this.#grid = grid;
    this.#limits = { ...defaultCacheLimits, ...limits };
    this.facts = stores.facts ?? new MemoryStore(this.#limits.facts);
    this.segments = stores.segments ?? new MemoryStore(this.#limits.segments);
  }

  /** A new worker, which knows nothing. @param servers the grid's unless others are given */
  begin(servers: ServerList = this.#grid): Life {
    const { clock } = this.#grid;
    const log = new EventLog(clock);
    const limits = { ...defaultLimits, segmentSizeGuesses: SEGMENT_SIZES };
    const memory = new FileCache({ facts: this.facts, segments: this.segments }, clock, this.#limits, log);
    const nodesOf = (servers: ServerList) => createFileNodes({ servers, clock, log, fileCache: memory, limits });
    return { nodes: nodesOf(servers), memory, nodesOf };
  }
}
