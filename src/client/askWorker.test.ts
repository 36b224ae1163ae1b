import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { atWork, isQuestion, reply } from "../channel/messages.ts";
import { askWorker } from "./askWorker.ts";

let port: MessagePort | undefined;
const worker = {
  postMessage(data: unknown, [given]: [MessagePort]) {
    if (!isQuestion(data)) throw new Error("not a question");
    port = given;
  },
} as unknown as ServiceWorker;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  port?.close();
  vi.useRealTimers();
});

/** Lets seconds pass; messages between ports take real turns of the event loop. */
async function pass(seconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1_000);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it("waits for an answer as long as the worker says that it is at work on it", async () => {
  const asked = askWorker(worker, "changeKeep", { id: "a".repeat(26), to: "removed" });
  for (let seconds = 0; seconds < 90; seconds += 9) {
    await pass(9);
    port?.postMessage(atWork("changeKeep"));
    await pass(0);
  }
  port?.postMessage(reply("changeKeep", {}));
  await pass(0);
  expect(await asked).toEqual({});
});

it("gives up a worker that falls silent after 10 s, and one that is at work for ever after 2 minutes", async () => {
  const told = (error: unknown) => error;
  const silent = askWorker(worker, "ping", {}).catch(told);
  await pass(10);
  expect(await silent).toMatchObject({ code: "TIMED_OUT", details: { ms: 10_000 } });

  const busy = askWorker(worker, "ping", {}).catch(told);
  for (let seconds = 0; seconds < 120; seconds += 5) {
    await pass(5);
    port?.postMessage(atWork("ping"));
    await pass(0);
  }
  expect(await busy).toMatchObject({ code: "TIMED_OUT", details: { ms: 120_000 } });
});
