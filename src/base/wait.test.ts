import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { inTime, sleep, unlessAborted, withDeadline, withOwnSignal } from "./wait.ts";

const gone = new Error("gone");
const late = new Error("late");
const never = () => new Promise<never>(() => {});

/** Each way of waiting for what does not come. */
const waits: Record<string, (clock: VirtualClock, signal: AbortSignal) => Promise<unknown>> = {
  sleep: (clock, signal) => sleep(1_000, clock, signal),
  inTime: (clock, signal) => inTime(never(), 1_000, clock, () => "late", signal),
  unlessAborted: (_, signal) => unlessAborted(never(), signal),
  withOwnSignal: (_, signal) => withOwnSignal(signal, (own) => unlessAborted(never(), own)),
  withDeadline: (clock, signal) =>
    withDeadline(
      1_000,
      clock,
      () => late,
      signal,
      (own) => unlessAborted(never(), own),
    ),
};

describe.each(Object.entries(waits))("%s", (_, wait) => {
  it("ends at once with a signal that is aborted already, and leaves nothing behind", async () => {
    const clock = new VirtualClock();
    const signal = AbortSignal.abort(gone);
    await expect(wait(clock, signal)).rejects.toBe(gone);
    expect([clock.pendingTimers, getEventListeners(signal, "abort").length]).toEqual([0, 0]);
  });

  it("ends when its signal is aborted, and leaves nothing behind", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const waiting = wait(clock, controller.signal);
    const outcome = expect(waiting).rejects.toBe(gone);
    await clock.run(10);
    controller.abort(gone);
    await outcome;
    expect([clock.now(), clock.pendingTimers]).toEqual([10, 0]);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });
});

it("sleep resolves when the time has passed, and leaves nothing on the signal", async () => {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  await clock.runUntil(sleep(1_000, clock, signal));
  expect([clock.now(), getEventListeners(signal, "abort").length]).toEqual([1_000, 0]);
});

describe("inTime", () => {
  it("gives what comes in time, and sets no timer that outlives it", async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const work = sleep(999, clock).then(() => "work");
    expect(await clock.runUntil(inTime(work, 1_000, clock, () => "late", signal))).toBe("work");
    expect([clock.pendingTimers, getEventListeners(signal, "abort").length]).toEqual([0, 0]);
  });

  it("gives what `late` gives, or throws, when the time has passed", async () => {
    const clock = new VirtualClock();
    expect(await clock.runUntil(inTime(never(), 1_000, clock, async () => "late"))).toBe("late");
    const throwing = inTime(never(), 1_000, clock, () => {
      throw late;
    });
    await expect(clock.runUntil(throwing)).rejects.toBe(late);
  });

  it("fails as what is waited for fails, in time", async () => {
    const clock = new VirtualClock();
    await expect(inTime(Promise.reject(gone), 1_000, clock, () => "late")).rejects.toBe(gone);
    expect(clock.pendingTimers).toBe(0);
  });
});

it("a failure of what is no longer waited for is nobody's", async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => unheard.push(error);
  process.on("unhandledRejection", hear);
  const clock = new VirtualClock();
  const failing = () => sleep(2_000, clock).then(() => Promise.reject(late));
  await expect(unlessAborted(failing(), AbortSignal.abort(gone))).rejects.toBe(gone);
  await expect(clock.runUntil(inTime(failing(), 1_000, clock, () => "late"))).resolves.toBe("late");
  await expect(inTime(failing(), 1_000, clock, () => "late", AbortSignal.abort(gone))).rejects.toBe(gone);
  await clock.run(5_000);
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});

describe("a signal of its own", () => {
  it("is aborted when the work has ended, well or not", async () => {
    let own: AbortSignal | undefined;
    const { signal } = new AbortController();
    const work = async (given: AbortSignal) => {
      own = given;
      return "done";
    };
    expect(await withOwnSignal(signal, work)).toBe("done");
    expect([own?.aborted, getEventListeners(signal, "abort").length]).toEqual([true, 0]);
    const failing = async (given: AbortSignal) => {
      own = given;
      throw gone;
    };
    await expect(withOwnSignal(signal, failing)).rejects.toBe(gone);
    expect([own?.aborted, getEventListeners(signal, "abort").length]).toEqual([true, 0]);
  });

  it("is not even made for a caller who has left", async () => {
    let begun = 0;
    const work = async () => begun++;
    await expect(withOwnSignal(AbortSignal.abort(gone), work)).rejects.toBe(gone);
    expect(begun).toBe(0);
  });

  it("is aborted at the deadline, with what `late` makes", async () => {
    const clock = new VirtualClock();
    const work = (own: AbortSignal) => unlessAborted(never(), own);
    await expect(clock.runUntil(withDeadline(1_000, clock, () => late, undefined, work))).rejects.toBe(late);
    expect(clock.now()).toBe(1_000);
  });

  it("has no timer left when the work ends in time", async () => {
    const clock = new VirtualClock();
    expect(
      await withDeadline(
        1_000,
        clock,
        () => late,
        undefined,
        async () => "done",
      ),
    ).toBe("done");
    expect(clock.pendingTimers).toBe(0);
  });
});
