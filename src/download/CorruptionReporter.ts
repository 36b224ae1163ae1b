import { GridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { Share } from "./Share.ts";

const REPORT_TIMEOUT = 10_000;

/** Tells a server, once for each share, that what it served is corrupt, so that its operator can act. Best effort. */
export class CorruptionReporter {
  readonly #context: DownloadContext;
  /** By server and share number: a share that is found anew is the same. */
  readonly #reported = new Set<string>();
  readonly #running = new Set<AbortController>();
  /** Called off before they arrived, with their reasons. */
  readonly #unsent = new Map<Share, string>();

  constructor(context: DownloadContext) {
    this.#context = context;
  }

  /** @param reason which check failed, without secrets */
  report(share: Share, reason: string): void {
    if (this.#reported.has(nameOf(share))) return;
    this.#reported.add(nameOf(share));
    void this.#run(share, reason);
  }

  /** Sends what `stop` called off: a read may be over before a server has heard of its corruption. */
  resume(): void {
    const unsent = [...this.#unsent];
    this.#unsent.clear();
    for (const [share, reason] of unsent) this.report(share, reason);
  }

  /** Calls off what is under way, until `resume`. */
  stop(): void {
    for (const controller of this.#running) controller.abort(noLongerWanted);
  }

  /** Never rejects: a server that will not hear of it changes nothing for the reader. */
  async #run(share: Share, reason: string): Promise<void> {
    const { clock, scope, storageIndexText, storageOf } = this.#context;
    const controller = new AbortController();
    this.#running.add(controller);
    const cancelTimeout = clock.after(REPORT_TIMEOUT, () => {
      controller.abort(
        new GridError("TIMED_OUT", { what: "corruption report", ms: REPORT_TIMEOUT }, "It took too long."),
      );
    });
    try {
      await storageOf(share.server).reportCorruption(storageIndexText, share.number, reason, controller.signal);
      scope.log("info", "reported", () => ({ server: share.server.name, share: share.number }));
    } catch {
      if (!controller.signal.aborted) return;
      this.#reported.delete(nameOf(share));
      if (controller.signal.reason === noLongerWanted) this.#unsent.set(share, reason);
    } finally {
      cancelTimeout();
      this.#running.delete(controller);
    }
  }
}

function nameOf({ server, number }: Share): string {
  return `${server.id} ${number}`;
}
