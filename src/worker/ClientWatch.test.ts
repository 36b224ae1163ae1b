import { describe, expect, it } from "vitest";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { openBody } from "../http/openBody.ts";
import { ClientWatch } from "./ClientWatch.ts";

const SIZE = 100_000;

function stage() {
  const clock = new VirtualClock();
  const there = new Set<string>();
  let looks = 0;
  const watch = new ClientWatch(clock, async (client) => {
    looks++;
    return there.has(client);
  });
  const file = new FakeFile(new Uint8Array(SIZE));
  const open = async (client: string) => {
    const watchBody = watch.asks(client);
    const body = await openBody(file, { offset: 0, length: SIZE }, new AbortController().signal, { clock });
    watchBody(body);
    return body;
  };
  return { clock, there, file, open, watch, looks: () => looks };
}

describe("what is read for a client that has gone", () => {
  it("ends within ten seconds, and its read with it; the others' goes on", async () => {
    const { clock, there, file, open } = stage();
    there.add("a page").add("another");
    const [left, stays] = [await open("a page"), await open("another")];
    await clock.run(13_000);
    there.delete("a page");
    await clock.run(10_000);
    await expect(left.stream.getReader().read()).rejects.toMatchObject({ name: "AbortError" });
    expect(await clock.runUntil(left.ended)).toEqual({ how: "cancelled" });
    expect(file.cancels).toHaveLength(1);
    expect((await new Response(stays.stream).arrayBuffer()).byteLength).toBe(SIZE);
    await clock.run(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends also where it had gone before its answer was there", async () => {
    const { clock, there, open, watch, file } = stage();
    there.add("a page");
    const watchBody = watch.asks("a page");
    await clock.run(0);
    there.delete("a page");
    await clock.run(30_000);
    const body = await openBody(file, { offset: 0, length: SIZE }, new AbortController().signal, { clock });
    watchBody(body);
    await clock.run(10_000);
    await expect(body.stream.getReader().read()).rejects.toMatchObject({ name: "AbortError" });
    // A page that is there again, under the same address, is another client.
    there.add("its next");
    expect((await open("its next")).delivered).toBe(0);
  });

  it("goes on where the browser never told of the client, does not say who it is, or fails to look", async () => {
    for (const [client, isThere] of [
      ["a worker that it does not tell of", async () => false],
      ["", async () => false],
      ["a page", () => Promise.reject(new Error("no"))],
    ] as const) {
      const clock = new VirtualClock();
      const watch = new ClientWatch(clock, isThere);
      const watchBody = watch.asks(client);
      const file = new FakeFile(new Uint8Array(SIZE));
      const body = await openBody(file, { offset: 0, length: SIZE }, new AbortController().signal, { clock });
      watchBody(body);
      await clock.run(60_000);
      expect((await new Response(body.stream).arrayBuffer()).byteLength).toBe(SIZE);
      await clock.run(0);
      expect(clock.pendingTimers).toBe(0);
    }
  });
});

it("one look is enough for a thousand requests of one page", async () => {
  const { clock, there, open, looks } = stage();
  there.add("a page");
  const bodies = await Promise.all(Array.from({ length: 1_000 }, () => open("a page")));
  expect(looks()).toBe(1);
  await clock.run(10_000);
  expect(looks()).toBe(2);
  for (const { stream } of bodies) await stream.cancel();
  await clock.run(0);
  expect(clock.pendingTimers).toBe(0);
});
