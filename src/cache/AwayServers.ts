import { utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/Clock.ts";
import type { WriteBehind } from "./WriteBehind.ts";

const KEY = "away-servers";
/** Entries of less than this age are not written anew. In milliseconds, like the next. */
const FRESH = 3_600_000;
/** After this a server is asked like any other: it may have been back for long, with nobody who asked. */
const MEMORY = 24 * FRESH;
/** A network that has gone is not back within so many milliseconds. */
const MOMENT = 100;
const MOST_SERVERS = 512;
const LONGEST_PLACE = 64;

/** A server. One without a place is not remembered. */
interface Placed {
  readonly place?: string;
}

/**
 * Servers that gave no answer while others did, by their places: they are asked last, and never left out. One that answers is
 * forgotten at once, any other after a day. Nothing here fails, or waits for long.
 */
export class AwayServers {
  readonly #facts: WriteBehind | undefined;
  readonly #clock: Clock;
  /** When each was missed, by its place, in milliseconds since 1970. */
  #missedAt = new Map<string, number>();
  /** When servers failed, by their places, until it shows whether the visitor's own network was the reason. */
  readonly #suspects = new Map<string, number>();
  /** When that was asked for which has been answered: the latest of it. In the clock's milliseconds, as all times of others. */
  #answeredFrom = Number.NEGATIVE_INFINITY;
  #recalled: Promise<void> | undefined;

  /** @param facts where they outlast this program */
  constructor(clock: Clock, facts?: WriteBehind) {
    this.#clock = clock;
    this.#facts = facts;
  }

  /** Brings back what earlier workers knew, once. Never rejects. */
  recall(): Promise<void> {
    this.#recalled ??= this.#read();
    return this.#recalled;
  }

  has(server: Placed): boolean {
    const age = this.#clock.wallNow() - (this.#missedAt.get(server.place ?? "") ?? Number.NaN);
    // The computer's clock may have been set back.
    return age >= 0 && age < MEMORY;
  }

  /** It was asked at `began`, and has answered. So those are away that failed meanwhile, or a moment before: where the visitor's own network is, all of them do. */
  answered({ place = "" }: Placed, began: number): void {
    this.#answeredFrom = Math.max(this.#answeredFrom, began);
    this.#suspects.delete(place);
    if (this.#missedAt.delete(place)) this.#write();
    for (const [suspect, failedAt] of this.#suspects) {
      if (began - failedAt < MOMENT && this.#suspects.delete(suspect)) this.#miss(suspect);
    }
  }

  failed({ place }: Placed): void {
    if (place !== undefined) this.#suspects.set(place, this.#clock.now());
  }

  /** It was asked at `began`, and has said nothing for long. It is away if another has answered what it was asked later. */
  silent({ place }: Placed, began: number): void {
    if (place !== undefined && this.#answeredFrom >= began) this.#miss(place);
  }

  #miss(place: string): void {
    const now = this.#clock.wallNow();
    const age = now - (this.#missedAt.get(place) ?? Number.NaN);
    if (age >= 0 && age < FRESH) return;
    this.#missedAt.delete(place);
    this.#missedAt.set(place, now);
    const [oldest] = this.#missedAt.keys();
    if (this.#missedAt.size > MOST_SERVERS) this.#missedAt.delete(oldest as string);
    this.#write();
  }

  async #read(): Promise<void> {
    const bytes = (await this.#facts?.get([KEY]))?.get(KEY);
    // What was seen meanwhile is newer.
    this.#missedAt = new Map([...decode(bytes), ...this.#missedAt]);
  }

  #write(): void {
    this.#facts?.put(KEY, utf8(JSON.stringify([...this.#missedAt])));
  }
}

/** What is wrong is left out, up to the whole of it. */
function decode(bytes: Uint8Array | undefined): [string, number][] {
  try {
    const rows = JSON.parse(new TextDecoder().decode(bytes)) as [string, number][];
    const isRight = ([place, at]: [unknown, unknown]) =>
      typeof place === "string" && place.length <= LONGEST_PLACE && typeof at === "number";
    return rows.filter(isRight).slice(-MOST_SERVERS);
  } catch {
    return [];
  }
}
