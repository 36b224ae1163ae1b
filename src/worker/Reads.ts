import type { Clock } from "../base/Clock.ts";
import { toErrorRecord } from "../base/errorRecord.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import type { BodyWatch } from "../http/openBody.ts";

/** Four times a second is as often as a progress bar is looked at. */
const PROGRESS_MS = 250;

/** Where the network is what a reader waits for, its waits are closer together. */
const LATELY_MS = 500;

/** A player that has taken nothing for so long is paused. */
const RESTING_MS = 30_000;

/** What the answer to one request tells of itself. */
export interface ReadReport {
  /**
   * A body begins to stream. Resolves when it has ended and the pages were told, or when a player that holds it is paused: prolong the
   * event until then. Firefox starts no update while an event of the present worker goes on.
   */
  streaming(body: BodyWatch): Promise<void>;
  /** It is answered with an error. */
  failed(error: unknown): void;
  /** It is answered, however. */
  answered(): void;
}

/** The requests for grid URLs that are being answered: how many stream, and what the pages hear of each. */
export class Reads {
  readonly #clock: Clock;
  readonly #announce: (event: ReadEvent) => Promise<unknown>;
  /** Ids go on where the last start of the worker ended: no two reads of a page's life share one. */
  readonly #start = crypto.randomUUID();
  #begun = 0;
  readonly #bodies = new Set<BodyWatch>();
  #unanswered = 0;
  #resting = 0;
  /** Events are sent one after the other, since finding the pages takes turns of the event loop. */
  #sent: Promise<unknown> = Promise.resolve();

  /** @param announce tells all pages; what it fails with is ignored, for no read depends on being watched */
  constructor(clock: Clock, announce: (event: ReadEvent) => Promise<unknown>) {
    this.#clock = clock;
    this.#announce = announce;
  }

  /** Bodies under way. */
  get count(): number {
    return this.#bodies.size;
  }

  /** Does anybody wait for an answer or for a body's next bytes, or has a moment ago, as a reader does between two pieces? */
  get isAwaited(): boolean {
    const lately = this.#clock.now() - LATELY_MS;
    const waits = ({ isAwaited, waitedAt = Number.NEGATIVE_INFINITY }: BodyWatch) => isAwaited || waitedAt > lately;
    return this.#unanswered > 0 || [...this.#bodies].some(waits);
  }

  /** Of these, bodies that a paused player holds. It asks for the rest anew where one breaks off, and may never do so. */
  get resting(): number {
    return this.#resting;
  }

  /**
   * @param url what the pages know the request by; none if it holds a cap
   * @param isPlayer is it asked for by an element for sound or pictures in motion?
   */
  begin(url: string | undefined, isPlayer: boolean): ReadReport {
    const id = `${this.#start}/${++this.#begun}`;
    this.#unanswered++;
    return {
      answered: () => void this.#unanswered--,
      streaming: (body) => this.#follow(id, url, body, isPlayer),
      failed: (error) => void this.#tell({ type: "failed", id, url, delivered: 0, error: toErrorRecord(error) }),
    };
  }

  async #follow(id: string, url: string | undefined, body: BodyWatch, isPlayer: boolean): Promise<void> {
    this.#bodies.add(body);
    let told = 0;
    void this.#tell({ type: "started", id, url, delivered: 0, ...body.range });
    let movedAt = this.#clock.now();
    let isResting = false;
    let letEventEnd = () => {};
    const paused = new Promise<void>((resolve) => {
      letEventEnd = resolve;
    });
    const rest = (now: boolean) => {
      if (now !== isResting) this.#resting += now ? 1 : -1;
      isResting = now;
      if (isResting) letEventEnd();
    };
    const look = () => {
      stop = this.#clock.after(PROGRESS_MS, look);
      const now = this.#clock.now();
      if (body.isAwaited || body.delivered !== told) movedAt = now;
      rest(isPlayer && now - movedAt >= RESTING_MS);
      if (body.delivered === told) return;
      told = body.delivered;
      void this.#tell({ type: "progress", id, url, delivered: told });
    };
    let stop = this.#clock.after(PROGRESS_MS, look);
    const ended = body.ended.then((end) => {
      stop();
      rest(false);
      this.#bodies.delete(body);
      const facts = { id, url, delivered: body.delivered };
      return this.#tell(
        end.how === "failed"
          ? { ...facts, type: "failed", error: toErrorRecord(end.error) }
          : { ...facts, type: end.how },
      );
    });
    await Promise.race([ended, paused]);
  }

  #tell(event: ReadEvent): Promise<unknown> {
    this.#sent = this.#sent.then(() => this.#announce(event)).catch(() => undefined);
    return this.#sent;
  }
}
