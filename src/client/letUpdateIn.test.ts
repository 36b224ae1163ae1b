import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { isQuestion, misunderstoodReply, reply } from "../channel/messages.ts";
import { letUpdateIn } from "./letUpdateIn.ts";

/** What the present worker says it streams; undefined: it is of a version that does not understand. */
let streams: number | undefined;
let resting: number | undefined;
let takenOver: number;
let registration: ServiceWorkerRegistration & { waiting: unknown; installing: unknown };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  streams = 1;
  resting = undefined;
  takenOver = 0;
  registration = Object.assign(new EventTarget(), {
    active: worker((port) =>
      port.postMessage(
        streams === undefined
          ? misunderstoodReply("ping")
          : reply("ping", { streams, ...(resting !== undefined && { resting }) }),
      ),
    ),
    waiting: null,
    installing: null,
  }) as unknown as typeof registration;
});
afterEach(() => {
  vi.useRealTimers();
});

const coming = () =>
  worker((port, kind) => {
    expect(kind).toBe("takeOver");
    takenOver++;
    registration.waiting = null;
    port.postMessage(reply("takeOver", {}));
  });

function worker(answer: (port: MessagePort, kind: string) => void): ServiceWorker {
  const postMessage = (data: unknown, [port]: [MessagePort]) => {
    answer(port, isQuestion(data) ? data.kind : "");
    port.close();
  };
  return Object.assign(new EventTarget(), { postMessage, state: "installing" }) as unknown as ServiceWorker;
}

/** Lets seconds pass; messages between ports take real turns of the event loop. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await vi.advanceTimersByTimeAsync(1_000);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

it("lets a worker that waits already take over as soon as nothing streams", async () => {
  registration.waiting = coming();
  letUpdateIn(registration);
  await pass(60);
  expect(takenOver).toBe(0);
  streams = 0;
  await pass(10);
  expect(takenOver).toBe(1);
});

it("lets it take over while all that streams is held by paused players", async () => {
  registration.waiting = coming();
  streams = 2;
  resting = 1;
  letUpdateIn(registration);
  await pass(60);
  expect(takenOver).toBe(0);
  resting = 2;
  await pass(10);
  expect(takenOver).toBe(1);
});

it("notices one that comes later, however often the page connects", async () => {
  streams = 0;
  letUpdateIn(registration);
  letUpdateIn(registration);
  await pass(10);
  const next = coming();
  registration.installing = next;
  registration.dispatchEvent(new Event("updatefound"));
  await pass(10);
  expect(takenOver).toBe(0);
  registration.waiting = next;
  Object.assign(next, { state: "installed" });
  next.dispatchEvent(new Event("statechange"));
  await pass(2);
  expect(takenOver).toBe(1);
});

it("lets it take over where there is no other any more", async () => {
  Object.assign(registration, { active: null });
  registration.waiting = coming();
  letUpdateIn(registration);
  await pass(1);
  expect(takenOver).toBe(1);
});

it("leaves a worker alone that cannot say whether it streams", async () => {
  streams = undefined;
  registration.waiting = coming();
  letUpdateIn(registration);
  await pass(60);
  expect(takenOver).toBe(0);
});
