import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { announcement, isQuestion, reply } from "../channel/messages.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import { keepWorkerAlive } from "./keepWorkerAlive.ts";

const STARTED: ReadEvent = { type: "started", id: "1", url: undefined, delivered: 0, offset: 0, length: 9 };

/** How many streams the worker says it has; undefined: it does not answer. */
let streams: number | undefined;
/** Files that it keeps offline. */
let keeping: number;
let pings: number;
let container: ServiceWorkerContainer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  streams = 0;
  keeping = 0;
  pings = 0;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      expect(isQuestion(data) && data.kind).toBe("ping");
      pings++;
      if (streams !== undefined) port.postMessage(reply("ping", { streams, keeping }));
      port.close();
    },
  };
  container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  keepWorkerAlive(container);
});
afterEach(() => {
  vi.useRealTimers();
});

function announce(data: unknown = announcement("read", STARTED)): void {
  container.dispatchEvent(new MessageEvent("message", { data }));
}

/** Lets seconds pass; messages between ports take real turns of the event loop. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await vi.advanceTimersByTimeAsync(1_000);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

it("asks once when it starts, every ten seconds while the worker streams, and then no more", async () => {
  await pass(60);
  expect(pings).toBe(1);
  streams = 1;
  announce();
  await pass(60);
  expect(pings).toBe(7);
  streams = 0;
  await pass(60);
  expect(pings).toBe(8);
  streams = 1;
  announce();
  await pass(30);
  expect(pings).toBe(11);
});

it("keeps a worker that streams to another tab, although it began before this page did", async () => {
  streams = 1;
  await pass(60);
  expect(pings).toBe(7);
});

it("keeps a worker that keeps a file offline until that is done", async () => {
  await pass(1);
  keeping = 1;
  const keep = { id: "a".repeat(26), size: 9, keptBytes: 0 };
  announce(announcement("keep", { ...keep, state: "keeping" }));
  await pass(60);
  expect(pings).toBe(7);
  keeping = 0;
  announce(announcement("keep", { ...keep, keptBytes: 9, state: "kept" }));
  await pass(60);
  expect(pings).toBe(8);
});

it("is one voice, however often a stream begins or a page connects", async () => {
  await pass(5);
  streams = 1;
  keepWorkerAlive(container);
  for (let i = 0; i < 5; i++) announce();
  await pass(20);
  announce();
  await pass(20);
  expect(pings).toBe(5);
});

it("goes on after silences, and gives up a worker that stays silent or is gone", async () => {
  await pass(1);
  streams = undefined;
  announce();
  await pass(60);
  const before = pings;
  expect(before).toBeGreaterThan(2);
  streams = 1;
  await pass(60);
  expect(pings).toBeGreaterThanOrEqual(before + 5);
  streams = undefined;
  await pass(600);
  const last = pings;
  await pass(100);
  expect(pings).toBe(last);
  streams = 1;
  Object.assign(container, { controller: null });
  announce();
  await pass(100);
  expect(pings).toBe(last);
});

it("listens to nothing else", async () => {
  await pass(1);
  const later = { oldest: 1_000, newest: 1_001 };
  const messages = [
    null,
    "streaming",
    { kind: "read", content: STARTED },
    { gridfetch: later, kind: "read", content: STARTED },
    announcement("read", { ...STARTED, type: "finished" }),
  ];
  for (const data of messages) announce(data);
  await pass(30);
  expect(pings).toBe(1);
});
