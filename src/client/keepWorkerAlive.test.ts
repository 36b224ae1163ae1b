import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { announcement, answer, isQuestion } from "../channel/messages.ts";
import { keepWorkerAlive } from "./keepWorkerAlive.ts";

/** How many streams the worker says it has; undefined: it does not answer. */
let streams: number | undefined;
let pings: number;
let container: ServiceWorkerContainer;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  streams = 1;
  pings = 0;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      expect(isQuestion(data) && data.kind).toBe("ping");
      pings++;
      if (streams !== undefined) port.postMessage(answer("ping", { streams }));
      port.close();
    },
  };
  container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  keepWorkerAlive(container);
});
afterEach(() => {
  vi.useRealTimers();
});

function announce(data: unknown = announcement("streaming")): void {
  container.dispatchEvent(new MessageEvent("message", { data }));
}

/** Lets seconds pass; messages between ports take real turns of the event loop. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await vi.advanceTimersByTimeAsync(1_000);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

it("speaks to the worker every ten seconds while it streams, and then no more", async () => {
  await pass(60);
  expect(pings).toBe(0);
  announce();
  await pass(60);
  expect(pings).toBe(6);
  streams = 0;
  await pass(60);
  expect(pings).toBe(7);
  streams = 1;
  announce();
  await pass(30);
  expect(pings).toBe(10);
});

it("is one voice, however often a stream begins or a page connects", async () => {
  keepWorkerAlive(container);
  for (let i = 0; i < 5; i++) announce();
  await pass(20);
  announce();
  await pass(20);
  expect(pings).toBe(4);
});

it("gives up a worker that does not answer or is gone", async () => {
  streams = undefined;
  announce();
  await pass(100);
  expect(pings).toBe(1);
  Object.assign(container, { controller: null });
  announce();
  await pass(100);
  expect(pings).toBe(1);
});

it("listens to nothing else", async () => {
  for (const data of [null, "streaming", { kind: "streaming" }, { gridfetch: 2, kind: "streaming" }]) announce(data);
  await pass(30);
  expect(pings).toBe(0);
});
