import { expect, it } from "vitest";
import { announcement } from "../channel/messages.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import { readEvents } from "./readEvents.ts";

const readsOf = (worker: ServiceWorkerContainer, signal?: AbortSignal) =>
  readEvents(worker, "read", ({ type }) => type === "progress", signal);
const container = () => new EventTarget() as ServiceWorkerContainer;
const event = (type: "progress" | "finished", delivered: number): ReadEvent => ({
  type,
  id: "1",
  url: undefined,
  delivered,
});
const tell = (to: EventTarget, data: unknown) => to.dispatchEvent(new MessageEvent("message", { data }));

it("gives what came since the call, in order, and waits for more", async () => {
  const worker = container();
  const events = readsOf(worker);
  tell(worker, announcement("read", event("progress", 1)));
  tell(worker, { something: "else" });
  tell(worker, announcement("read", event("progress", 2)));
  expect((await events.next()).value).toEqual(event("progress", 1));
  expect((await events.next()).value).toEqual(event("progress", 2));
  const next = events.next();
  tell(worker, announcement("read", event("finished", 3)));
  expect((await next).value).toEqual(event("finished", 3));
});

it("answers each who asks, in order, also where several ask at once", async () => {
  const worker = container();
  const events = readsOf(worker);
  const asked = [events.next(), events.next(), events.next()];
  tell(worker, announcement("read", event("progress", 1)));
  tell(worker, announcement("read", event("finished", 2)));
  expect(await asked[0]).toEqual({ done: false, value: event("progress", 1) });
  expect(await asked[1]).toEqual({ done: false, value: event("finished", 2) });
  await events.return?.();
  expect(await asked[2]).toEqual({ done: true, value: undefined });
});

it("ends with the signal, also while it waits, and at once with one that is aborted already", async () => {
  const stop = new AbortController();
  const next = readsOf(container(), stop.signal).next();
  stop.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect((await readsOf(container(), stop.signal).next()).done).toBe(true);
});

it("keeps so many for a slow listener, and of those the ends rather than the progress", async () => {
  const worker = container();
  const stop = new AbortController();
  const events = readsOf(worker, stop.signal);
  tell(worker, announcement("read", event("finished", 0)));
  for (let i = 1; i <= 5_000; i++) tell(worker, announcement("read", event("progress", i)));
  const heard: ReadEvent[] = [];
  for await (const one of events) {
    heard.push(one);
    if (one.delivered === 5_000) break;
  }
  expect(heard[0]).toEqual(event("finished", 0));
  expect(heard.length).toBeLessThanOrEqual(1_000);
  expect((await events.next()).done).toBe(true);
});
