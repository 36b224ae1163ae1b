import { expect, it } from "vitest";
import { inTurn } from "./inTurn.ts";
import { FakeLocks } from "./testing/FakeLocks.ts";

const never = new AbortController().signal;

/** Works that end when they are told to. */
function works(locks: FakeLocks, count: number) {
  const running: number[] = [];
  const ends: (() => void)[] = [];
  const begin = (number: number, signal = never) =>
    inTurn(locks.manager, "work", count, signal, async () => {
      running.push(number);
      await new Promise<void>((resolve) => {
        ends[number] = resolve;
      });
      running.splice(running.indexOf(number), 1);
      return number;
    });
  return { running, ends, begin };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

it("AA-07 so many work at once, the others one after the other, each once", async () => {
  const { running, ends, begin } = works(new FakeLocks(), 2);
  const all = [0, 1, 2, 3].map((number) => begin(number));
  await soon();
  expect(running).toEqual([0, 1]);
  ends[1]!();
  await soon();
  expect(running).toEqual([0, 2]);
  ends[0]!();
  ends[2]!();
  await soon();
  expect(running).toEqual([3]);
  ends[3]!();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

it("AA-07 one that waits can be called off, and what a work throws is thrown", async () => {
  const { running, ends, begin } = works(new FakeLocks(), 1);
  const first = begin(0);
  const stop = new AbortController();
  const second = begin(1, stop.signal);
  const third = begin(2);
  await soon();
  stop.abort(new Error("not wanted"));
  await expect(second).rejects.toThrow("not wanted");
  ends[0]!();
  await first;
  await soon();
  expect(running).toEqual([2]);
  ends[2]!();
  await third;
  const failing = inTurn(new FakeLocks().manager, "work", 2, never, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
});
