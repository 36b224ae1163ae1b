import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { HandOver } from "../base/Keep.ts";
import { announcement, isQuestion, misunderstoodReply, type QuestionKind, reply } from "../channel/messages.ts";
import type { ReadEvent } from "../channel/ReadEvent.ts";
import { keepWorkerAlive } from "./keepWorkerAlive.ts";

const ID = "a".repeat(26);
const DUE: HandOver = { id: ID, size: 9, urls: ["https://example.org/share"] };
const STARTED: ReadEvent = { type: "started", id: "1", url: undefined, delivered: 0, offset: 0, length: 9 };

/** How many streams the worker says it has; undefined: it does not answer. */
let streams: number | undefined;
/** Files that it keeps offline. */
let keeping: number;
let unfinished: HandOver[] | undefined;
/** Of the worker. */
let version: number;
let asked: QuestionKind[];
/** What happens while the worker answers a question. */
let meanwhile: (kind: QuestionKind) => void;
let container: ServiceWorkerContainer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  streams = 0;
  keeping = 0;
  unfinished = undefined;
  version = 5;
  asked = [];
  meanwhile = () => undefined;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data)) throw new Error("not a question");
      const { kind } = data;
      asked.push(kind);
      meanwhile(kind);
      if (streams !== undefined) port.postMessage(answer(kind, streams));
      port.close();
    },
  };
  container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
});
afterEach(() => {
  vi.useRealTimers();
});

function answer(kind: QuestionKind, streams: number): object {
  if (kind === "ping") {
    const before5 = { ...(version > 1 && { keeping }), ...(version > 2 && unfinished && { unfinished }) };
    return reply("ping", { streams, ...(version < 5 && before5) });
  }
  if (version < 5) return misunderstoodReply(kind);
  return kind === "handOvers" ? reply(kind, { unfinished }) : reply("offlineWork", { keeping });
}

const count = (kind: QuestionKind) => asked.filter((each) => each === kind).length;
const pings = () => count("ping");
const keepEvent = (state: "keeping" | "kept") =>
  announcement("keep", { id: ID, size: 9, keptBytes: state === "kept" ? 9 : 0, state });

function announce(data: unknown = announcement("read", STARTED)): void {
  container.dispatchEvent(new MessageEvent("message", { data }));
}

/** Lets seconds pass; messages between ports take real turns of the event loop. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await vi.advanceTimersByTimeAsync(1_000);
    for (let turn = 0; turn < 15; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

it("asks once when it starts, every ten seconds while the worker streams, and then no more", async () => {
  keepWorkerAlive(container, () => 1_000);
  await pass(60);
  expect(pings()).toBe(1);
  streams = 1;
  announce();
  await pass(65);
  expect(pings()).toBe(7);
  streams = 0;
  await pass(60);
  expect(pings()).toBe(8);
  streams = 1;
  announce();
  await pass(35);
  expect(pings()).toBe(11);
});

it("asks in time where timers do not run, as in a hidden page: it hears that the worker streams", async () => {
  streams = 1;
  keepWorkerAlive(container, () => undefined);
  await pass(1);
  expect(pings()).toBe(1);
  for (let second = 1; second <= 30; second++) {
    // The clock goes on, and no timer does.
    vi.setSystemTime(Date.now() + 1_000);
    announce(announcement("read", { type: "progress", id: "1", url: undefined, delivered: second }));
    for (let turn = 0; turn < 15; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(pings()).toBe(4);
});

it("keeps a worker that streams to another tab, although it began before this page did", async () => {
  keepWorkerAlive(container, () => 1_000);
  streams = 1;
  await pass(65);
  expect(pings()).toBe(7);
});

it("keeps a worker that keeps a file offline until that is done", async () => {
  keepWorkerAlive(container, () => 1_000);
  await pass(1);
  keeping = 1;
  announce(keepEvent("keeping"));
  await pass(57);
  expect([pings(), count("offlineWork")]).toEqual([7, 7]);
  keeping = 0;
  announce(keepEvent("kept"));
  await pass(60);
  expect([pings(), count("offlineWork")]).toEqual([8, 8]);
  // No browser takes anything over here.
  expect(count("handOvers")).toBe(0);
});

it("asks a worker that has been ended in the middle to go on, since a ping does not", async () => {
  keeping = 1;
  keepWorkerAlive(container, () => 1_000);
  await pass(5);
  expect(asked).toEqual(["ping", "offlineWork"]);
});

it("tells what the browser should take over, and nothing where that is not known", async () => {
  const told: unknown[] = [];
  keepWorkerAlive(
    container,
    () => 1_000,
    (due) => told.push(due),
  );
  await pass(1);
  expect([told, count("handOvers")]).toEqual([[], 0]);
  keeping = 1;
  unfinished = [DUE];
  announce(keepEvent("keeping"));
  await pass(3);
  expect(told).toEqual([[DUE]]);
  unfinished = undefined;
  await pass(10);
  unfinished = [];
  await pass(10);
  expect(told).toEqual([[DUE], []]);
});

it.each([1, 2, 3, 4])("does with what a worker of version %i says by its ping", async (older) => {
  version = older;
  streams = 1;
  keeping = 1;
  unfinished = [DUE];
  const told: unknown[] = [];
  keepWorkerAlive(
    container,
    () => 1_000,
    (due) => told.push(due),
  );
  await pass(65);
  expect(pings()).toBe(7);
  expect(told).toHaveLength(older > 2 ? 7 : 0);
  streams = 0;
  await pass(60);
  // The first version keeps nothing.
  expect(pings()).toBe(older > 1 ? 13 : 8);
});

it("keeps a worker for what begins while it says that it has nothing to do", async () => {
  meanwhile = (kind) => {
    if (kind !== "offlineWork" || asked.length > 2) return;
    announce();
    // By when the worker has counted its streams.
    setTimeout(() => {
      streams = 1;
    }, 1_000);
  };
  keepWorkerAlive(container, () => 1_000);
  await pass(65);
  expect(pings()).toBe(7);
});

it("is one voice, however often a stream begins or a page connects", async () => {
  keepWorkerAlive(container, () => 1_000);
  await pass(5);
  streams = 1;
  keepWorkerAlive(container, () => 1_000);
  for (let i = 0; i < 5; i++) announce();
  await pass(20);
  announce();
  await pass(20);
  expect(pings()).toBe(5);
});

it("goes on after silences, and gives up a worker that stays silent or is gone", async () => {
  keepWorkerAlive(container, () => 1_000);
  await pass(1);
  streams = undefined;
  announce();
  await pass(60);
  const before = pings();
  expect(before).toBeGreaterThan(2);
  streams = 1;
  await pass(60);
  expect(pings()).toBeGreaterThanOrEqual(before + 5);
  streams = undefined;
  await pass(600);
  const last = pings();
  await pass(100);
  expect(pings()).toBe(last);
  streams = 1;
  Object.assign(container, { controller: null });
  announce();
  await pass(100);
  expect(pings()).toBe(last);
});

it("listens to nothing else", async () => {
  keepWorkerAlive(container, () => 1_000);
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
  expect(pings()).toBe(1);
});
