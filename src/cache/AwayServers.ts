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
const LONGEST_NAME = 64;

/** A server, as others know it. */
interface Place {
  readonly id: string;
  readonly place?: string;
}

/**
 * Servers that gave no answer while others did, by where they are: they are asked last, and never left out. One that answers is
 * forgotten at once, any other after a day. Nothing here fails, or waits for long.
 */
export class AwayServers {
  readonly #facts: WriteBehind;
  readonly #clock: Clock;
  /** When each was missed, by its name, in milliseconds since 1970. */
  #missedAt = new Map<string, number>();
  /** When servers failed, by their names, until it shows whether the visitor's own network was the reason. */
  readonly #suspects = new Map<string, number>();
  /** When that was asked for which has been answered: the latest of it. In the clock's milliseconds, as all times of others. */
  #answeredFrom = Number.NEGATIVE_INFINITY;
  #recalled: Promise<void> | undefined;

  constructor(facts: WriteBehind, clock: Clock) {
    this.#facts = facts;
    this.#clock = clock;
  }

  /** Brings back what earlier workers knew, once. Never rejects. */
  recall(): Promise<void> {
    this.#recalled ??= this.#read();
    return this.#recalled;
  }

  has(server: Place): boolean {
    const age = this.#clock.wallNow() - (this.#missedAt.get(nameOf(server)) ?? Number.NaN);
    // The computer's clock may have been set back.
    return age >= 0 && age < MEMORY;
  }

  /** It was asked at `began`, and has answered. So those are away that failed meanwhile, or a moment before: where the visitor's own network is, all of them do. */
  answered(server: Place, began: number): void {
    const name = nameOf(server);
    this.#answeredFrom = Math.max(this.#answeredFrom, began);
    this.#suspects.delete(name);
    if (this.#missedAt.delete(name)) this.#write();
    for (const [suspect, failedAt] of this.#suspects) {
      if (began - failedAt < MOMENT && this.#suspects.delete(suspect)) this.#miss(suspect);
    }
  }

  failed(server: Place): void {
    this.#suspects.set(nameOf(server), this.#clock.now());
  }

  /** It was asked at `began`, and has said nothing for long. It is away if another has answered what it was asked later. */
  silent(server: Place, began: number): void {
    if (this.#answeredFrom >= began) this.#miss(nameOf(server));
  }

  #miss(name: string): void {
    const now = this.#clock.wallNow();
    if (now - (this.#missedAt.get(name) ?? Number.NEGATIVE_INFINITY) < FRESH) return;
    this.#missedAt.delete(name);
    this.#missedAt.set(name, now);
    const [oldest] = this.#missedAt.keys();
    if (this.#missedAt.size > MOST_SERVERS) this.#missedAt.delete(oldest as string);
    this.#write();
  }

  async #read(): Promise<void> {
    const bytes = (await this.#facts.get([KEY])).get(KEY);
    // What was seen meanwhile is newer.
    this.#missedAt = new Map([...decode(bytes), ...this.#missedAt]);
  }

  #write(): void {
    this.#facts.put(KEY, utf8(JSON.stringify([...this.#missedAt])));
  }
}

function nameOf({ id, place = id }: Place): string {
  return place;
}

/** What is wrong is left out, up to the whole of it. */
function decode(bytes: Uint8Array | undefined): [string, number][] {
  try {
    const rows = JSON.parse(new TextDecoder().decode(bytes)) as [string, number][];
    const isRight = ([name, at]: [unknown, unknown]) =>
      typeof name === "string" && name.length <= LONGEST_NAME && typeof at === "number";
    return rows.filter(isRight).slice(-MOST_SERVERS);
  } catch {
    return [];
  }
}
