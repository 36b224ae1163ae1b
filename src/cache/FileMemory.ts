import type { Clock } from "../base/Clock.ts";
import type { EventLog } from "../base/EventLog.ts";
import type { KeptLimits } from "../base/keptLimits.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ChkVerifyCap } from "../formats/Cap.ts";
import type { ByteStore } from "./ByteStore.ts";
import type { KeptFiles } from "./KeptFiles.ts";
import { KeptSegments } from "./KeptSegments.ts";
import { Pace } from "./Pace.ts";
import { RememberedFile } from "./RememberedFile.ts";
import { WriteBehind } from "./WriteBehind.ts";

/** Where memories are kept. */
export interface MemoryStores {
  /** UEBs, share hash tree nodes, share maps, pages of hash trees. */
  readonly facts: ByteStore;
  /** Ciphertext. */
  readonly segments: ByteStore;
}

/**
 * What outlives the worker of the files that were read. Nothing in it is secret beyond what a verify cap tells: which file
 * it was, and its ciphertext. Reads go on without it whenever a store is missing, slow, full or wrong.
 */
export class FileMemory {
  /** Ciphertext that lasts as long as the worker: one bound over all grids. */
  readonly recent: KeptSegments;
  /** What is kept offline, where files are. */
  readonly offline: KeptFiles | undefined;
  readonly #facts: WriteBehind;
  readonly #segments: WriteBehind;
  readonly #clock: Clock;
  readonly #limits: KeptLimits;

  constructor({ facts, segments }: MemoryStores, clock: Clock, limits: KeptLimits, log: EventLog, offline?: KeptFiles) {
    this.recent = new KeptSegments(limits.inMemory);
    const common = {
      clock,
      scope: log.scope("memory"),
      queueMost: limits.queueBytes,
      delay: limits.writeDelay,
      patience: limits.patience,
    };
    this.#facts = new WriteBehind({ ...common, store: facts });
    this.#segments = new WriteBehind({ ...common, store: segments });
    this.#clock = clock;
    this.#limits = limits;
    this.offline = offline;
  }

  /** Two caps may have one storage index and yet promise different files: the UEB's hash tells them apart. */
  file(cap: Omit<ChkVerifyCap, "kind">): RememberedFile {
    const { pace, burst } = this.#limits;
    const name = `${encodeBase32(cap.storageIndex)}:${encodeBase32(cap.uebHash)}`;
    const offline = this.offline?.of(cap);
    return new RememberedFile(name, this.#facts, this.#segments, new Pace(this.#clock, pace, burst), offline);
  }

  /** Resolves when all that was remembered until now is written or dropped. */
  async settled(): Promise<void> {
    await Promise.all([this.#facts.settled(), this.#segments.settled()]);
  }
}
