import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import { atWork, failureReply, isQuestion, misunderstoodReply, neverMind, reply } from "../channel/messages.ts";
import { askNewer, askWorker } from "./askWorker.ts";

/** A version of the protocol that is not understood here. */
const far = { oldest: 900, newest: 901 };

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

it("tells a worker that it gives up that nobody waits any more", async () => {
  const asked = askWorker(worker, "ping", {}).catch(() => undefined);
  const told: unknown[] = [];
  if (port) port.onmessage = ({ data }) => told.push(data);
  await pass(10);
  await asked;
  await pass(0);
  expect(told).toEqual([neverMind("ping")]);
});

describe("who asks", () => {
  const told = (error: unknown) => error;

  it("hears what the worker failed with, as it was", async () => {
    const asked = askWorker(worker, "keeps", {}).catch(told);
    const failure = toErrorRecord(new GridError("STORE_FULL", { store: "x" }, "The disk is full."));
    port?.postMessage(failureReply("keeps", failure));
    await pass(0);
    const error = await asked;
    expect(error).toBeInstanceOf(GridError);
    expect(error).toMatchObject({ code: "STORE_FULL", details: { store: "x" }, message: "The disk is full." });
  });

  it.each<[string, () => object]>([
    ["does not understand", () => misunderstoodReply("handOvers")],
    ["says so in the words of a far version", () => ({ ...misunderstoodReply("handOvers"), gridfetch: far })],
  ])("hears plainly that a worker %s, and may do without", async (_, say) => {
    const asked = askWorker(worker, "handOvers", {}).catch(told);
    port?.postMessage(say());
    await pass(0);
    expect(await asked).toMatchObject({ code: "NO_WORKER", details: { reason: "version" } });
    const optional = askNewer(worker, "handOvers", {});
    port?.postMessage(say());
    await pass(0);
    expect(await optional).toBeUndefined();
  });

  it("does without no answer of a worker that is silent, or has failed", async () => {
    const silent = askNewer(worker, "offlineWork", {}).catch(told);
    await pass(10);
    expect(await silent).toMatchObject({ code: "TIMED_OUT" });
  });

  it("takes no notice of what is no reply to this question", async () => {
    const asked = askWorker(worker, "ping", {});
    const others = [
      null,
      "ping",
      reply("offlineWork", { keeping: 1 }),
      { ...reply("ping", { streams: 7 }), gridfetch: far },
    ];
    for (const data of others) port?.postMessage(data);
    await pass(0);
    port?.postMessage(reply("ping", { streams: 1 }));
    await pass(0);
    expect(await asked).toEqual({ streams: 1 });
  });

  it("leaves with the signal, and asks nothing with one that is aborted already", async () => {
    const gone = new Error("gone");
    const leaving = new AbortController();
    const asked = askWorker(worker, "keeps", {}, { signal: leaving.signal }).catch(told);
    leaving.abort(gone);
    expect(await asked).toBe(gone);
    expect(vi.getTimerCount()).toBe(0);
    port = undefined;
    expect(await askWorker(worker, "keeps", {}, { signal: AbortSignal.abort(gone) }).catch(told)).toBe(gone);
    expect([port, vi.getTimerCount()]).toEqual([undefined, 0]);
  });

  it("leaves no timer behind an answer", async () => {
    const asked = askWorker(worker, "ping", {});
    port?.postMessage(reply("ping", { streams: 1 }));
    await pass(0);
    await asked;
    expect(vi.getTimerCount()).toBe(0);
  });
});
