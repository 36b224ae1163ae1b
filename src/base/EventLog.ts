import type { Clock } from "./Clock.ts";

/** How much an event matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One thing that happened. Plain data, fit for a message or a file; holds no cap, key or swissnum. */
export interface LogEvent {
  /** Milliseconds of the clock. */
  readonly at: number;
  readonly level: LogLevel;
  /** The scope it belongs to, and that scope's own parent: node > read > segment > share > request. */
  readonly scope: number;
  readonly parent: number | undefined;
  /** `<scope kind>.<what>`, for instance `segment.done`. */
  readonly kind: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** An event as it leaves its worker or program. */
export interface TraceEvent extends LogEvent {
  /** Milliseconds since 1970, as the computer's clock says; `at` is for what is measured. */
  readonly wallAt: number;
}

/** From what is for whoever looks closely to what went wrong. */
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

export function isLogLevel(value: unknown): value is LogLevel {
  return LEVELS.includes(value as LogLevel);
}

/** @param clock the one that the event has its time from */
export function traced(event: LogEvent, clock: Clock): TraceEvent {
  return { ...event, wallAt: clock.wallNow() - (clock.now() - event.at) };
}

export type LogFields = LogEvent["fields"];
/** Is called with each event, at once. */
export type LogListener = (event: LogEvent) => void;

/** Where events are heard. With no listener nothing is built and nothing is kept. */
export class EventLog {
  readonly #clock: Clock;
  readonly #listeners = new Set<LogListener>();
  #scopes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Hears every event from now on. The result ends it. */
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  scope(kind: string, parent?: LogScope): LogScope {
    return new LogScope(this, kind, ++this.#scopes, parent?.id);
  }

  emit(scope: LogScope, level: LogLevel, what: string, fields: LogFields): void {
    const event = {
      at: this.#clock.now(),
      level,
      scope: scope.id,
      parent: scope.parent,
      kind: `${scope.kind}.${what}`,
      fields,
    };
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // A listener's defect is for the platform to show. It must not break the read that it listens to.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** A piece of work that events belong to. */
export class LogScope {
  readonly #log: EventLog;
  readonly kind: string;
  readonly id: number;
  readonly parent: number | undefined;

  constructor(log: EventLog, kind: string, id: number, parent: number | undefined) {
    this.#log = log;
    this.kind = kind;
    this.id = id;
    this.parent = parent;
  }

  child(kind: string): LogScope {
    return this.#log.scope(kind, this);
  }

  /** `fields` is called only where somebody listens. */
  log(level: LogLevel, what: string, fields: () => LogFields = noFields): void {
    if (this.#log.isHeard) this.#log.emit(this, level, what, fields());
  }
}

const noFields = (): LogFields => ({});
