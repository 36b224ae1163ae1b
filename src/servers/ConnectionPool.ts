import type { Clock } from "../base/Clock.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { StreamFailure } from "./ByteStream.ts";
import type { HttpConnection } from "./HttpConnection.ts";
import { IDLE_LIMIT, OPENING_LIMIT } from "./serverConnections.ts";

interface Waiter {
  serve(connection: HttpConnection): void;
  fail(error: unknown): void;
}

/**
 * The connections to one server. Whoever needs one gets the first that is there, be it new or one that another request is done with:
 * opening takes a relay and TLS several round trips, a small request takes one.
 */
export class ConnectionPool {
  readonly #open: (signal: AbortSignal) => Promise<HttpConnection>;
  readonly #clock: Clock;
  /** The one that was used last comes last. */
  readonly #idle: { readonly connection: HttpConnection; readonly since: number }[] = [];
  readonly #waiting = new Set<Waiter>();
  /**
   * Never fewer than those who wait. One whose waiter got another connection goes on, with nobody waiting too: whoever needed two will
   * again.
   */
  readonly #openings = new Set<AbortController>();
  /** Those that will soon be given back, by nobody who waits for anything. */
  #expected = 0;

  /** @param open a new connection */
  constructor(open: (signal: AbortSignal) => Promise<HttpConnection>, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** The caller's until it gives it back. Rejects with what `open` does, or with the signal's reason. */
  async take(signal: AbortSignal): Promise<HttpConnection> {
    signal.throwIfAborted();
    return this.#takeIdle() ?? this.#next(signal);
  }

  /** Takes a connection back, and closes one that is of no more use. */
  give(connection: HttpConnection): void {
    const [first] = this.#waiting;
    if (!connection.isUsable) connection.close();
    else if (first !== undefined) first.serve(connection);
    else this.#keep(connection);
  }

  /**
   * A connection that somebody has will soon be given back: nothing is opened for whoever can have it then.
   * @returns what to call when that has happened
   */
  expect(): () => void {
    this.#expected++;
    return () => {
      this.#expected--;
      while (this.#isLacking) this.#startOpening();
    };
  }

  /** Opens one where there is none, so that the next request finds it. */
  warm(): void {
    if (this.#idle.length + this.#openings.size + this.#expected === 0) this.#startOpening();
  }

  /** More wait than will be served. */
  get #isLacking(): boolean {
    return this.#openings.size + this.#expected < this.#waiting.size;
  }

  #takeIdle(): HttpConnection | undefined {
    const newest = this.#idle.pop();
    if (newest === undefined) return undefined;
    if (this.#clock.now() - newest.since < IDLE_LIMIT) return newest.connection;
    // The others have idled for longer.
    for (const { connection } of [newest, ...this.#idle.splice(0)]) connection.close();
    return undefined;
  }

  #next(signal: AbortSignal): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", leave);
      };
      const waiter: Waiter = {
        serve(connection) {
          settle();
          resolve(connection);
        },
        fail(error) {
          settle();
          reject(error);
        },
      };
      const leave = (): void => {
        waiter.fail(signal.reason);
        if (this.#waiting.size === 0) this.#stopOpening();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiter);
      if (this.#isLacking) this.#startOpening();
    });
  }

  #startOpening(): void {
    const opening = new AbortController();
    this.#openings.add(opening);
    const cancel = this.#clock.after(OPENING_LIMIT, () =>
      opening.abort(new StreamFailure("server-away", "no connection came about in time")),
    );
    const isOver = (): boolean => {
      cancel();
      return this.#openings.delete(opening);
    };
    this.#open(opening.signal).then(
      (connection) => {
        isOver();
        this.give(connection);
      },
      (error: unknown) => {
        const { aborted, reason } = opening.signal;
        const [first] = this.#waiting;
        // While there are as many as wait, nobody has lost anything.
        if (isOver() && this.#isLacking) first?.fail(aborted ? reason : error);
      },
    );
  }

  #stopOpening(): void {
    for (const opening of this.#openings) opening.abort(noLongerWanted);
    this.#openings.clear();
  }

  #keep(connection: HttpConnection): void {
    this.#idle.push({ connection, since: this.#clock.now() });
    connection.watchIdle(() => {
      const index = this.#idle.findIndex((idle) => idle.connection === connection);
      if (index >= 0) this.#idle.splice(index, 1);
      connection.close();
    });
  }
}
