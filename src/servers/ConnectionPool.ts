import type { Clock } from "../base/Clock.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { StreamFailure } from "./ByteStream.ts";
import type { HttpConnection } from "./HttpConnection.ts";
import { IDLE_LIMIT, OPENING_LIMIT, UNAWAITED_LIMIT } from "./serverConnections.ts";

interface Waiter {
  serve(connection: HttpConnection): void;
  fail(error: unknown): void;
}

interface IdleConnection {
  readonly connection: HttpConnection;
  readonly since: number;
  /** It is not closed for having idled too long. */
  stopWaiting(): void;
}

interface Opening {
  readonly began: number;
  readonly controller: AbortController;
}

/** How a pool gets connections. */
export interface ConnectionSource {
  /** A new connection. */
  open(signal: AbortSignal): Promise<HttpConnection>;
  /** May one be opened that nobody waits for yet? */
  readonly mayOpenAhead: boolean;
}

/**
 * The connections to one server. Whoever needs one gets the first that is there, be it new or one that another request is done with:
 * opening takes a relay and TLS several round trips, a small request takes one. When the last that idles is taken another is opened ahead, where
 * that may be: a read needs two at once, and a seek one beside those whose replies it has left.
 */
export class ConnectionPool {
  readonly #source: ConnectionSource;
  readonly #clock: Clock;
  /** The one that was used last comes last. */
  readonly #idle: IdleConnection[] = [];
  readonly #waiting = new Set<Waiter>();
  /**
   * Never fewer than those who wait. One whose waiter got another connection goes on for a while, with nobody waiting too: whoever needed two
   * will again.
   */
  readonly #openings = new Set<Opening>();
  /** Those that will soon be given back, by nobody who waits for anything. */
  #expected = 0;

  constructor(source: ConnectionSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** The caller's until it gives it back. Rejects with what `open` does, or with the signal's reason. */
  async take(signal: AbortSignal): Promise<HttpConnection> {
    signal.throwIfAborted();
    const idle = this.#takeIdle();
    if (idle === undefined) return this.#next(signal);
    this.#openAhead();
    return idle;
  }

  /** Takes a connection back, and closes one that is of no more use. */
  give(connection: HttpConnection): void {
    const [first] = this.#waiting;
    if (!connection.isUsable) connection.close();
    else if (first === undefined) this.#keep(connection);
    else {
      first.serve(connection);
      this.#openAhead();
    }
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

  #openAhead(): void {
    if (this.#source.mayOpenAhead && this.#idle.length + this.#openings.size === 0) this.#startOpening();
  }

  #takeIdle(): HttpConnection | undefined {
    const idle = this.#idle.pop();
    if (idle === undefined) return undefined;
    idle.stopWaiting();
    // A worker that was suspended meanwhile has heard no timer.
    if (this.#clock.now() - idle.since < IDLE_LIMIT) return idle.connection;
    idle.connection.close();
    return this.#takeIdle();
  }

  #next(signal: AbortSignal): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", leave);
        if (this.#waiting.size === 0) this.#endOpenings();
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
        // Whoever has left mostly asks for something else next.
        if (this.#waiting.size === 0) this.#endOpenings(this.#source.mayOpenAhead ? 1 : 0);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiter);
      if (this.#isLacking) this.#startOpening();
    });
  }

  #startOpening(): void {
    const controller = new AbortController();
    const opening = { began: this.#clock.now(), controller };
    this.#openings.add(opening);
    const cancel = this.#clock.after(OPENING_LIMIT, () =>
      controller.abort(new StreamFailure("server-away", "no connection came about in time")),
    );
    const cancelLook = this.#clock.after(UNAWAITED_LIMIT, () => {
      if (this.#waiting.size === 0) this.#endOpenings();
    });
    const isOver = (): boolean => {
      cancel();
      cancelLook();
      return this.#openings.delete(opening);
    };
    this.#source.open(controller.signal).then(
      (connection) => {
        isOver();
        this.give(connection);
      },
      (error: unknown) => {
        const { aborted, reason } = controller.signal;
        const [first] = this.#waiting;
        // While there are as many as wait, nobody has lost anything.
        if (isOver() && this.#isLacking) first?.fail(aborted ? reason : error);
      },
    );
  }

  /** For when nobody waits: ends those that have taken long, and of the others all but so many. */
  #endOpenings(most = Number.POSITIVE_INFINITY): void {
    const since = this.#clock.now() - UNAWAITED_LIMIT;
    let left = most;
    for (const opening of this.#openings) {
      if (opening.began > since && left-- > 0) continue;
      opening.controller.abort(noLongerWanted);
      this.#openings.delete(opening);
    }
  }

  #keep(connection: HttpConnection): void {
    const leave = (): void => {
      idle.stopWaiting();
      const index = this.#idle.indexOf(idle);
      if (index >= 0) this.#idle.splice(index, 1);
      connection.close();
    };
    const idle = { connection, since: this.#clock.now(), stopWaiting: this.#clock.after(IDLE_LIMIT, leave) };
    this.#idle.push(idle);
    connection.watchIdle(leave);
  }
}
