import type { Clock } from "../base/Clock.ts";
import type { ByteRange } from "../base/range.ts";

/**
 * So many requests of one reader wait for their first bytes; each further one overtakes the oldest. More than a person's
 * player asks for at once, and little to work off where all of them are dead.
 */
const MOST_WAITING = 4;
/** A player of sound or pictures in motion asks anew only when it has left what it asked before. */
const MOST_WAITING_OF_PLAYER = 1;
/** A longer part is not fetched for a request that may have been dropped: see `Openings`. */
const SHORT_PART = 4 * 2 ** 20;
/** Most of what cannot be read is known to be so by then. */
const PATIENCE_MS = 500;

/** A request of which the first bytes have not come yet. */
export interface Opening {
  /** Has it overtaken another? Then it may itself be overtaken in a moment. */
  readonly isCrowded: boolean;
  /** Resolves when it is to be answered without its first bytes: newer ones have overtaken it, or the engine wants it. */
  readonly overtaken: Promise<void>;
  /** Its first bytes are here, or will not come. */
  over(): void;
}

/**
 * The requests that wait for their first bytes, by reader: a client and a URL. No browser tells a worker that a request was
 * aborted. But it cancels a dead one's body as soon as there is one: so whoever is overtaken is answered without waiting for
 * its first bytes. If it is dead that is its end, within milliseconds; if it lives its bytes come all the same.
 *
 * WebKit does not: it takes the whole body of a request that was dropped before it was answered. What is dropped after that it
 * cancels at once. So there a long part is answered soon: to a player at once, for which a broken body and an error status are the same.
 */
export class Openings {
  readonly #clock: Clock;
  readonly #forgets: boolean;
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @param forgetsUnanswered does the engine, as WebKit's, never cancel what was dropped before it was answered? */
  constructor(clock: Clock, forgetsUnanswered: boolean) {
    this.#clock = clock;
    this.#forgets = forgetsUnanswered;
  }

  begin(reader: string, isPlayer: boolean, { length }: ByteRange): Opening {
    const waiting = this.#waiting.get(reader) ?? new Set();
    this.#waiting.set(reader, waiting);
    let overtake = () => {};
    const overtaken = new Promise<void>((resolve) => {
      overtake = resolve;
    });
    waiting.add(overtake);
    const isCrowded = waiting.size > (isPlayer ? MOST_WAITING_OF_PLAYER : MOST_WAITING);
    const [oldest] = waiting;
    if (isCrowded && oldest) {
      waiting.delete(oldest);
      oldest();
    }
    const isAnsweredSoon = this.#forgets && length > SHORT_PART;
    const stop = isAnsweredSoon ? this.#clock.after(isPlayer ? 0 : PATIENCE_MS, overtake) : () => {};
    return {
      isCrowded,
      overtaken,
      over: () => {
        stop();
        waiting.delete(overtake);
        if (waiting.size === 0 && this.#waiting.get(reader) === waiting) this.#waiting.delete(reader);
      },
    };
  }
}
