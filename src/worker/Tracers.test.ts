import { beforeEach, expect, it } from "vitest";
import { EventLog, type LogScope } from "../base/EventLog.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { Tracers } from "./Tracers.ts";

const never = new AbortController().signal;

let clock: VirtualClock;
let log: EventLog;
let scope: LogScope;
let tracers: Tracers;
beforeEach(() => {
  clock = new VirtualClock(1_000_000);
  log = new EventLog(clock);
  scope = log.scope("read");
  tracers = new Tracers(log, clock);
});

const next = (id = "page", level: "debug" | "info" = "debug") => clock.runUntil(tracers.next(id, level, never));
const kindsOf = ({ events }: Awaited<ReturnType<typeof next>>) => events.map(({ kind }) => kind);

it("BB-01 nobody listens before a page asks, nor after it has gone", async () => {
  expect(log.isHeard).toBe(false);
  await next();
  expect(log.isHeard).toBe(true);
  await clock.run(29_000);
  await next();
  await clock.run(29_000);
  expect(log.isHeard).toBe(true);
  await clock.run(2_000);
  expect([log.isHeard, clock.pendingTimers]).toEqual([false, 0]);
});

it("BB-02 a page gets each event once, soon after it happens, with the time of day", async () => {
  const { events } = await next();
  expect(events[0]).toMatchObject({ kind: "trace.start", fields: { worker: expect.stringMatching(/^[\da-f-]{36}$/) } });
  await clock.run(1_000);
  const waiting = tracers.next("page", "debug", never);
  await clock.run(2_000);
  scope.log("info", "start", () => ({ offset: 5 }));
  await clock.run(50);
  scope.log("debug", "more");
  const answer = await clock.runUntil(waiting);
  expect(kindsOf(answer)).toEqual(["read.start", "read.more"]);
  expect(answer.events[0]).toMatchObject({ at: 3_000, wallAt: 1_003_000, scope: scope.id, fields: { offset: 5 } });
  // Nothing happens: it is answered all the same.
  const before = clock.now();
  expect(kindsOf(await next())).toEqual([]);
  expect(clock.now() - before).toBe(5_000);
});

it("BB-02 each page has its own, of its own level", async () => {
  await Promise.all([next("one"), next("two", "info")]);
  scope.log("debug", "closely");
  scope.log("warn", "odd");
  expect(kindsOf(await next("one"))).toEqual(["read.closely", "read.odd"]);
  expect(kindsOf(await next("two", "info"))).toEqual(["read.odd"]);
});

it("BB-03 a page that is slow loses the oldest, and is told how many; what is held is bounded", async () => {
  await next();
  for (let number = 0; number < 25_000; number++) scope.log("debug", "step", () => ({ number }));
  const first = await next();
  expect(first.lost).toBe(5_000);
  expect(first.events[0]?.fields).toEqual({ number: 5_000 });
  let count = first.events.length;
  for (let answer = await next(); answer.events.length > 0; answer = await next()) {
    expect(answer.lost).toBe(0);
    count += answer.events.length;
  }
  expect(count).toBe(20_000);
});

it("BB-03 one that leaves while it waits ends its wait", async () => {
  await next();
  const left = new AbortController();
  const waiting = tracers.next("page", "debug", left.signal);
  waiting.catch(() => undefined);
  left.abort(new Error("left"));
  await expect(clock.runUntil(waiting)).rejects.toThrow("left");
});
