import { expect, it, vi } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { unlessLate } from "./unlessLate.ts";

const after = (clock: VirtualClock, ms: number) => clock.sleep(ms, new AbortController().signal);

it("gives what comes in time, and leaves nothing that happens later", async () => {
  const clock = new VirtualClock();
  const otherwise = vi.fn(async () => "else");
  const work = after(clock, 999).then(() => "work");
  expect(await clock.runUntil(unlessLate(work, 1_000, clock, otherwise))).toBe("work");
  expect(clock.pendingTimers).toBe(0);
  expect(otherwise).not.toHaveBeenCalled();
});

it("turns to the other where the work fails, or takes longer", async () => {
  const clock = new VirtualClock();
  const failing = after(clock, 10).then(() => Promise.reject(new Error("away")));
  expect(await clock.runUntil(unlessLate(failing, 1_000, clock, async () => "else"))).toBe("else");
  expect([clock.now(), clock.pendingTimers]).toEqual([10, 0]);
  const slow = after(clock, 5_000).then(() => "work");
  expect(await clock.runUntil(unlessLate(slow, 1_000, clock, async () => "else"))).toBe("else");
  expect(clock.now()).toBe(1_010);
  await expect(
    clock.runUntil(unlessLate(slow, 1_000, clock, () => slow.then(() => Promise.reject("no")))),
  ).rejects.toBe("no");
});
