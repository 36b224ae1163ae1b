import { expect, it } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { BackgroundPace } from "./BackgroundPace.ts";

const never = new AbortController().signal;

function stage() {
  const clock = new VirtualClock();
  const readers = { wait: false };
  return { clock, readers, pace: new BackgroundPace(clock, () => readers.wait) };
}

/** Takes turns of `bytes` without end, and counts what it was let through. */
function work(pace: BackgroundPace, bytes: number, signal = never): { got: number } {
  const done = { got: 0 };
  const go = async () => {
    for (;;) {
      await pace.turn(bytes, signal);
      done.got += bytes;
      if (done.got >= 1_000_000) return;
    }
  };
  go().catch(() => undefined);
  return done;
}

it("nothing holds it up where no reader waits and no limit is set", async () => {
  const { clock, pace } = stage();
  const done = work(pace, 1_000);
  await clock.run(0);
  expect(done.got).toBe(1_000_000);
  expect(clock.pendingTimers).toBe(0);
});

it("Y-04 waits while a reader does, and goes on within a tenth of a second after", async () => {
  const { clock, readers, pace } = stage();
  readers.wait = true;
  const done = work(pace, 1_000);
  await clock.run(5_000);
  expect(done.got).toBe(0);
  readers.wait = false;
  await clock.run(100);
  expect(done.got).toBe(1_000_000);
});

it("Y-04 all of it together keeps to the limit, however many work, and one turn more is all that comes at once", async () => {
  const { clock, pace } = stage();
  pace.limit(10_000);
  const jobs = [work(pace, 500), work(pace, 500), work(pace, 500)];
  const sum = () => jobs.reduce((all, { got }) => all + got, 0);
  await clock.run(0);
  expect(sum()).toBeLessThanOrEqual(1_500);
  await clock.run(20_000);
  expect(sum()).toBeGreaterThan(180_000);
  expect(sum()).toBeLessThanOrEqual(201_500);
});

it("rest saves up no more than a tenth of a second", async () => {
  const { clock, pace } = stage();
  pace.limit(10_000);
  await clock.run(60_000);
  const done = work(pace, 500);
  await clock.run(1_000);
  expect(done.got).toBeLessThanOrEqual(11_500);
});

it("a limit that is lifted counts at once for who waits already", async () => {
  const { clock, pace } = stage();
  pace.limit(1);
  const done = work(pace, 100_000);
  await clock.run(1_000);
  expect(done.got).toBe(100_000);
  pace.limit();
  await clock.run(100);
  expect(done.got).toBe(1_000_000);
});

it("who is called off waits no longer, and others are not disturbed", async () => {
  const { clock, readers, pace } = stage();
  readers.wait = true;
  const left = new AbortController();
  const turn = pace.turn(1, left.signal).catch((reason: unknown) => reason);
  const done = work(pace, 1_000);
  await clock.run(50);
  left.abort("left");
  expect(await turn).toBe("left");
  readers.wait = false;
  await clock.run(100);
  expect(done.got).toBe(1_000_000);
  await expect(pace.turn(1, AbortSignal.abort("gone"))).rejects.toBe("gone");
});
