import type { LogFields, TraceEvent } from "../base/EventLog.ts";

/** Spans as OpenTelemetry's collectors take them by HTTP, in JSON. */
export interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** One piece of work. Ids are hexadecimal, times nanoseconds since 1970 in decimal. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: 1;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  readonly events: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes: readonly OtlpAttribute[];
  }[];
  /** 2 is an error. */
  readonly status: { readonly code: 0 | 2; readonly message?: string };
}

/** A fact of a span. */
export interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly doubleValue: number } | { readonly boolValue: boolean };
}

interface Work {
  readonly scope: number;
  /** A read's is the answer that it is for. */
  readonly parent: number | undefined;
  readonly events: [TraceEvent, ...TraceEvent[]];
}

/** How an event's kind says that the work ended with it. */
const END = /\.(?:start|done|end|finished|cancelled|failed)$/;

/**
 * A trace, as `grid.trace` gives it or `gridfetch get --trace` writes it, as OpenTelemetry has it: each piece of work is a span, with what it was told of as attributes. Nothing is
 * sent anywhere. The events have to be of one worker or program.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function toOtlpJson(events: Iterable<TraceEvent>): OtlpTraces {
  const works = worksOf(events);
  const traceIds = new Map<number, string>();
  const traceIdOf = (scope: number): string => {
    const known = traceIds.get(scope);
    if (known !== undefined) return known;
    const parent = works.get(scope)?.parent;
    const id = parent === undefined || parent === scope ? newTraceId() : traceIdOf(parent);
    traceIds.set(scope, id);
    return id;
  };
  const spans = [...works.values()].map((work) => spanOf(work, traceIdOf(work.scope)));
  const attributes = attributesOf({ "service.name": "gridfetch" });
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: "gridfetch" }, spans }] }] };
}

function worksOf(events: Iterable<TraceEvent>): Map<number, Work> {
  const works = new Map<number, Work>();
  for (const event of events) {
    const { scope, parent, kind, fields } = event;
    const work = works.get(scope);
    if (work) work.events.push(event);
    else {
      const asker = kind === "read.start" && typeof fields.asker === "number" ? fields.asker : parent;
      works.set(scope, { scope, parent: asker, events: [event] });
    }
  }
  return works;
}

function spanOf({ scope, parent, events }: Work, traceId: string): OtlpSpan {
  const [first] = events;
  const last = events.at(-1) ?? first;
  const [name = ""] = first.kind.split(".");
  const isFailed = last.kind.endsWith(".failed");
  const reason = last.fields.reason;
  return {
    traceId,
    spanId: spanIdOf(scope),
    ...(parent !== undefined && { parentSpanId: spanIdOf(parent) }),
    name,
    kind: 1,
    startTimeUnixNano: nanoseconds(first),
    endTimeUnixNano: nanoseconds(last),
    attributes: attributesOf(Object.assign({}, ...events.filter(isEnd).map(({ fields }) => fields))),
    events: events
      .filter((event) => !isEnd(event))
      .map((event) => ({ name: event.kind, timeUnixNano: nanoseconds(event), attributes: attributesOf(event.fields) })),
    status: isFailed ? { code: 2, ...(typeof reason === "string" && { message: reason }) } : { code: 0 },
  };
}

function isEnd({ kind }: TraceEvent): boolean {
  return END.test(kind);
}

function attributesOf(fields: LogFields): OtlpAttribute[] {
  return Object.entries(fields).map(([key, value]) => {
    if (typeof value === "string") return { key, value: { stringValue: value } };
    return { key, value: typeof value === "number" ? { doubleValue: value } : { boolValue: value } };
  });
}

/** In two steps: nanoseconds since 1970 are more than a number holds. */
function nanoseconds({ wallAt }: TraceEvent): string {
  const whole = Math.floor(wallAt);
  return `${whole}${String(Math.floor((wallAt - whole) * 1e6)).padStart(6, "0")}`;
}

function spanIdOf(scope: number): string {
  // Zeroes alone are no id.
  return (scope + 1).toString(16).padStart(16, "0");
}

function newTraceId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
