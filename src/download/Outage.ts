import type { LogScope } from "../base/EventLog.ts";
import { isTooLittle } from "../base/GridError.ts";
import { sleep } from "../base/wait.ts";
import type { DownloadContext } from "./DownloadContext.ts";

/** From one try to the next, at most: longer, and a player would wait for servers that are back. */
const LONGEST_PAUSE_MS = 2_000;

/**
 * Outlasts, for a while, that all servers of a file that was read have failed at once: what stands between is restarting, or the
 * network is changing. A player given up on now would not ask again.
 */
export class Outage {
  readonly #context: DownloadContext;
  readonly #startFresh: () => void;
  #hasRead = false;
  #mayRecover = true;
  /** When it was first seen, and last, in the clock's milliseconds. Many segments see it, each in its time. */
  #current: { readonly began: number; readonly seen: number } | undefined;

  /** @param startFresh gives every share and server a new chance */
  constructor(context: DownloadContext, startFresh = () => {}) {
    this.#context = context;
    this.#startFresh = startFresh;
  }

  /** A fetch is about to fail. @param mayRecover would it do if servers that failed came back? Undefined if that cannot be told */
  defeated(mayRecover: boolean | undefined): void {
    this.#mayRecover = mayRecover ?? this.#mayRecover;
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
        if (!this.#hasRead || !isTooLittle(error) || !this.#mayRecover) throw error;
        const began = this.#see(tried);
        // By when it was tried, and not by now: what hung is given up long after servers may be back.
        if (tried - began >= limits.outage) throw error;
        const elapsed = clock.now() - began;
        log.log("info", "outage", () => ({ ms: elapsed }));
        await sleep(this.#pause(elapsed), clock, signal);
        this.#startFresh();
      }
    }
  }

  /** Notes a failure of what was begun at `tried`. @returns when the outage began */
  #see(tried: number): number {
    const { clock, limits } = this.#context;
    const seen = clock.now();
    const last = this.#current;
    // One that nobody looked for since, for so long, may be over, and this is another.
    const isSame = last !== undefined && tried - last.seen <= limits.outage;
    const began = isSame ? last.began : seen;
    this.#current = { began, seen };
    return began;
  }

  #pause(elapsed: number): number {
    const { outage, outageRetry } = this.#context.limits;
    const left = Math.max(0, outage - elapsed);
    return Math.min(left, Math.max(outageRetry, elapsed), LONGEST_PAUSE_MS);
  }
}
