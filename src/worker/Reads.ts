import type { Clock } from "../base/Clock.ts";
import { toErrorRecord } from "../base/errorRecord.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import type { BodyWatch } from "../http/openBody.ts";

/** Four times a second is as often as a progress bar is looked at. */
const PROGRESS_MS = 250;

/** What the answer to one request tells of itself. */
export interface ReadReport {
  /** A body begins to stream. Resolves when it has ended and the pages were told: prolong the event until then. */
  streaming(body: BodyWatch): Promise<void>;
  /** It is answered with an error. */
  failed(error: unknown): void;
}

/** The requests for grid URLs that are being answered: how many stream, and what the pages hear of each. */
export class Reads {
  readonly #clock: Clock;
  readonly #announce: (event: ReadEvent) => Promise<unknown>;
  /** Ids go on where the last start of the worker ended: no two reads of a page's life share one. */
  readonly #start = crypto.randomUUID();
  #begun = 0;
  #count = 0;
  /** Events are sent one after the other, since finding the pages takes turns of the event loop. */
  #sent: Promise<unknown> = Promise.resolve();

  /** @param announce tells all pages; what it fails with is ignored, for no read depends on being watched */
  constructor(clock: Clock, announce: (event: ReadEvent) => Promise<unknown>) {
    this.#clock = clock;
    this.#announce = announce;
  }

  /** Bodies under way. */
  get count(): number {
    return this.#count;
  }

  /** @param url what the pages know the request by; none if it holds a cap */
  begin(url: string | undefined): ReadReport {
    const id = `${this.#start}/${++this.#begun}`;
    return {
      streaming: (body) => this.#follow(id, url, body),
      failed: (error) => void this.#tell({ type: "failed", id, url, delivered: 0, error: toErrorRecord(error) }),
    };
  }

  async #follow(id: string, url: string | undefined, body: BodyWatch): Promise<void> {
    this.#count++;
    let told = 0;
    void this.#tell({ type: "started", id, url, delivered: 0, ...body.range });
    const look = () => {
      stop = this.#clock.after(PROGRESS_MS, look);
      if (body.delivered === told) return;
      told = body.delivered;
      void this.#tell({ type: "progress", id, url, delivered: told });
    };
    let stop = this.#clock.after(PROGRESS_MS, look);
    const end = await body.ended;
    stop();
    this.#count--;
    const facts = { id, url, delivered: body.delivered };
    await this.#tell(
      end.how === "failed"
        ? { ...facts, type: "failed", error: toErrorRecord(end.error) }
        : { ...facts, type: end.how },
    );
  }

  #tell(event: ReadEvent): Promise<unknown> {
    this.#sent = this.#sent.then(() => this.#announce(event)).catch(() => undefined);
    return this.#sent;
  }
}
