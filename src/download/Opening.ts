import type { LogScope } from "../base/EventLog.ts";
import { isGridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { SharedTask } from "../base/SharedTask.ts";
import type { Geometry } from "../formats/Geometry.ts";
import type { ChkShare } from "./ChkShare.ts";
import type { FileFacts } from "./FileFacts.ts";
import { inShareScope } from "./inShareScope.ts";
import type { RaceRules } from "./ShareRace.ts";

/** What a share brings at least when it is opened: header, chain, UEB. */
const OPENING_BYTES = 2048;

type Run = (rules: RaceRules<ChkShare, true>, signal: AbortSignal) => Promise<unknown>;

/**
 * Learns how a file is cut up from whichever share tells it first. Meanwhile all that its first segment will probably need is asked
 * for of k shares, and stays asked for until that segment is here.
 */
export class Opening {
  readonly #facts: FileFacts;
  readonly #recall: (() => Promise<void>) | undefined;
  readonly #run: Run;
  readonly #opened: (geometry: Geometry) => void;
  #recalled: Promise<void> | undefined;
  #task: SharedTask<Geometry> | undefined;
  /** Keeps alive what was asked for on a guess. */
  #speculation: AbortController | undefined;

  /**
   * @param recall brings back what is remembered of the file, where anything may be; never rejects
   * @param run races the file's shares
   * @param opened is told once
   */
  constructor(
    facts: FileFacts,
    recall: (() => Promise<void>) | undefined,
    run: Run,
    opened: (geometry: Geometry) => void,
  ) {
    this.#facts = facts;
    this.#recall = recall;
    this.#run = run;
    this.#opened = opened;
  }

  /**
   * Opens the file, or waits with those who are at it. Not after it is open.
   * @param offset in the file, in bytes, where the first segment will be wanted
   * @throws GridError NOT_ENOUGH_SHARES, or BAD_FORMAT/TOO_LARGE for a file that is itself unusable; the signal's reason
   */
  join(offset: number, signal: AbortSignal, asker: LogScope): Promise<Geometry> {
    if (this.#task === undefined || this.#task.isAbandoned) {
      const task = new SharedTask((shared) =>
        this.#open(offset, shared, asker)
          .then((geometry) => {
            this.#opened(geometry);
            return geometry;
          })
          .finally(() => {
            if (this.#task === task) this.#task = undefined;
          }),
      );
      this.#task = task;
    }
    return this.#task.join(signal);
  }

  /** A segment is here, or will not come. While somebody still opens the file, what was asked for on a guess is his. */
  segmentIsOver(): void {
    if (this.#task === undefined) this.stop();
  }

  /** Calls off what was asked for on a guess. */
  stop(): void {
    this.#speculation?.abort(noLongerWanted);
    this.#speculation = undefined;
  }

  async #open(offset: number, signal: AbortSignal, asker: LogScope): Promise<Geometry> {
    if (this.#recall) {
      this.#recalled ??= this.#recall();
      await this.#recalled;
      signal.throwIfAborted();
      if (this.#facts.geometry) return this.#facts.geometry;
    }
    this.stop();
    const speculation = new AbortController();
    this.#speculation = speculation;
    const log = asker.child("opening");
    log.log("debug", "start", () => ({ offset }));
    const { needed } = this.#facts.cap;
    const rules: RaceRules<ChkShare, true> = {
      width: needed,
      // One share tells the UEB, but the others' openings go on: the first segment will need them.
      enough: 1,
      least: needed,
      bytes: OPENING_BYTES,
      job: async (share) => {
        // A signal of its own for each share: dozens of listeners on one make Node warn of a leak.
        const own = AbortSignal.any([speculation.signal]);
        await inShareScope(share, own, log, async (scope) => {
          share.speculate(offset, own, scope);
          await share.open(own, scope);
        });
        return true;
      },
    };
    try {
      await this.#run(rules, signal);
    } catch (error) {
      speculation.abort(noLongerWanted);
      log.log("info", "failed", () => ({ reason: isGridError(error) ? error.code : "cancelled" }));
      throw error;
    }
    log.log("debug", "done");
    return this.#facts.geometry as Geometry;
  }
}
