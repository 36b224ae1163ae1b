import type { BodyWatch } from "../http/openBody.ts";

/** A film of 400 MB that is played pauses before that by itself, by a cancel. */
const MOST_FOR_LEFT = 8 * 2 ** 20;

/** A request of a player that is being worked on. */
export interface Seek {
  /** It is answered with this body. */
  answered(body: BodyWatch): void;
  /** It is answered, in whichever way. */
  over(): void;
}

/**
 * The requests of players that are not answered yet, for an engine that forgets those that are dropped by then. A player that asks for another
 * part has left the one before, so that its body is for nobody. But it may be another player of the same film, on the same page: so it ends after
 * some megabytes, and not at once.
 */
export class UnansweredSeeks {
  readonly #ranges = new Map<string, Set<{ readonly range: string | null; isLeft: boolean }>>();

  /** @param player a client and a URL */
  begin(player: string, range: string | null): Seek {
    const others = this.#ranges.get(player) ?? new Set();
    this.#ranges.set(player, others);
    for (const other of others) other.isLeft ||= other.range !== range;
    const own = { range, isLeft: false };
    others.add(own);
    return {
      answered: (body) => own.isLeft && body.stop(left(), MOST_FOR_LEFT),
      over: () => {
        others.delete(own);
        if (others.size === 0 && this.#ranges.get(player) === others) this.#ranges.delete(player);
      },
    };
  }
}

function left(): DOMException {
  return new DOMException("The player has asked for another part meanwhile.", "AbortError");
}

/**
 * Does this engine forget requests that were dropped before they were answered, and take their bodies whole? WebKit does (2.50), and
 * nothing that it has or lacks tells it: so this asks for its name, which is frozen, as is the number after it where Chromium borrows it. Where it is wrong
 * about a version to come, the price is a status: see `Openings`.
 */
export function forgetsUnanswered(userAgent: string): boolean {
  return /AppleWebKit\/(?!537)/.test(userAgent);
}
