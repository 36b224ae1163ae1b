import { expect, it } from "vitest";
import { GridError } from "../base/GridError.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import type { BodyEnd } from "../http/openBody.ts";
import { Reads } from "./Reads.ts";

const URL_OF_IT = "https://app.example/grid/handle";

function stage() {
  const clock = new VirtualClock();
  const told: ReadEvent[] = [];
  const reads = new Reads(clock, async (event) => {
    // Finding the pages takes longer at one time than at another.
    for (let turns = told.length === 0 ? 20 : 1; turns > 0; turns--) await undefined;
    told.push(event);
  });
  let end: (how: BodyEnd) => void = () => {};
  const ended = new Promise<BodyEnd>((resolve) => {
    end = resolve;
  });
  const body = {
    range: { offset: 100, length: 900 },
    delivered: 0,
    isAwaited: false,
    waitedAt: undefined as number | undefined,
    ended,
    stop: () => undefined,
  };
  return { clock, told, reads, body, end: (how: BodyEnd) => end(how) };
}

const types = (told: readonly ReadEvent[]) => told.map(({ type, delivered }) => `${type} ${delivered}`);

it("tells of a body's start, of its progress four times a second at most, and of its end", async () => {
  const { clock, told, reads, body, end } = stage();
  const following = reads.begin(URL_OF_IT, false).streaming(body);
  expect(reads.count).toBe(1);
  for (let i = 0; i < 10; i++) {
    body.delivered += 10;
    await clock.run(50);
  }
  // Nothing more comes: nothing more is told.
  await clock.run(10_000);
  end({ how: "finished" });
  await following;
  expect(types(told)).toEqual(["started 0", "progress 50", "progress 100", "finished 100"]);
  expect(told[0]).toMatchObject({ url: URL_OF_IT, offset: 100, length: 900 });
  expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  expect(reads.count).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

it("tells with which error a body broke off, and nothing of an error that is not gridfetch's own", async () => {
  for (const [error, code] of [
    [new GridError("BAD_SEGMENT", { segment: 1, storageIndexPrefix: "abcd" }, "This file is broken."), "BAD_SEGMENT"],
    [new Error("URI:CHK:secret"), "INTERNAL"],
  ] as const) {
    const { told, reads, body, end } = stage();
    const following = reads.begin(URL_OF_IT, false).streaming(body);
    end({ how: "failed", error });
    await following;
    expect(told.at(-1)).toMatchObject({ type: "failed", error: { code } });
    expect(JSON.stringify(told)).not.toContain("secret");
  }
});

it("tells of a request that failed before it had a body, and gives each request a name of its own", async () => {
  const { clock, told, reads } = stage();
  for (let i = 0; i < 2; i++) reads.begin(undefined, false).failed(new Error("x"));
  await clock.run(0);
  expect(types(told)).toEqual(["failed 0", "failed 0"]);
  expect(told[0]?.id).not.toBe(told[1]?.id);
});

it("goes on counting where the pages cannot be told", async () => {
  const { clock, body, end } = stage();
  const reads = new Reads(clock, () => Promise.reject(new Error("no pages")));
  const following = reads.begin(URL_OF_IT, false).streaming(body);
  end({ how: "cancelled" });
  await following;
  expect(reads.count).toBe(0);
});

it("says which bodies a paused player holds: neither one that waits for bytes, nor what is no player's", async () => {
  const { clock, reads, body, end } = stage();
  const download = { ...body, delivered: 50 };
  const starving = { ...body, isAwaited: true };
  const event = reads.begin(URL_OF_IT, true).streaming(body);
  let isEventOver = false;
  void event.then(() => {
    isEventOver = true;
  });
  const others = [reads.begin(URL_OF_IT, false).streaming(download), reads.begin(URL_OF_IT, true).streaming(starving)];
  await clock.run(29_000);
  body.delivered += 10;
  await clock.run(29_000);
  expect([reads.count, reads.resting, isEventOver]).toEqual([3, 0, false]);
  await clock.run(2_000);
  // Firefox starts no other worker before it is over.
  expect([reads.count, reads.resting, isEventOver]).toEqual([3, 1, true]);
  body.delivered += 10;
  await clock.run(1_000);
  expect(reads.resting).toBe(0);
  await clock.run(60_000);
  expect(reads.resting).toBe(1);
  end({ how: "cancelled" });
  await Promise.all(others);
  expect([reads.count, reads.resting]).toEqual([0, 0]);
});

it("somebody waits from the request to the answer, and whenever a body's reader does", async () => {
  const { clock, reads, body, end } = stage();
  expect(reads.isAwaited).toBe(false);
  const report = reads.begin(URL_OF_IT, false);
  expect(reads.isAwaited).toBe(true);
  const following = report.streaming(body);
  report.answered();
  expect(reads.isAwaited).toBe(false);
  body.isAwaited = true;
  expect(reads.isAwaited).toBe(true);
  body.isAwaited = false;
  expect(reads.isAwaited).toBe(false);
  body.waitedAt = clock.now();
  await clock.run(400);
  expect(reads.isAwaited).toBe(true);
  await clock.run(200);
  expect(reads.isAwaited).toBe(false);
  body.waitedAt = clock.now();
  end({ how: "cancelled" });
  await following;
  expect(reads.isAwaited).toBe(false);
});
