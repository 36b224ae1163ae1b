import type { LogScope } from "../base/EventLog.ts";
import { isGridError } from "../base/GridError.ts";
import { sleep } from "../base/sleep.ts";
import type { DownloadContext } from "./DownloadContext.ts";

/**
 * Outlasts, for a while, that all servers of a file that was read have failed at once: what stands between is restarting, or the
 * network is changing. A player given up on now would not ask again.
 */
export class Outage {
  readonly #context: DownloadContext;
  readonly #mayRecover: () => boolean;
  readonly #startFresh: () => void;
  #hasRead = false;
  /** Since when all servers have failed, and when the first read saw that, in the clock's milliseconds. */
  #current: { readonly began: number; readonly seen: number } | undefined;

  /**
   * @param mayRecover would it do if servers that failed came back?
   * @param startFresh gives every share and server a new chance
   */
  constructor(context: DownloadContext, mayRecover: () => boolean, startFresh: () => void) {
    this.#context = context;
    this.#mayRecover = mayRecover;
    this.#startFresh = startFresh;
  }

  /** Runs `fetch`, again and ever less often while there is an outage. @throws what `fetch` does; the signal's reason */
  async outlast<T>(log: LogScope, signal: AbortSignal, fetch: () => Promise<T>): Promise<T> {
    const { clock, limits } = this.#context;
    for (;;) {
      const tried = clock.now();
      try {
        const fetched = await fetch();
        this.#hasRead = true;
        // What was tried before may have been on its way already.
        if (this.#current !== undefined && tried > this.#current.seen) this.#current = undefined;
        return fetched;
      } catch (error) {
        if (!this.#hasRead || !isGridError(error, "NOT_ENOUGH_SHARES")) throw error;
        // Later there are no shares to judge by: each new try begins with none.
        if (this.#current === undefined && !this.#mayRecover()) throw error;
        this.#current ??= { began: tried, seen: clock.now() };
        const elapsed = clock.now() - this.#current.began;
        const left = limits.outage - elapsed;
        if (left <= 0) throw error;
        log.log("info", "outage", () => ({ ms: elapsed }));
        await sleep(Math.min(left, Math.max(limits.outageRetry, elapsed)), clock, signal);
        this.#startFresh();
      }
    }
  }
}
