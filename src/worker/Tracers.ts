import type { Clock } from "../base/Clock.ts";
import { type EventLog, isAtLeast, type LogEvent, type LogLevel, type TraceEvent, traced } from "../base/EventLog.ts";
import { inTime, sleep } from "../base/wait.ts";
import type { Answer } from "../channel/messages.ts";

/** A page that is slower loses the oldest. */
const MOST_HELD = 20_000;
const MOST_AT_ONCE = 2_000;
/** So long events are gathered for one answer. */
const GATHER_MS = 100;
/** So long a page waits for the first. */
const PATIENCE_MS = 5_000;
/** A page that has not asked for so long does not listen any more. */
const GONE_MS = 30_000;

interface Tracer {
  readonly level: LogLevel;
  readonly held: TraceEvent[];
  lost: number;
  /** Ends a page's wait. */
  wake: () => void;
  stopListening: () => void;
  cancelEnd: () => void;
}

/** Pages that follow what the worker does. They fetch the events, so that nothing is sent to one that is too slow, and nobody listens where none does. */
export class Tracers {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #tracers = new Map<string, Tracer>();
  /** Numbers of scopes begin anew with each worker: this tells one from the next. */
  readonly #worker = crypto.randomUUID();

  constructor(log: EventLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * The next events for a page: as soon as there are some, and none if there are none for five seconds. The first that it is given says which
   * worker this is.
   *
   * @param id of the page's own choice
   * @throws the signal's reason
   */
  async next(id: string, level: LogLevel, signal: AbortSignal): Promise<Answer<"trace">> {
    const tracer = this.#tracers.get(id) ?? this.#begin(id, level);
    tracer.cancelEnd();
    try {
      if (tracer.held.length === 0) await this.#first(tracer, signal);
      const { lost } = tracer;
      tracer.lost = 0;
      return { events: tracer.held.splice(0, MOST_AT_ONCE), lost };
    } finally {
      tracer.cancelEnd = this.#clock.after(GONE_MS, () => this.#end(id, tracer));
    }
  }

  async #first(tracer: Tracer, signal: AbortSignal): Promise<void> {
    const some = new Promise<void>((resolve) => {
      tracer.wake = resolve;
    });
    await inTime(some, PATIENCE_MS, this.#clock, () => {}, signal);
    if (tracer.held.length > 0) await sleep(GATHER_MS, this.#clock, signal);
  }

  #begin(id: string, level: LogLevel): Tracer {
    const held: TraceEvent[] = [];
    const tracer: Tracer = { level, held, lost: 0, wake() {}, stopListening() {}, cancelEnd() {} };
    tracer.stopListening = this.#log.listen((event) => this.#hear(tracer, event));
    this.#tracers.set(id, tracer);
    const start = { at: this.#clock.now(), level: "info", scope: 0, parent: undefined, kind: "trace.start" } as const;
    held.push(traced({ ...start, fields: { worker: this.#worker } }, this.#clock));
    return tracer;
  }

  #hear(tracer: Tracer, event: LogEvent): void {
    if (!isAtLeast(event.level, tracer.level)) return;
    tracer.held.push(traced(event, this.#clock));
    if (tracer.held.length > MOST_HELD) {
      tracer.held.shift();
      tracer.lost++;
    }
    tracer.wake();
  }

  #end(id: string, tracer: Tracer): void {
    tracer.stopListening();
    this.#tracers.delete(id);
  }
}
