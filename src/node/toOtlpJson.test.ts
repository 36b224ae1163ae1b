import { expect, it } from "vitest";
import { EventLog, type TraceEvent, traced } from "../base/EventLog.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { toOtlpJson } from "./toOtlpJson.ts";

it("makes a tree of spans of an answer's work, with times, attributes and failures", async () => {
  const clock = new VirtualClock(1_700_000_000_000);
  const log = new EventLog(clock);
  const events: TraceEvent[] = [];
  log.listen((event) => events.push(traced(event, clock)));
  const [node, answer] = [log.scope("node"), log.scope("answer")];
  answer.log("info", "start", () => ({ range: "bytes=0-9" }));
  const read = node.child("read");
  read.log("info", "start", () => ({ offset: 0, length: 10, asker: answer.id }));
  const segment = read.child("segment");
  segment.log("debug", "start", () => ({ segment: 3 }));
  await clock.run(20);
  segment.log("info", "outage", () => ({ ms: 20 }));
  await clock.run(5);
  segment.log("info", "failed", () => ({ segment: 3, reason: "NOT_ENOUGH_SHARES" }));
  read.log("info", "end", () => ({ read: 0 }));

  const [{ scopeSpans } = { scopeSpans: [] }] = toOtlpJson(events).resourceSpans;
  const spans = scopeSpans[0]?.spans ?? [];
  const [first, second, third] = spans;
  expect(spans.map(({ name }) => name)).toEqual(["answer", "read", "segment"]);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(first?.traceId).toMatch(/^[\da-f]{32}$/);
  expect(first?.parentSpanId).toBeUndefined();
  expect([second?.parentSpanId, third?.parentSpanId]).toEqual([first?.spanId, second?.spanId]);
  expect(third).toMatchObject({
    startTimeUnixNano: "1700000000000000000",
    endTimeUnixNano: "1700000000025000000",
    attributes: [
      { key: "segment", value: { doubleValue: 3 } },
      { key: "reason", value: { stringValue: "NOT_ENOUGH_SHARES" } },
    ],
    events: [{ name: "segment.outage", timeUnixNano: "1700000000020000000" }],
    status: { code: 2, message: "NOT_ENOUGH_SHARES" },
  });
});

it("takes what has no beginning, no end and no parent there", () => {
  const event = {
    at: 1,
    wallAt: 1.5,
    level: "info",
    scope: 7,
    parent: 6,
    kind: "request.done",
    fields: { bytes: 5 },
  } as const;
  const [{ scopeSpans } = { scopeSpans: [] }] = toOtlpJson([event]).resourceSpans;
  expect(scopeSpans[0]?.spans).toMatchObject([
    { name: "request", startTimeUnixNano: "1500000", parentSpanId: "0000000000000007" },
  ]);
  expect(toOtlpJson([]).resourceSpans[0]?.scopeSpans[0]?.spans).toEqual([]);
});
