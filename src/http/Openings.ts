/**
 * So many requests of one reader wait for their first bytes; each further one overtakes the oldest. More than a person's
 * player asks for at once, and little to work off where all of them are dead.
 */
const MOST_WAITING = 4;
/** A player of sound or pictures in motion asks anew only when it has left what it asked before. */
const MOST_WAITING_OF_PLAYER = 1;

/** A request of which the first bytes have not come yet. */
export interface Opening {
  /** Has it overtaken another? Then it may itself be overtaken in a moment. */
  readonly isCrowded: boolean;
  /** Resolves when newer ones have overtaken it. */
  readonly overtaken: Promise<void>;
  /** Its first bytes are here, or will not come. */
  over(): void;
}

/**
 * The requests that wait for their first bytes, by reader: a client and a URL. No browser tells a worker that a request was
 * aborted. But it cancels a dead one's body as soon as there is one: so whoever is overtaken is answered without waiting for
 * its first bytes. If it is dead that is its end, within milliseconds; if it lives its bytes come all the same.
 */
export class Openings {
  readonly #waiting = new Map<string, Set<() => void>>();

  begin(reader: string, isPlayer: boolean): Opening {
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
    return {
      isCrowded,
      overtaken,
      over: () => {
        waiting.delete(overtake);
        if (waiting.size === 0 && this.#waiting.get(reader) === waiting) this.#waiting.delete(reader);
      },
    };
  }
}
