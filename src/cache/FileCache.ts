import type { Clock } from "../base/Clock.ts";
import type { EventLog } from "../base/EventLog.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import { AwayServers } from "./AwayServers.ts";
import type { ByteStore } from "./ByteStore.ts";
import { CachedFile } from "./CachedFile.ts";
import type { CacheLimits } from "./cacheLimits.ts";
import type { FileParts } from "./FileParts.ts";
import { PlaybackPace } from "./PlaybackPace.ts";
import { SegmentCache } from "./SegmentCache.ts";
import { WriteBehind } from "./WriteBehind.ts";

/** Where memories are kept. */
export interface CacheStores {
  /** UEBs, share hash tree nodes, share maps, pages of hash trees; which servers were away. */
  readonly facts: ByteStore;
  /** Ciphertext. */
  readonly segments: ByteStore;
}

/**
 * What outlives the worker of the files that were read. Nothing in it is secret beyond what a verify cap tells: which file
 * it was, and its ciphertext. Reads go on without it whenever a store is missing, slow, full or wrong.
 */
export class FileCache {
  /** Ciphertext that lasts as long as the worker: one bound over all grids. */
  readonly recent: SegmentCache;
  /** Of all grids. */
  readonly away: AwayServers;
  readonly #facts: WriteBehind;
  readonly #segments: WriteBehind;
  readonly #clock: Clock;
  readonly #limits: CacheLimits;
  readonly #keptOf: ((cap: Omit<ChkVerifyCap, "kind">) => FileParts) | undefined;

  /** @param keptOf what is kept of a file for good, by somebody else */
  constructor(
    { facts, segments }: CacheStores,
    clock: Clock,
    limits: CacheLimits,
    log: EventLog,
    keptOf?: (cap: Omit<ChkVerifyCap, "kind">) => FileParts,
  ) {
    this.recent = new SegmentCache(limits.inMemory);
    const common = {
      clock,
      scope: log.scope("memory"),
      queueMost: limits.queueBytes,
      delay: limits.writeDelay,
      patience: limits.patience,
    };
    this.#facts = new WriteBehind({ ...common, store: facts });
    this.away = new AwayServers(clock, this.#facts);
    this.#segments = new WriteBehind({ ...common, store: segments });
    this.#clock = clock;
    this.#limits = limits;
    this.#keptOf = keptOf;
  }

  /**
   * What is remembered of a file. Two caps may have one storage index and yet promise different files: the UEB's hash tells them apart.
   * @param into for the download that fetches the file into these parts, to be kept for good
   */
  file(cap: Omit<ChkVerifyCap, "kind">, into?: FileParts): CachedFile {
    const { pace, burst } = this.#limits;
    const name = `${encodeBase32(cap.storageIndex)}:${encodeBase32(cap.uebHash)}`;
    const kept = into ?? this.#keptOf?.(cap);
    const player = new PlaybackPace(this.#clock, pace, burst);
    return new CachedFile(name, this.#facts, this.#segments, player, kept, into !== undefined);
  }

  /** Resolves when all that was remembered until now is written or dropped. */
  async settled(): Promise<void> {
    await Promise.all([this.#facts.settled(), this.#segments.settled()]);
  }
}
